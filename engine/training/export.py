"""Write a trained network as a checkpoint folder of the published classes, with its tokenizer and its profile.

The experts' output weights and the image tower are not trained: the former are zero, so that the mixture adds exactly
nothing, and the latter is as small as its classes allow and is never called.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from transformers import (
    DiffusionGemmaConfig,
    DiffusionGemmaForBlockDiffusion,
    DiffusionGemmaTextConfig,
    Gemma4VisionConfig,
)
from transformers.models.diffusion_gemma import DiffusionGemmaGenerationConfig, EntropyBoundSamplerConfig

from engine.training import weights
from engine.training.holes import WIDTHS, Sizes
from engine.training.network import Network, Shape
from engine.training.tokenizer import BOS, EOS, MASK, NUM_SPARE_IDS, PAD, SLACK


def published(network: Network, sizes: Sizes) -> DiffusionGemmaForBlockDiffusion:
    """Return the network as the published model class, in the type of its weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # What is not trained is the same in every export.
        model = DiffusionGemmaForBlockDiffusion(_configuration(network.shape, sizes)).to(network.embedding.dtype).eval()
    tensors = dict(weights.renamed(network))
    tensors["lm_head.weight"] = tensors["model.decoder.embed_tokens.weight"]
    unexpected = model.load_state_dict(tensors, strict=False).unexpected_keys
    if unexpected:
        raise RuntimeError(f"the published classes know no weight called {unexpected[0]}")
    with torch.no_grad():
        for layer in model.model.decoder.layers:
            layer.experts.down_proj.zero_()
    model.tie_weights()
    # The published defaults, named: what is saved unnamed is saved as null, which the classes read as no value at all.
    model.generation_config = DiffusionGemmaGenerationConfig(
        max_new_tokens=sizes.canvas_length,
        max_denoising_steps=48,
        t_min=0.4,
        t_max=0.8,
        stability_threshold=1,
        confidence_threshold=0.005,
        sampler_config=EntropyBoundSamplerConfig(entropy_bound=0.1),
        bos_token_id=BOS,
        eos_token_id=EOS,
        pad_token_id=PAD,
    )
    return model


def export(state: Path, tokenizer: Path, folder: Path, sizes: Sizes) -> None:
    """Write the checkpoint folder that a training state describes: configuration, bfloat16 weights, tokenizer.

    The folder is written beside its place and renamed, so that a reader finds the old one or the new one.
    """
    network = trained(state)
    scratch = folder.with_name(folder.name + ".new")
    shutil.rmtree(scratch, ignore_errors=True)
    published(network, sizes).save_pretrained(scratch)
    shutil.copyfile(tokenizer, scratch / "tokenizer.json")
    shutil.rmtree(folder, ignore_errors=True)
    scratch.rename(folder)


def trained(state: Path) -> Network:
    """Return the network of a training state, whole or light, in bfloat16."""
    saved = torch.load(state, weights_only=True, map_location="cpu")
    network = Network(Shape(**saved["shape"])).to(torch.bfloat16)
    load_masters(network, saved["optimizer"])
    return network


@torch.no_grad()
def load_masters(network: Network, optimizer: dict[str, Any]) -> None:
    """Write a saved optimizer's float32 weights into a network, in the order in which the optimizer took them."""
    taken = {shape: iter(masters) for shape, masters in optimizer["masters"].items()}
    others = iter(optimizer["other_masters"])
    for name, parameter in network.named_parameters():
        is_matrix = parameter.ndim == 2 and name.startswith("layers.")
        parameter.copy_(next(taken[tuple(parameter.shape)]) if is_matrix else next(others))


def _configuration(shape: Shape, sizes: Sizes) -> DiffusionGemmaConfig:
    text = DiffusionGemmaTextConfig(
        vocab_size=shape.vocab_size,
        hidden_size=shape.hidden_size,
        intermediate_size=shape.intermediate_size,
        num_hidden_layers=shape.num_layers,
        num_attention_heads=shape.num_heads,
        num_key_value_heads=shape.num_key_value_heads,
        num_global_key_value_heads=shape.num_key_value_heads,
        head_dim=shape.head_dim,
        global_head_dim=shape.head_dim,
        sliding_window=shape.sliding_window,
        layer_types=["full_attention" if shape.is_full(i) else "sliding_attention" for i in range(shape.num_layers)],
        num_experts=1,
        top_k_experts=1,
        moe_intermediate_size=8,  # The grouped product wants rows of a multiple of sixteen bytes.
        use_bidirectional_attention="vision",
        max_position_embeddings=4096,
        pad_token_id=PAD,
        eos_token_id=EOS,
        bos_token_id=BOS,
    )
    vision = Gemma4VisionConfig(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
        head_dim=16,
        position_embedding_size=16,
    )
    image = shape.vocab_size - NUM_SPARE_IDS
    profile = {
        "noise": "mask",
        "mask_token_id": MASK,
        "slack_token_id": SLACK,
        "self_conditioning": False,
        "max_prefix_tokens": sizes.prefix_length,
        "hole_widths": list(WIDTHS),
    }
    return DiffusionGemmaConfig(
        text_config=text,
        vision_config=vision,
        canvas_length=sizes.canvas_length,
        eoi_token_id=image,
        boi_token_id=image + 1,
        image_token_id=image + 2,
        infill=profile,
    )
