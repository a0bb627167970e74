"""The shapes that `benchmarks.gpu` measures: published ones, and smaller ones that check the benchmark without a card.

It knows configurations and holds no tensor. DiffusionGemma-26B-A4B and Gemma-4-26B-A4B differ by self-conditioning and
by what attends to what; their layers have the same shapes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from transformers import DiffusionGemmaConfig, Gemma4VisionConfig
from transformers.models.diffusion_gemma import DiffusionGemmaTextConfig
from transformers.models.gemma4 import Gemma4TextConfig

Name = Literal["26b", "small", "tiny"]
NAMES: Final[tuple[Name, ...]] = get_args(Name)


@dataclass(frozen=True, slots=True)
class Shapes:
    """A network's sizes, and the sizes of canvases, batches and contexts that it is measured at."""

    layers: int
    hidden: int
    heads: int
    kv_heads: tuple[int, int]  # of a sliding layer, of a full one
    head_size: tuple[int, int]
    inner: int  # of the feed-forward layer that every token goes through
    experts: int
    top_k: int
    expert_inner: int
    vocabulary: int
    window: int
    canvases: tuple[int, ...]
    batches: tuple[int, ...]
    contexts: tuple[int, ...]
    fill_tokens: int
    repeats: int  # how often a pass is timed

    @property
    def canvas(self) -> int:
        """Return the canvas that batches and contexts are varied at."""
        return self.canvases[(len(self.canvases) - 1) // 2]

    @property
    def context(self) -> int:
        """Return the context that canvases and batches are varied at."""
        return self.contexts[len(self.contexts) // 2]


# The published config.json of google/diffusiongemma-26B-A4B-it and google/gemma-4-26B-A4B-it.
PUBLISHED: Final = Shapes(
    layers=30,
    hidden=2816,
    heads=16,
    kv_heads=(8, 2),
    head_size=(256, 512),
    inner=2112,
    experts=128,
    top_k=8,
    expert_inner=704,
    vocabulary=262_144,
    window=1024,
    canvases=(32, 64, 128, 256),
    batches=(1, 2, 4, 8),
    contexts=(512, 2048, 8192),
    fill_tokens=64,
    repeats=24,
)
# Two layers of the published width with fewer experts and words: 250 MB in float32.
SMALL: Final = Shapes(
    layers=2,
    hidden=2816,
    heads=16,
    kv_heads=(8, 2),
    head_size=(256, 512),
    inner=2112,
    experts=8,
    top_k=2,
    expert_inner=704,
    vocabulary=2048,
    window=1024,
    canvases=(32, 64),
    batches=(1, 2),
    contexts=(512,),
    fill_tokens=64,
    repeats=3,
)
TINY: Final = Shapes(
    layers=3,
    hidden=64,
    heads=4,
    kv_heads=(2, 1),
    head_size=(16, 32),
    inner=64,
    experts=4,
    top_k=2,
    expert_inner=32,
    vocabulary=300,
    window=32,
    canvases=(32, 64),
    batches=(1, 2),
    contexts=(24, 80),
    fill_tokens=64,
    repeats=3,
)


def shapes_of(name: Name) -> Shapes:
    """Return the shapes of a name."""
    return {"26b": PUBLISHED, "small": SMALL, "tiny": TINY}[name]


def diffusion_config(shapes: Shapes) -> DiffusionGemmaConfig:
    """Return DiffusionGemma's configuration. The vision tower is as small as it goes: it never runs and is left out."""
    text = DiffusionGemmaTextConfig(**_text(shapes))
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
    last = shapes.vocabulary - 1
    return DiffusionGemmaConfig(
        text_config=text.to_dict(),
        vision_config=vision.to_dict(),
        canvas_length=shapes.canvases[-1],
        boi_token_id=min(255_999, last),
        eoi_token_id=min(258_882, last),
        image_token_id=min(258_880, last),
    )


def autoregressive_config(shapes: Shapes) -> Gemma4TextConfig:
    """Return the configuration of the Gemma 4 that has the same layers: experts, keys as values on full layers."""
    return Gemma4TextConfig(
        **_text(shapes),
        attention_k_eq_v=True,
        enable_moe_block=True,
        hidden_size_per_layer_input=0,
        vocab_size_per_layer_input=shapes.vocabulary,
        final_logit_softcapping=30.0,
    )


def _text(shapes: Shapes) -> dict[str, Any]:
    kinds = ["sliding_attention" if (layer + 1) % 6 else "full_attention" for layer in range(shapes.layers)]
    kinds[-1] = "full_attention"
    return {
        "vocab_size": shapes.vocabulary,
        "hidden_size": shapes.hidden,
        "intermediate_size": shapes.inner,
        "num_hidden_layers": shapes.layers,
        "num_attention_heads": shapes.heads,
        "num_key_value_heads": shapes.kv_heads[0],
        "num_global_key_value_heads": shapes.kv_heads[1],
        "head_dim": shapes.head_size[0],
        "global_head_dim": shapes.head_size[1],
        "layer_types": kinds,
        "sliding_window": shapes.window,
        "max_position_embeddings": 262_144,
        "num_experts": shapes.experts,
        "top_k_experts": shapes.top_k,
        "moe_intermediate_size": shapes.expert_inner,
    }
