"""Which weight of a checkpoint is kept in which format, told from its name and shape alone.

It knows names of tensors in the published layouts and counts bits. It holds no tensor.

A precision names the format of what is most of a checkpoint: fused experts and feed-forward layers. Three kinds of
weights are kept one step finer, 8 bits at `int4` and bfloat16 at `int8`, for what they add to the error of a prediction
(measured on the bundled checkpoint, whose logits move by so much, as a root mean square, with each group rounded on its
own):
- attention: 4 bits there move the logits by 0.13, in the feed-forward layers, which are three times as large, by 0.09;
- the embedding, which is also the output head: 8 bits there by 0.022, in all layers together by 0.016;
- self-conditioning, which is as small as one feed-forward layer and enters before the first layer.
At `int4` the last layer has 8 bits, too: 4 bits in its feed-forward part move the logits by 0.05, in that of the five
layers before it by 0.07, since nothing after it evens its error out. Of DiffusionGemma-26B all these are a tenth of the
weights.

What always stays as it is: norms, scalars and biases (next to no bytes), the router (a wrong choice of expert is no
rounding error, and it has 0.04 % of the weights), the vision tower (the engine sees no images) and matrices whose rows
no group divides.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

Precision = Literal["bf16", "int8", "int4"]
PrecisionChoice = Literal["auto", "bf16", "int8", "int4"]
PRECISIONS: Final[tuple[Precision, ...]] = get_args(Precision)

# Smaller groups would spend more bits on scales than they save.
_SMALLEST_GROUP = 8


@dataclass(frozen=True, slots=True)
class Format:
    """How a matrix's rows are coded: so many bits a code, one scale (and zero, at 4 bits) for `group` codes."""

    bits: Literal[4, 8]
    group: int

    @property
    def bits_per_weight(self) -> float:
        """Return what a weight costs, with its share of a 16-bit scale and of the 8-bit zero that 4 bits have."""
        return self.bits + (24 if self.bits == 4 else 16) / self.group

    def fitted(self, num_columns: int) -> Format | None:
        """Return the format with the largest group that divides rows of so many columns; None where it is too small."""
        group = math.gcd(self.group, num_columns)
        return Format(self.bits, group) if group >= _SMALLEST_GROUP else None


INT4: Final = Format(4, 16)
INT8: Final = Format(8, 32)
# A long row has more products for errors to even out in, and its scales are what would make a large checkpoint larger:
# 1.1 GB of DiffusionGemma-26B at 4 bits. A short row's are few bytes: at 4 bits groups of 16 leave two thirds of the
# squared error of groups of 32.
_WIDE: Final[dict[Format, Format]] = {INT4: Format(4, 64), INT8: Format(8, 64)}
_WIDE_COLUMNS, _WIDE_EXPERT_COLUMNS = 1024, 512
_COARSE: Final[dict[Precision, Format | None]] = {"bf16": None, "int8": INT8, "int4": INT4}
_FINE: Final[dict[Precision, Format | None]] = {"bf16": None, "int8": None, "int4": INT8}

_LEFT_ALONE = ("vision", "router", "norm")
_TABLES = ("embed_tokens", "embed_tokens_per_layer", "lm_head")
_PROJECTIONS = ("_proj", "c_fc")  # the second is StarCoder2's first half of a feed-forward layer
_EXPERTS = ("gate_up_proj", "down_proj")
_SENSITIVE = ("attn", "self_conditioning", *_TABLES)
_LAYER = re.compile(r"\blayers\.(\d+)\.")


def format_of(name: str, shape: Sequence[int], precision: Precision, last_layer: int | None = None) -> Format | None:
    """Return the format of a checkpoint's tensor, or None where it stays as it is.

    Tensors are named as in the file, or as the parameters of the model are: `...mlp.down_proj.weight` [O, K],
    `...experts.down_proj` [E, O, K], `...embed_tokens.weight` [V, H]. `last_layer` is the last layer's number, where
    the checkpoint is known (`last_layer_of`).
    """
    if any(word in name for word in _LEFT_ALONE):
        return None
    last = name.removesuffix(".weight").rpartition(".")[2]
    is_experts = len(shape) == 3 and last in _EXPERTS and not name.endswith(".weight")
    is_matrix = len(shape) == 2 and name.endswith(".weight") and (last.endswith(_PROJECTIONS) or last in _TABLES)
    if not (is_experts or is_matrix):
        return None
    is_sensitive = any(word in name for word in _SENSITIVE)
    is_last = precision == "int4" and last_layer is not None and layer_of(name) == last_layer
    wanted = (_FINE if is_sensitive or is_last else _COARSE)[precision]
    if wanted is not None and shape[-1] >= (_WIDE_EXPERT_COLUMNS if is_experts else _WIDE_COLUMNS):
        wanted = _WIDE[wanted]
    return None if wanted is None else wanted.fitted(shape[-1])


def layer_of(name: str) -> int | None:
    """Return the number of the layer that a tensor belongs to."""
    found = _LAYER.search(name)
    return None if found is None else int(found[1])


def last_layer_of(names: Iterable[str]) -> int | None:
    """Return the last layer's number among a checkpoint's tensors; None where they have no layers."""
    return max(
        (number for name in names if "vision" not in name and (number := layer_of(name)) is not None), default=None
    )
