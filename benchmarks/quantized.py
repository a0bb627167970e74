"""Compare fills of quantised weights with those of the same checkpoint as it is: `python -m benchmarks.quantized`.

Holes are drawn from the held-out packages that are installed wherever the engine runs (`engine.bench.holes`), in two
groups, and filled as the server fills them: length unknown, critic in the loop, prefixes cold. All precisions run on
one code path, in float32; only the weights differ. "equal" is the share of holes whose fill is the unquantised one,
character for character; the bars are for single lines, which is what a held-out hole is in `engine.training.held_out`.
A longer fill differs more often, since one token that differs changes what comes after it.

A dense checkpoint is multiplied by the weights that its codes stand for, made whole at loading: the table says what
precision costs in quality, and nothing of speed or of memory in use.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import torch
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from safetensors import safe_open
from transformers.models.diffusion_gemma import DiffusionGemmaForBlockDiffusion

from engine.api import EngineError, finish
from engine.bench import holes, machine
from engine.bench.holes import Case, Group
from engine.loading import folder_of
from engine.local import LocalFiller
from engine.models import checkpoint, dense
from engine.models.dense_adapter import DenseDiffusionGemma
from engine.models.diffusion_gemma import DiffusionGemma
from engine.models.families import family_of
from engine.models.idle_experts import leave_out_idle_experts
from engine.models.quantize.calibration import calibrated
from engine.models.quantize.modules import names_in, quantize_modules
from engine.models.quantize.precision import PRECISIONS, Precision, format_of, last_layer_of
from engine.models.tokenizer_files import tokenizer_of
from engine.profile import read
from engine.training import scores
from engine.training.scores import Estimate
from infill_lsp.cli.bench_editor import PythonEditor
from infill_lsp.judging.critic import Critic

BARS: Mapping[Precision, float] = {"int8": 0.95, "int4": 0.8}
"""The least share of held-out holes (single lines, `engine.training.held_out`) whose fill must stay the same."""
_BARRED: Group = "single_line"
_SEED = 3
_WIDTH = 130
_BITS_UNQUANTIZED = 16


@dataclass(frozen=True, slots=True)
class Outcome:
    """One hole, filled at one precision."""

    precision: Precision
    group: Group
    hole: int
    fill: str  # empty: no answer
    gold: str


@dataclass(frozen=True, slots=True)
class Row:
    """One precision's figures over the holes of a group, or of all (`group` is "all")."""

    precision: Precision
    group: str
    holes: int
    equal: Estimate  # to the fill at bf16
    exact_match: Estimate
    edit_similarity: Estimate
    similarity_to_unquantized: Estimate


@dataclass(frozen=True, slots=True)
class Size:
    """What a checkpoint's weights take at a precision, in bytes; and bits a quantised weight, scales included."""

    precision: Precision
    num_bytes: int
    bits_per_weight: float


def draw(filler: LocalFiller, groups: Sequence[Group], count: int, seed: int) -> dict[Group, list[Case]]:
    """Return up to `count` holes of each group that the checkpoint has room for. Raises: EngineError."""

    def fits(case: Case) -> bool:
        return filler.num_hole_tokens(case.request, case.gold) <= case.request.max_hole_tokens

    return {group: holes.draw(PythonEditor().request, fits, group, count, seed) for group in groups}


def fill_all(filler: LocalFiller, precision: Precision, cases: Mapping[Group, Sequence[Case]]) -> Iterator[Outcome]:
    """Fill every hole once, its prefix never seen before."""
    for group, drawn in cases.items():
        for index, case in enumerate(drawn):
            filler.forget_prefixes()
            found = finish(filler.fill(case.request)).candidates
            yield Outcome(precision, group, index, found[0].text if found else "", case.gold)


def rows(outcomes: Sequence[Outcome]) -> list[Row]:
    """Return the figures by precision, for all holes and for each group."""
    plain = {(each.group, each.hole): each.fill for each in outcomes if each.precision == "bf16"}
    found = []
    for precision in dict.fromkeys(each.precision for each in outcomes):
        for group in ("all", *holes.GROUPS):
            part = [each for each in outcomes if each.precision == precision and group in ("all", each.group)]
            unquantized = [plain[each.group, each.hole] for each in part]
            pairs = list(zip(part, unquantized, strict=True))
            if part:
                found.append(
                    Row(
                        precision,
                        group,
                        len(part),
                        equal=scores.share(each.fill == other for each, other in pairs),
                        exact_match=scores.share(
                            bool(each.fill) and scores.is_exact(each.fill, each.gold) for each in part
                        ),
                        edit_similarity=scores.mean(scores.similarity(each.fill, each.gold) for each in part),
                        similarity_to_unquantized=scores.mean(
                            scores.similarity(each.fill, other) for each, other in pairs
                        ),
                    )
                )
    return found


def measure(
    load: Callable[[Precision], LocalFiller], groups: Sequence[Group], count: int, seed: int, console: Console
) -> list[Outcome]:
    """Fill the same holes at every precision, one model in memory at a time. Raises: EngineError."""
    found: list[Outcome] = []
    cases: dict[Group, list[Case]] = {}
    for precision in PRECISIONS:
        filler = load(precision)
        cases = cases or draw(filler, groups, count, seed)
        if not any(cases.values()):
            raise EngineError("no hole that this checkpoint has room for could be drawn; measure another checkpoint")
        with Progress(console=console, transient=True) as progress:
            total = sum(map(len, cases.values()))
            found += progress.track(fill_all(filler, precision, cases), total=total, description=precision)
    return found


def sizes(model: str) -> list[Size]:
    """Return what the checkpoint's weights take at each precision, told from their names and shapes alone."""
    shapes: dict[str, tuple[int, ...]] = {}
    for path in sorted(folder_of(model).glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            shapes |= {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    found, last_layer = [], last_layer_of(shapes)
    for precision in PRECISIONS:
        bits = coded_bits = coded = 0.0
        for name, shape in shapes.items():
            count, format = math.prod(shape), format_of(name, shape, precision, last_layer)
            each = _BITS_UNQUANTIZED if format is None else format.bits_per_weight
            bits += each * count
            if format is not None:
                coded, coded_bits = coded + count, coded_bits + each * count
        found.append(Size(precision, int(bits / 8), coded_bits / coded if coded else float(_BITS_UNQUANTIZED)))
    return found


def failures(found: Sequence[Row]) -> list[str]:
    """Return a sentence for each precision whose share of equal fills is below its bar."""
    return [
        f"{row.precision}: {row.equal.value:.1%} of {row.holes} fills are bf16's; the bar is {BARS[row.precision]:.0%}"
        for row in found
        if row.group == _BARRED and row.precision in BARS and row.equal.value < BARS[row.precision]
    ]


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; the exit status is 1 where a bar is missed or nothing could be measured."""
    options = _parser().parse_args(arguments)
    notes = Console(stderr=True)
    try:
        found = rows(measure(partial(loaded, options.model), options.groups, options.holes, options.seed, notes))
        taken = sizes(options.model)
    except (EngineError, ValueError) as error:
        notes.print(f"benchmarks.quantized: {error}", markup=False, soft_wrap=True)
        return 1
    missed = failures(found)
    if options.json:
        record = {
            "machine": machine.describe(),
            "threads": torch.get_num_threads(),
            "model": options.model,
            "seed": options.seed,
            "drawn_from": holes.packages(),
            "rows": [asdict(row) for row in found],
            "sizes": [asdict(size) for size in taken],
            "missed": missed,
        }
        print(json.dumps(record, indent=1))
    else:
        Console(width=max(Console().width, _WIDTH)).print(table(found, taken))
    for line in missed:
        notes.print(line, markup=False, soft_wrap=True)
    return 1 if missed else 0


def loaded(model: str, precision: Precision) -> LocalFiller:
    """Load a DiffusionGemma checkpoint with the server's critic, all products in float32. Raises: EngineError.

    Float32, since the roundings of bfloat16 products move the logits as much as 8-bit weights do, and a precision is to
    be compared with another and not with noise. "bf16" stands for the weights as they are stored.
    """
    folder = folder_of(model)
    if family_of(folder) != "diffusion_gemma":
        raise EngineError(f"{model} is no DiffusionGemma checkpoint; choose another one")
    weights = checkpoint.stored(folder, DiffusionGemmaForBlockDiffusion, torch.float32).eval()
    leave_out_idle_experts(weights)
    quantize_modules(weights, precision, calibrated(weights, folder, names_in(weights, precision)))
    declared = getattr(weights.config, "infill", None) or {}
    profile = read(declared, weights.config.canvas_length)
    adapter: DiffusionGemma = DiffusionGemma(weights)
    if not profile.self_conditioning and dense.fits(weights, profile.max_prefix_tokens + profile.canvas_tokens):
        adapter = DenseDiffusionGemma(weights, dense.Dense(weights, torch.float32))
    return LocalFiller(model, adapter, tokenizer_of(folder), profile, Critic())


def table(found: Sequence[Row], taken: Sequence[Size]) -> Table:
    """Return the figures for eyes."""
    size_of = {size.precision: size for size in taken}
    shown = Table(title="fills of held-out Python holes, with 95 % intervals")
    for column in ("weights", "MB", "bits", "holes", "", "equal", "exact match", "edit similarity", "like bf16's"):
        shown.add_column(column)
    for row in found:
        size = size_of[row.precision]
        of_all = row.group == "all"
        shown.add_row(
            row.precision if of_all else "",
            f"{size.num_bytes / 1e6:.2f}" if of_all else "",
            f"{size.bits_per_weight:.2f}" if of_all else "",
            row.group,
            str(row.holes),
            *map(str, (row.equal, row.exact_match, row.edit_similarity, row.similarity_to_unquantized)),
        )
    return shown


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quantized", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="bundled", help="`bundled` or a checkpoint folder")
    parser.add_argument("--holes", type=int, default=100, help="of each group")
    parser.add_argument("--groups", nargs="+", choices=holes.GROUPS, default=holes.GROUPS, help="all where not given")
    parser.add_argument("--seed", type=int, default=_SEED, help="of drawing")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    return parser


if __name__ == "__main__":
    sys.exit(main())
