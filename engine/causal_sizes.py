"""What a causal checkpoint takes of a device's memory, told from its own classes without a weight in them.

There are too many architectures to write down their shapes, so the model is built empty, once for each precision, and
what it would take is counted. It reads `config.json` alone.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import nn

from engine.causal_profile import MAX_PREFIX_TOKENS, MAX_SUFFIX_TOKENS
from engine.models.causal_lm import MAX_LOGITS
from engine.models.quantize.empty import empty_model
from engine.models.quantize.modules import num_bytes, prepare_modules
from engine.models.quantize.precision import PRECISIONS, Precision
from engine.sizes import LOGITS_BYTES, Sizes, kv_cache

# What is written behind a prompt, as a rule.
_HOLE_TOKENS = 256
# The prefix that is remembered, a greedy row, and four others that are tried as a rule, each with a cache of its own.
_PREFIX_COPIES = 6


def causal_sizes(folder: Path, dtype: torch.dtype = torch.bfloat16) -> Sizes:
    """Return the sizes of a causal checkpoint's folder, its weights not needed. Raises: CheckpointError."""
    model = empty_model(folder, dtype)
    text = model.config.get_text_config()
    token, window = kv_cache(text, dtype.itemsize)
    weights: dict[Precision, int] = {}
    expert_layers: dict[Precision, int] = {}
    for precision in PRECISIONS:
        each = copy.deepcopy(model)
        prepare_modules(each, precision)
        weights[precision] = num_bytes(each)
        expert_layers[precision] = _of_one_layers_experts(each)
    max_positions = int(getattr(text, "max_position_embeddings", None) or 1 << 20)
    return Sizes(
        weights=weights,
        expert_layers=expert_layers,
        num_layers=int(text.num_hidden_layers),
        kv_token=token,
        # Suffix and fill stand behind the prefix in every layer, too.
        kv_window=window + token * (MAX_SUFFIX_TOKENS + _HOLE_TOKENS),
        canvas_tokens=max(1, MAX_LOGITS // int(text.vocab_size)),
        max_tokens=min(max_positions, MAX_PREFIX_TOKENS),
        logits_row=int(text.vocab_size) * LOGITS_BYTES,
        hidden_row=(int(text.hidden_size) * 4 + _widest(model) * 3) * dtype.itemsize,
        prefix_copies=_PREFIX_COPIES,
    )


def _of_one_layers_experts(model: nn.Module) -> int:
    """Return what leaves the device with the experts of one layer, at least; 0 without experts."""
    return min((num_bytes(module) for path, module in model.named_modules() if path.endswith(".experts")), default=0)


def _widest(model: nn.Module) -> int:
    """Return the size of the widest inner layer, output head and tables aside."""
    names = {"lm_head", "embed_tokens"}
    linear = (module for path, module in model.named_modules() if path.rpartition(".")[2] not in names)
    return max((module.out_features for module in linear if isinstance(module, nn.Linear)), default=0)
