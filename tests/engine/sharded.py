"""A checkpoint of DiffusionGemma's shape in several shards, as the published one is laid out, but of some megabytes."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import DiffusionGemmaForBlockDiffusion

from tests.engine.tiny import tiny_config, tiny_tokenizer


def save_sharded_checkpoint(folder: Path, *, hidden: int = 128, experts: int = 16, shard: str = "2MB") -> Path:
    """Write a checkpoint in bfloat16 with fused experts, an index and several shards."""
    config = tiny_config()
    text = config.text_config
    text.hidden_size, text.intermediate_size, text.moe_intermediate_size = hidden, 2 * hidden, hidden
    text.num_experts, text.top_k_experts = experts, 2
    config.vision_config.hidden_size = 16
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = DiffusionGemmaForBlockDiffusion(config).to(torch.bfloat16)
    model.save_pretrained(folder, max_shard_size=shard)
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    return folder
