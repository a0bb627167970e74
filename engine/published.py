"""How published checkpoints are run that say nothing of it in their `config.json`: a few facts, by family and sizes.

It knows what their authors published and holds no tensor. What a checkpoint declares goes before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.chat import IdOf, has_marks

_PREFIX_TOKENS, _SUFFIX_TOKENS = 8192, 1024
_HOLE_WIDTHS = (4, 8, 16, 24, 32, 48, 64, 96)
# A canvas costs in every pass what is on it; the rest of the suffix stands in the chat turn.
_SUFFIX_HEAD_TOKENS = 48


def assumed(config: Mapping[str, Any], id_of: IdOf) -> dict[str, Any]:
    """Return what an `infill` section would say for a checkpoint of this `config.json`; nothing where it is unknown.

    The instruction-tuned DiffusionGemma is known by its family and by the chat scaffold in its tokenizer. The other
    published families' adapters know how they are run (`engine.models.masked`, `engine.causal_profile`).
    """
    if config.get("model_type") != "diffusion_gemma" or not has_marks(id_of):
        return {}
    canvas_tokens = int(config.get("canvas_length") or 256)
    text = config.get("text_config") or {}
    max_positions = int(text.get("max_position_embeddings") or 131_072)
    form = (config.get("infill") or {}).get("form", "prompted")
    widths = [width for width in _HOLE_WIDTHS if width <= canvas_tokens // 2]
    return {
        "noise": "uniform",
        "self_conditioning": True,
        "form": form,
        # Prefix, suffix and canvas must fit; half of what can be read is more than enough for the one.
        "max_prefix_tokens": min(_PREFIX_TOKENS, max(1, max_positions // 2)),
        "max_suffix_tokens": min(_SUFFIX_TOKENS, max(1, max_positions // 8)),
        "suffix_head_tokens": min(_SUFFIX_HEAD_TOKENS, max(1, canvas_tokens // 4)),
        "hole_widths": widths or [max(1, canvas_tokens // 2)],
        # Only who was asked to says where a text ends that is written on and on.
        "several_canvases": form == "prompted",
    }
