"""A tiny random DiffusionGemma and the checkpoint folder it makes: the real classes and layout, no knowledge."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import DiffusionGemmaConfig, DiffusionGemmaForBlockDiffusion, Gemma4VisionConfig
from transformers.models.diffusion_gemma import (
    DiffusionGemmaGenerationConfig,
    DiffusionGemmaTextConfig,
    EntropyBoundSamplerConfig,
)

from engine.training import tokenizer as training_tokenizer
from engine.training.export import published
from engine.training.holes import Sizes
from engine.training.network import Network, Shape

SPECIAL_TOKENS = ("<pad>", "<eos>", "<bos>", "<mask>", "<slack>")
PAD, EOS, BOS, MASK, SLACK = range(len(SPECIAL_TOKENS))
NUM_BYTES = 256
# Three ids at the end stand for the image tokens that the published configuration names.
VOCAB_SIZE = len(SPECIAL_TOKENS) + NUM_BYTES + 3
CANVAS_LENGTH = 12
SLIDING_WINDOW = 16


def tiny_config(initializer_range: float = 0.5, **declared: Any) -> DiffusionGemmaConfig:
    """Return the configuration of a model of some 50,000 weights, with sliding and full attention layers."""
    text = DiffusionGemmaTextConfig(
        vocab_size=VOCAB_SIZE,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=16,
        global_head_dim=32,
        num_global_key_value_heads=1,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"],
        sliding_window=SLIDING_WINDOW,
        max_position_embeddings=512,
        num_experts=2,
        top_k_experts=1,
        moe_intermediate_size=8,
        initializer_range=initializer_range,
    )
    vision = Gemma4VisionConfig(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
        head_dim=16,
        patch_size=4,
        position_embedding_size=8,
    )
    return DiffusionGemmaConfig(
        text_config=text.to_dict(),
        vision_config=vision.to_dict(),
        canvas_length=CANVAS_LENGTH,
        boi_token_id=VOCAB_SIZE - 3,
        eoi_token_id=VOCAB_SIZE - 2,
        image_token_id=VOCAB_SIZE - 1,
        initializer_range=initializer_range,
        **({"infill": declared} if declared else {}),
    )


def tiny_model(seed: int = 0, branch_scale: float = 1.0, **options: Any) -> DiffusionGemmaForBlockDiffusion:
    """Return a model with random weights; the larger `initializer_range`, the surer it is of its nonsense.

    With a small `branch_scale` attention, feed-forward layers and self-conditioning add little, so a position predicts
    the token that stands there: such a model settles.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = DiffusionGemmaForBlockDiffusion(tiny_config(**options)).eval()
    model.model.decoder.self_conditioning.down_proj.weight.data *= branch_scale
    for layer in model.model.decoder.layers:
        layer.post_attention_layernorm.weight.data *= branch_scale
        layer.post_feedforward_layernorm.weight.data *= branch_scale
    return model


def tiny_tokenizer() -> Tokenizer:
    """Return a tokenizer with one token a byte."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: index for index, token in enumerate((*SPECIAL_TOKENS, *alphabet))}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL_TOKENS])
    return tokenizer


def save_untrained_checkpoint(folder: Path, texts: Iterable[str], vocab_size: int) -> Path:
    """Write an untrained checkpoint in the layout that training exports, its tokens learnt from the texts."""
    shape = Shape(
        vocab_size=vocab_size,
        hidden_size=32,
        intermediate_size=48,
        num_layers=2,
        num_heads=2,
        num_key_value_heads=1,
        head_dim=16,
    )
    published(Network(shape), Sizes(prefix_length=48, canvas_length=64)).save_pretrained(folder)
    training_tokenizer.train(list(texts), vocab_size).save(str(folder / "tokenizer.json"))
    return folder


def save_tiny_checkpoint(folder: Path, seed: int = 0, **declared: Any) -> Path:
    """Write a checkpoint folder in the published layout; its configuration has `declared` under the key `infill`."""
    model = tiny_model(seed, **declared)
    model.generation_config = DiffusionGemmaGenerationConfig(
        max_new_tokens=CANVAS_LENGTH,
        max_denoising_steps=8,
        sampler_config=EntropyBoundSamplerConfig(entropy_bound=0.1),
        t_min=0.4,
        t_max=0.8,
        stability_threshold=1,
        confidence_threshold=0.005,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=EOS,
    )
    model.save_pretrained(folder)
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    return folder
