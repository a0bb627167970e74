"""Tiny random causal checkpoints of two architectures: the real classes and layouts, no knowledge.

One is a Qwen2 whose tokenizer has fill-in-the-middle marks, as Qwen2.5-Coder's does: added tokens that it does not call
special. The other is a Gemma 4 with sliding layers, shared keys and values, and a tokenizer of its kind without marks.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import Gemma4ForCausalLM, Qwen2Config, Qwen2ForCausalLM
from transformers.models.gemma4 import Gemma4TextConfig

QWEN_MARKS = ("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|file_sep|>")
SLIDING_WINDOW = 16
_CODE = [
    "def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n",
    "for name in names:\n    total = total + len(name)\n    if total > 3:\n        break\n",
    "class Point:\n    def __init__(self, x, y):\n        self.x = x\n        self.y = y\n",
] * 4


def qwen_tokenizer() -> Tokenizer:
    """Return a byte-level tokenizer of a few merges, with Qwen's marks."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=320, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(_CODE, trainer)
    tokenizer.add_special_tokens([AddedToken("<|endoftext|>", special=True)])
    tokenizer.add_tokens([AddedToken(mark, special=False, normalized=False) for mark in QWEN_MARKS])
    return tokenizer


def gemma_tokenizer() -> Tokenizer:
    """Return a tokenizer of pieces with a sign for the space, which begins every text with `<bos>`."""
    special = ("<pad>", "<eos>", "<bos>", "<unk>")
    pieces = [f"<0x{byte:02X}>" for byte in range(256)]
    words = ["▁", "\n", "▁▁", "▁▁▁▁", "▁a", "▁b", "▁+", "re", "ret", "retu", "retur", "return", ")\n"]
    letters = sorted(set("".join(_CODE)) - {" ", "\n"})
    vocab = {token: index for index, token in enumerate((*special, *pieces, *letters, *words))}
    merges = [("▁", "▁"), ("▁▁", "▁▁"), ("▁", "a"), ("▁", "b"), ("▁", "+"), ("r", "e"), ("re", "t")]
    merges += [("ret", "u"), ("retu", "r"), ("retur", "n"), (")", "\n")]
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A $B", special_tokens=[("<bos>", vocab["<bos>"])]
    )
    return tokenizer


def tiny_qwen(tokenizer: Tokenizer, seed: int = 0, hidden_size: int = 32, **declared: Any) -> Qwen2ForCausalLM:
    """Return a Qwen2 of some 40,000 random weights, with more ids than its tokenizer has."""
    config = Qwen2Config(
        vocab_size=tokenizer.get_vocab_size() + 5,
        hidden_size=hidden_size,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=512,
        initializer_range=0.5,
        eos_token_id=tokenizer.token_to_id("<|endoftext|>"),
        bos_token_id=None,
        **({"infill": declared} if declared else {}),
    )
    return _seeded(Qwen2ForCausalLM, config, seed)


def tiny_gemma(tokenizer: Tokenizer, seed: int = 0, **declared: Any) -> Gemma4ForCausalLM:
    """Return a Gemma 4 of some 60,000 random weights; its last two layers share keys and values."""
    config = Gemma4TextConfig(
        vocab_size=tokenizer.get_vocab_size() + 3,
        vocab_size_per_layer_input=tokenizer.get_vocab_size() + 3,
        hidden_size=32,
        hidden_size_per_layer_input=8,
        intermediate_size=48,
        num_hidden_layers=4,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        global_head_dim=16,
        layer_types=["sliding_attention", "full_attention"] * 2,
        num_kv_shared_layers=2,
        sliding_window=SLIDING_WINDOW,
        max_position_embeddings=512,
        final_logit_softcapping=30.0,
        initializer_range=0.5,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
        **({"infill": declared} if declared else {}),
    )
    return _seeded(Gemma4ForCausalLM, config, seed)


def save_tiny_causal(folder: Path, kind: str, seed: int = 0, **declared: Any) -> Path:
    """Write a checkpoint folder of the kind "qwen" or "gemma" in the published layout."""
    tokenizer = qwen_tokenizer() if kind == "qwen" else gemma_tokenizer()
    make = tiny_qwen if kind == "qwen" else tiny_gemma
    make(tokenizer, seed, **declared).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def _seeded(cls: Any, config: Any, seed: int) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return cls(config).eval()


def save_causal_that_says(folder: Path, text: str) -> Path:
    """Write a Qwen2 whose weights know one fill by heart: each token leads to the next one, the last to the end.

    Raises: ValueError where a token of the text comes twice.
    """
    tokenizer = qwen_tokenizer()
    model = tiny_qwen(tokenizer, hidden_size=(tokenizer.get_vocab_size() // 8 + 2) * 8)
    ids = tokenizer.encode(text).ids
    if len(set(ids)) < len(ids):
        raise ValueError("what follows a token must be one thing")
    chain = [tokenizer.token_to_id("<|fim_middle|>"), *ids, tokenizer.token_to_id("<|endoftext|>")]
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(*model.model.embed_tokens.weight.shape))
        model.lm_head.weight.zero_()
        for before, after in pairwise(chain):
            model.lm_head.weight[after, before] = 1.0
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder
