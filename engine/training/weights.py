"""The names of the weights, ours and the published ones, and reading a published checkpoint back into the lean network.

What is read back trains on: see `Recipe.begin_from` and `infill-lsp tune`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from engine.training.network import Network, Shape

# Ours -> the published name, below `model.decoder.layers.N.`
_LAYER_NAMES = {
    "q_proj.weight": "self_attn.q_proj.weight",
    "k_proj.weight": "self_attn.k_proj.weight",
    "v_proj.weight": "self_attn.v_proj.weight",
    "o_proj.weight": "self_attn.o_proj.weight",
    "q_norm": "self_attn.q_norm.weight",
    "k_norm": "self_attn.k_norm.weight",
    "gate_proj.weight": "mlp.gate_proj.weight",
    "up_proj.weight": "mlp.up_proj.weight",
    "down_proj.weight": "mlp.down_proj.weight",
    "input_norm": "input_layernorm.weight",
    "post_attention_norm": "post_attention_layernorm.weight",
    "mlp_norm": "pre_feedforward_layernorm.weight",
    "mlp_inner_norm": "post_feedforward_layernorm_1.weight",
    "post_mlp_norm": "post_feedforward_layernorm.weight",
}
_OTHER_NAMES = {
    "embedding": "embed_tokens.weight",
    "norm": "norm.weight",
    "conditioning_norm": "self_conditioning.pre_norm.weight",
    "conditioning_gate.weight": "self_conditioning.gate_proj.weight",
    "conditioning_up.weight": "self_conditioning.up_proj.weight",
    "conditioning_down.weight": "self_conditioning.down_proj.weight",
}


def renamed(network: Network) -> Iterator[tuple[str, Tensor]]:
    """Yield each trained weight under its published name."""
    for name, weight in network.state_dict().items():
        yield _published_name(name), weight


def read(folder: Path) -> Network:
    """Return a checkpoint that `engine.training.export` wrote as a network in bfloat16.

    Raises: ValueError when the folder holds a checkpoint of another make, which the lean network cannot be.
    """
    from transformers import DiffusionGemmaConfig  # A run from random weights does without the library.

    text = DiffusionGemmaConfig.from_pretrained(folder).text_config
    shape = Shape(
        vocab_size=text.vocab_size,
        hidden_size=text.hidden_size,
        intermediate_size=text.intermediate_size,
        num_layers=text.num_hidden_layers,
        num_heads=text.num_attention_heads,
        num_key_value_heads=text.num_key_value_heads,
        head_dim=text.head_dim,
        sliding_window=text.sliding_window,
    )
    full = [shape.is_full(index) for index in range(shape.num_layers)]
    if text.num_experts != 1 or [kind == "full_attention" for kind in text.layer_types] != full:
        raise ValueError(f"{folder} was not made by this project's training and cannot be trained on by it")
    network = Network(shape).to(torch.bfloat16)
    with safe_open(folder / "model.safetensors", "pt") as stored, torch.no_grad():
        for name, weight in network.state_dict().items():
            weight.copy_(stored.get_tensor(_published_name(name)))
    return network


def _published_name(name: str) -> str:
    if name.startswith("layers."):
        _, index, rest = name.split(".", 2)
        return f"model.decoder.layers.{index}.{_LAYER_NAMES[rest]}"
    return f"model.decoder.{_OTHER_NAMES[name]}"
