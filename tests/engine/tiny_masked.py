"""Tiny random masked-diffusion checkpoints in their published layouts: the keys, names and files that those have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import Qwen2Config, Qwen2ForCausalLM

Kind = Literal["Dream-Coder", "DiffuCoder", "DreamOn", "Open-dCoder"]
KINDS: tuple[Kind, ...] = ("Dream-Coder", "DiffuCoder", "DreamOn", "Open-dCoder")

NUM_BYTES = 256
ENDOFTEXT, BEGINOFTEXT, MASK, EXPAND = range(NUM_BYTES, NUM_BYTES + 4)
OPEN_DCODER_MASK = NUM_BYTES + 1
VOCAB_SIZE = NUM_BYTES + 8

_ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())


def qwen2(kind: Kind, seed: int = 0, initializer_range: float = 0.3) -> Qwen2ForCausalLM:
    """Return the network of a kind, as transformers has it, with random weights, biases too."""
    config = Qwen2Config(
        vocab_size=VOCAB_SIZE,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
        initializer_range=initializer_range,
        tie_word_embeddings=kind == "Open-dCoder",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen2ForCausalLM(config).eval()
        for name, weights in model.named_parameters():
            if name.endswith("bias"):
                torch.nn.init.normal_(weights, std=initializer_range)
    return model


def published_config(kind: Kind, **changes: Any) -> dict[str, Any]:
    """Return `config.json` with the keys that the published one has; `changes` replace values."""
    config: dict[str, Any] = {
        "architectures": ["Qwen2ForCausalLM" if kind == "Open-dCoder" else "DreamModel"],
        "attention_dropout": 0.0,
        "bos_token_id": ENDOFTEXT,
        "eos_token_id": ENDOFTEXT,
        "hidden_act": "silu",
        "hidden_size": 32,
        "initializer_range": 0.02,
        "intermediate_size": 48,
        "max_position_embeddings": 512,
        "max_window_layers": 2,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": 1000000.0,
        "tie_word_embeddings": kind == "Open-dCoder",
        "torch_dtype": "float32",
        "transformers_version": "4.46.2",
        "use_sliding_window": False,
        "vocab_size": VOCAB_SIZE,
    }
    if kind == "Open-dCoder":
        return config | {"model_type": "qwen2", "sliding_window": None, "use_cache": False} | changes
    code = {
        "AutoConfig": "configuration_dream.DreamConfig",
        "AutoModel": "modeling_dream.DreamModel",
    }
    own = {"model_type": "Dream", "auto_map": code, "mask_token_id": MASK, "pad_token_id": ENDOFTEXT, "use_cache": True}
    return config | own | {"sliding_window": None} | changes


def save_masked(folder: Path, kind: Kind, model: Qwen2ForCausalLM | None = None, **changes: Any) -> Path:
    """Write a checkpoint folder of a kind; `changes` go into its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "config.json", published_config(kind, **changes))
    weights = {name: tensor.contiguous() for name, tensor in (model or qwen2(kind)).state_dict().items()}
    if kind == "Open-dCoder":
        del weights["lm_head.weight"]  # shared with the embeddings
    save_file(weights, str(folder / "model.safetensors"), metadata={"format": "pt"})
    if kind == "Open-dCoder":
        _tokenizer_json(folder)
    else:
        _vocabulary(folder, kind)
    return folder


def _vocabulary(folder: Path, kind: Kind) -> None:
    """Write the tokenizer as Dream's kin has it: a vocabulary, merges, and what was added to them."""
    _write(folder / "vocab.json", {token: index for index, token in enumerate(_ALPHABET)})
    (folder / "merges.txt").write_text("#version: 0.2\n")
    added = {"<|endoftext|>": ENDOFTEXT, "<|beginoftext|>": BEGINOFTEXT, "<|mask|>": MASK}
    if kind == "DreamOn":
        added["<|expand|>"] = EXPAND
    _write(folder / "added_tokens.json", added)
    decoder = {str(index): {"content": name, "special": True} for name, index in added.items()}
    names = {"bos_token": "<|beginoftext|>", "eos_token": "<|endoftext|>", "mask_token": "<|mask|>"}
    _write(folder / "tokenizer_config.json", names | {"added_tokens_decoder": decoder})
    generation = {"bos_token_id": BEGINOFTEXT, "eos_token_id": ENDOFTEXT, "mask_token_id": MASK}
    _write(folder / "generation_config.json", generation | ({"expand_token_id": EXPAND} if kind == "DreamOn" else {}))


def _tokenizer_json(folder: Path) -> None:
    """Write the tokenizer as Open-dCoder has it: one file, with a mask token that Qwen2's does not have."""
    tokenizer = Tokenizer(models.BPE(vocab={token: index for index, token in enumerate(_ALPHABET)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in ("<|endoftext|>", "<M>")])
    tokenizer.save(str(folder / "tokenizer.json"))
    _write(folder / "tokenizer_config.json", {"eos_token": "<|endoftext|>", "mask_token": "<M>"})


def _write(file: Path, data: dict[str, Any]) -> None:
    file.write_text(json.dumps(data, indent=2))
