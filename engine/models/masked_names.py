"""What masked-diffusion checkpoints call things: weights, configuration keys, special tokens. Tables and JSON alone.

Dream, Dream-Coder, DiffuCoder and DreamOn are Qwen2 networks under a model type of their own, Open-dCoder is one under
Qwen2's. All predict a token from the position before it, as the autoregressive networks do that they were made from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Published names as regular expressions, and what transformers' `Qwen2ForCausalLM` calls the same.
WEIGHT_NAMES = {
    r"^model\.embed_tokens\.weight$": "model.embed_tokens.weight",
    r"^model\.layers\.(\d+)\.(self_attn\.[qkv]_proj)\.(weight|bias)$": r"model.layers.\1.\2.\3",
    r"^model\.layers\.(\d+)\.(self_attn\.o_proj|mlp\.(?:gate|up|down)_proj)\.weight$": r"model.layers.\1.\2.weight",
    r"^model\.layers\.(\d+)\.(input|post_attention)_layernorm\.weight$": r"model.layers.\1.\2_layernorm.weight",
    r"^model\.norm\.weight$": "model.norm.weight",
    r"^lm_head\.weight$": "lm_head.weight",
}

# Configuration keys that mean the same in both; what else stands there is of no use to the network.
_CONFIG_KEYS = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "hidden_act",
    "max_position_embeddings",
    "initializer_range",
    "rms_norm_eps",
    "tie_word_embeddings",
    "rope_theta",
    "rope_scaling",
    "rope_parameters",
    "pad_token_id",
    "bos_token_id",
    "eos_token_id",
    "torch_dtype",
    "dtype",
)

# Tokens by name: the published tokenizers have at most one of each row.
MASK_TOKENS = ("<|mask|>", "<M>", "[MASK]")
EXPAND_TOKENS = ("<|expand|>",)
# A text that is whole begins and ends with these; the end of text in a hole deletes that position, where it can.
BEGIN_TOKENS, END_TOKENS = ("<|beginoftext|>",), ("<|endoftext|>",)


@dataclass(frozen=True, slots=True)
class SpecialIds:
    """The ids that steer denoising. `expand` is there only in a checkpoint that was taught to grow and shrink holes."""

    mask: int | None
    expand: int | None
    delete: int | None
    eos: int | None


def qwen2_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `Qwen2Config` takes of a published configuration; its attention has no window."""
    return {key: config[key] for key in _CONFIG_KEYS if config.get(key) is not None} | {"use_sliding_window": False}


def special_ids(folder: Path, config: Mapping[str, Any]) -> SpecialIds:
    """Find the special tokens of a checkpoint: configuration first, then the tokenizer's files by name.

    A file that is missing or broken names nothing; the loader of the weights says what is missing.
    """
    generation = _json(folder / "generation_config.json")
    by_name = added_tokens(folder)
    named = _json(folder / "tokenizer_config.json") | _json(folder / "special_tokens_map.json")

    def find(key: str, *names: str) -> int | None:
        token_id = config.get(f"{key}_token_id", generation.get(f"{key}_token_id"))
        if isinstance(token_id, int):
            return token_id
        token = named.get(f"{key}_token")
        said = token.get("content") if isinstance(token, dict) else token
        return next((by_name[name] for name in (said, *names) if name in by_name), None)

    mask, expand, eos = find("mask", *MASK_TOKENS), find("expand", *EXPAND_TOKENS), find("eos", *END_TOKENS)
    deletes = find("delete")
    return SpecialIds(mask, expand, None if expand is None else eos if deletes is None else deletes, eos)


def added_tokens(folder: Path) -> dict[str, int]:
    """Return the tokens that a tokenizer's files add to its vocabulary, with their ids."""
    found: dict[str, int] = {}
    added = _json(folder / "tokenizer.json").get("added_tokens")
    for token in added if isinstance(added, list) else []:
        if isinstance(token, dict) and isinstance(token.get("id"), int):
            found[str(token.get("content"))] = token["id"]
    decoder = _json(folder / "tokenizer_config.json").get("added_tokens_decoder")
    for token_id, token in decoder.items() if isinstance(decoder, dict) else ():
        if isinstance(token, dict) and token_id.isdecimal():
            found[str(token.get("content"))] = int(token_id)
    more = _json(folder / "added_tokens.json")
    return found | {name: token_id for name, token_id in more.items() if isinstance(token_id, int)}


def _json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
