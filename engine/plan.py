"""How a checkpoint is run in the memory that is free: precision, what stays on the host, how much is remembered.

Pure: `choose` and `smaller` look at numbers alone. Best first: weights as they were made, then 8 bits, then 4 bits,
then 4 bits with the experts of as many layers as need be in the machine's memory. Who asked for one precision gets that
one, with experts on the host where it does not fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from engine.models.quantize.precision import PRECISIONS, Precision, PrecisionChoice
from engine.sizes import Sizes

_GB = 1e9
_MIB = 1 << 20
# Kernels, libraries and what the allocator cannot use: measured on no card yet.
_RESERVE_BYTES = 640 * _MIB
# Weights are made whole in parts of this size (see `engine.models.quantize.reference`), in float32 at most.
_PART_BYTES = 128 * _MIB
# Logits, what is scaled and masked of them, their probabilities, and what is sorted.
_LOGITS_COPIES = 4
# Where passes run on static buffers, all that is there of whole canvases at once: logits, what is masked of them, and
# their log-probabilities, when a hole's width is judged. The passes work on a few rows at a time.
_STATIC_LOGITS_COPIES = 3
_CONTEXT_TOKENS = (32_768, 16_384, 8192, 4096, 2048)
_LEAST_CONTEXT_TOKENS = _CONTEXT_TOKENS[-1]
_WANTED_CONTEXT_TOKENS = 8192
_MAX_SNAPSHOT_BYTES = 1 << 30
_LEAST_SNAPSHOT_BYTES = 32 * _MIB
# Recordings of passes, and the buffers that each has for itself, as `engine.graphs` keeps them.
_MAX_RECORDING_BYTES = 2 << 30


@dataclass(frozen=True, slots=True)
class Card:
    """A device. Bytes that are free on the host are None where nobody can tell."""

    name: str  # for the user
    host_free_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How a checkpoint is run. `why` is one line for the user."""

    precision: Precision
    context_tokens: int  # of a prefix, that there is room for
    snapshot_bytes: int  # of prefixes that are remembered
    recording_bytes: int  # of passes that are recorded beyond one, where any are
    offloaded_layers: tuple[int, ...]  # whose experts stay in the machine's memory
    needed_bytes: int  # on the device, without what is remembered
    why: str


def choose(free_bytes: int, sizes: Sizes, card: Card, *, precision: PrecisionChoice = "auto") -> Plan | None:
    """Return the best plan that fits into `free_bytes` of the card; None when even the smallest does not."""
    for each in PRECISIONS if precision == "auto" else (precision,):
        if needed(sizes, each, _LEAST_CONTEXT_TOKENS) <= free_bytes:
            return _filled(free_bytes, sizes, card, each, ())
    least = PRECISIONS[-1] if precision == "auto" else precision
    return _offloaded(free_bytes, sizes, card, least, 0)


def smaller(
    plan: Plan, free_bytes: int, sizes: Sizes, card: Card, *, may_requantise: bool, at_load: bool
) -> Plan | None:
    """Return what to try after a plan ran out of memory, while loading or while filling; None: nothing is left.

    Never a plan that needs as much. What was remembered goes first, since it costs no quality. Only with
    `may_requantise` the precision changes.
    """
    if not at_load and plan.snapshot_bytes > _LEAST_SNAPSHOT_BYTES:
        why = f"{plan.why}; it ran out of memory, so less is remembered"
        return replace(plan, snapshot_bytes=_LEAST_SNAPSHOT_BYTES, recording_bytes=0, why=why)
    after = f"it ran out of memory at {described(plan)}"
    found: Plan | None = None
    if may_requantise and not plan.offloaded_layers:
        rest = PRECISIONS[PRECISIONS.index(plan.precision) + 1 :]
        # Of some models nothing is quantised, of others nothing at 8 bits.
        less = [each for each in rest if sizes.weights[each] < sizes.weights[plan.precision]]
        fits = [each for each in less if needed(sizes, each, _LEAST_CONTEXT_TOKENS) <= free_bytes]
        if fits:
            found = _filled(free_bytes, sizes, card, fits[0], ())
    if found is None:
        least = PRECISIONS[-1] if may_requantise else plan.precision
        more = len(plan.offloaded_layers) + max(1, sizes.num_layers // 4) if least == plan.precision else 0
        found = _offloaded(free_bytes, sizes, card, least, more)
    if found is None:
        return None
    least_bytes = min(found.snapshot_bytes, _LEAST_SNAPSHOT_BYTES)
    return replace(found, snapshot_bytes=least_bytes, recording_bytes=0, why=f"{found.why}; {after}")


def needed(sizes: Sizes, precision: Precision, context_tokens: int, num_offloaded: int = 0) -> int:
    """Return what a fill of one whole canvas takes on the device, all in all, with nothing remembered."""
    context = min(context_tokens, sizes.max_tokens)
    weights = sizes.weights[precision] - num_offloaded * sizes.expert_layers[precision]
    lent = sizes.expert_layers[precision] if num_offloaded else 0
    # A prefix is read as a whole before the canvas is, and leaves nothing but its keys and values.
    copies = _STATIC_LOGITS_COPIES if sizes.static_row else _LOGITS_COPIES
    of_canvas = sizes.canvas_tokens * (sizes.logits_row * copies + sizes.hidden_row)
    rows = max(of_canvas, context * sizes.hidden_row)
    parts = 0 if precision == "bf16" else _PART_BYTES
    prefixes = sizes.prefix_copies * sizes.kv_cache(context) + sizes.static_buffers(context)
    return weights + lent + rows + parts + prefixes + _RESERVE_BYTES


def refusal(free_bytes: int, sizes: Sizes, card: Card, precision: PrecisionChoice) -> str:
    """Say why there is no plan, and what would help."""
    least = PRECISIONS[-1] if precision == "auto" else precision
    most = sizes.num_layers if sizes.expert_layers[least] else 0
    wanted = needed(sizes, least, _LEAST_CONTEXT_TOKENS, most)
    advice = "end what else uses it, or choose a smaller model"
    return (
        f"{wanted / _GB:.1f} GB are needed at {least} and {free_bytes / _GB:.1f} GB are free on {card.name}: {advice}"
    )


def described(plan: Plan) -> str:
    """Name a plan's precision, and what is on the host."""
    layers = len(plan.offloaded_layers)
    return plan.precision + (f" with the experts of {layers} layers on the host" if layers else "")


def _filled(free_bytes: int, sizes: Sizes, card: Card, precision: Precision, layers: tuple[int, ...]) -> Plan:
    """Spend what is left of the memory: on context first, up to a usual amount, then on what is kept of fills."""
    context = next(
        tokens
        for tokens in _CONTEXT_TOKENS
        if tokens == _LEAST_CONTEXT_TOKENS
        or (tokens <= _WANTED_CONTEXT_TOKENS and needed(sizes, precision, tokens, len(layers)) <= free_bytes)
    )
    wanted = needed(sizes, precision, context, len(layers))
    left = free_bytes - wanted
    snapshots = max(_LEAST_SNAPSHOT_BYTES, min(_MAX_SNAPSHOT_BYTES, left // 2))
    recordings = min(_MAX_RECORDING_BYTES, max(0, left - snapshots))
    plan = Plan(precision, min(context, sizes.max_tokens), snapshots, recordings, layers, wanted, "")
    why = f"{described(plan)}: {wanted / _GB:.1f} GB of the {free_bytes / _GB:.1f} GB that are free on {card.name}"
    return replace(plan, why=why)


def _offloaded(free_bytes: int, sizes: Sizes, card: Card, precision: Precision, at_least: int) -> Plan | None:
    """Keep the experts of enough layers on the host, the last ones; None where that is not enough."""
    layer = sizes.expert_layers[precision]
    if not layer:
        return None
    # One layer's worth of room is for the experts that are lent to the device.
    over = needed(sizes, precision, _LEAST_CONTEXT_TOKENS) + layer - free_bytes
    count = max(at_least, math.ceil(over / layer), 1)
    if count > sizes.num_layers or (card.host_free_bytes is not None and count * layer > card.host_free_bytes):
        return None
    return _filled(free_bytes, sizes, card, precision, tuple(range(sizes.num_layers - count, sizes.num_layers)))
