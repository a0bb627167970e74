"""Measure whether a fill's confidence keeps its word: `python -m benchmarks.calibration --work DIR [--fit FOLDER]`.

Held-out packages fall into two halves. With `--fit` the coefficients of the checkpoint in FOLDER are fitted on the
fills of one half and written into its config.json; the figures are always of the other half. A fill is right when it
is the text that stood there; "close" is an edit similarity of 0.6 or more, fitted beside it and stored nowhere.
Holes are drawn as `benchmarks.infill` draws them, half as many multi-line ones as single-line ones.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from benchmarks import calibration_show, infill_holes
from benchmarks.calibration_fit import FITTED, fit, halves, store
from benchmarks.calibration_report import Judged, Quality, Shown, quality, thresholds
from benchmarks.infill import Bench, chosen_languages
from engine.api import EngineError, finish
from engine.bench import machine
from engine.confidence import FEATURES, Calibration, Evidence
from engine.training import scores
from engine.training.held_out import HeldOutHole, SourceFile, held_out_files

_RESULTS = Path(__file__).parent / "results"
_GROUPS = ("single-line", "multi-line")
# Who types has so many rows tried.
_CANDIDATES = 2
_CLOSE = 0.6
EXACT, CLOSE = "exact match", f"edit similarity of at least {_CLOSE}"


@dataclass(frozen=True, slots=True)
class Filled:
    """A hole's first candidate: what was known of it and what became of it. The confidence is what the engine said."""

    language: str
    group: str
    evidence: Evidence
    confidence: float | None
    is_exact: bool
    parses: bool
    similarity: float


@dataclass(frozen=True, slots=True)
class Report:
    """A target's figures on the half that no fit saw."""

    quality: Quality
    thresholds: tuple[Shown, ...]
    calibration: Calibration | None  # what was fitted


def fills_of(bench: Bench, files: Sequence[SourceFile], holes: int, seed: int, console: Console) -> list[Filled]:
    """Fill single-line holes in the files, `holes` of each language, and half as many multi-line ones.

    Holes without an answer are left out: there is nothing to be sure of.
    """
    drawn = [
        (language, group, hole)
        for language in dict.fromkeys(file.language for file in files)
        for group, count in zip(_GROUPS, (holes, holes // 2), strict=True)
        for hole in infill_holes.draw(files, language, group, count, seed, partial(bench.fits, group))
    ]
    with Progress(console=console, transient=True) as progress:
        found = [
            _filled(bench, hole, language, group)
            for language, group, hole in progress.track(drawn, description="filling")
        ]
    return [each for each in found if each is not None]


def _filled(bench: Bench, hole: HeldOutHole, language: str, group: str) -> Filled | None:
    heard: list[Evidence] = []
    judge = bench.filler.judge

    def listening(evidence: Evidence) -> float | None:
        heard.append(evidence)
        return judge(evidence)

    bench.filler.judge = listening
    bench.filler.forget_prefixes()
    try:
        result = finish(bench.filler.fill(bench.request(hole, group, language)))
    finally:
        bench.filler.judge = judge
    if not result.candidates:
        return None
    first = result.candidates[0]
    return Filled(
        language,
        group,
        heard[0],
        first.confidence,
        scores.is_exact(first.text, hole.gold),
        infill_holes.parses(hole, first.text, language),
        scores.similarity(first.text, hole.gold),
    )


def reports(
    fitted: Sequence[Filled], held_back: Sequence[Filled], seed: int, names: tuple[str, ...] = FITTED
) -> list[Report]:
    """Return the figures of `held_back`: with `fitted` of both targets, else of the engine's own confidence alone.

    Raises: ValueError where the engine has none.
    """
    if not held_back:
        raise ValueError("no hole of the reported half was answered; ask for more --holes")
    if fitted:
        learnt = {
            EXACT: fit([each.evidence for each in fitted], [each.is_exact for each in fitted], names),
            CLOSE: fit([each.evidence for each in fitted], [each.similarity >= _CLOSE for each in fitted], names),
        }
        said = {target: [found.probability(each.evidence) for each in held_back] for target, found in learnt.items()}
    else:
        learnt = {}
        said = {EXACT: [each.confidence for each in held_back if each.confidence is not None]}
        if len(said[EXACT]) < len(held_back):
            raise ValueError("this checkpoint has no confidence yet; fit it with --fit FOLDER")
    return [
        _report(target, _judged(held_back, confidences, target), learnt.get(target), seed)
        for target, confidences in said.items()
    ]


def _report(target: str, judged: Sequence[Judged], learnt: Calibration | None, seed: int) -> Report:
    return Report(quality(target, judged, seed), thresholds(judged, seed), learnt)


def _judged(filled: Sequence[Filled], confidences: Sequence[float], target: str) -> list[Judged]:
    return [
        Judged(
            confidence,
            each.is_exact if target == EXACT else each.similarity >= _CLOSE,
            each.is_exact,
            each.parses,
            each.similarity,
        )
        for each, confidence in zip(filled, confidences, strict=True)
    ]


def main(arguments: list[str] | None = None) -> int:
    """Fill, fit where asked to, print the figures, and save and draw what was asked for."""
    options = _parser().parse_args(arguments)
    notes = Console(stderr=True)
    try:
        files = held_out_files(options.work, chosen_languages(options.languages))
        to_fit, to_report = halves(files)
        bench = Bench(str(options.fit or options.model), _CANDIDATES)
        fill = partial(fills_of, bench, holes=options.holes, seed=options.seed, console=notes)
        fitted = fill([file for file in files if file.package in to_fit]) if options.fit else []
        held_back = fill([file for file in files if file.package in to_report])
        found = reports(fitted, held_back, options.seed, tuple(options.features))
        if options.plot:
            calibration_show.plot([each.quality for each in found], options.plot)
        if options.fit and found[0].calibration:
            store(found[0].calibration, options.fit)
    except (EngineError, ValueError, RuntimeError, OSError) as error:
        notes.print(f"benchmarks.calibration: {error}", markup=False, soft_wrap=True)
        return 1
    notes.print(f"fitted on {', '.join(sorted(to_fit))}: {len(fitted)} fills" if options.fit else "nothing was fitted")
    notes.print(f"reported on {', '.join(sorted(to_report))}: {len(held_back)} fills")
    shown = Console(width=max(Console().width, calibration_show.WIDTH))
    for each in found:
        shown.print(calibration_show.summary(each.quality), calibration_show.table(each.quality, each.thresholds))
    if options.save:
        path = _RESULTS / f"calibration-{date.today().isoformat()}.json"
        path.write_text(json.dumps(_record(options, to_fit, to_report, fitted, held_back, found), indent=1) + "\n")
        notes.print(f"wrote {path}", soft_wrap=True)
    return 0


def _record(
    options: argparse.Namespace,
    to_fit: frozenset[str],
    to_report: frozenset[str],
    fitted: Sequence[Filled],
    held_back: Sequence[Filled],
    found: Sequence[Report],
) -> dict[str, object]:
    import torch

    return {
        "machine": machine.describe(),
        "threads": torch.get_num_threads(),
        "model": options.model if options.fit is None else options.fit.name,
        "seed": options.seed,
        "fitted_on": sorted(to_fit) if fitted else [],
        "reported_on": sorted(to_report),
        "fills_fitted": _counts(fitted),
        "fills_reported": _counts(held_back),
        "targets": [calibration_show.rounded(asdict(each)) for each in found],
    }


def _counts(filled: Sequence[Filled]) -> dict[str, int]:
    return {group: sum(each.group == group for each in filled) for group in _GROUPS}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", default="bundled", help="`bundled` or a checkpoint folder, where none is fitted")
    parser.add_argument("--fit", type=Path, metavar="FOLDER", help="a checkpoint folder whose coefficients to fit")
    parser.add_argument("--holes", type=int, default=250, help="single-line ones of each language, in each half")
    parser.add_argument("--languages", default="python", help="comma-separated: those that the checkpoint was taught")
    parser.add_argument("--work", type=Path, default=Path("runs/data"), help="where fetched data stands")
    parser.add_argument("--features", nargs="+", choices=FEATURES, default=FITTED, help="to fit")
    parser.add_argument("--seed", type=int, default=3, help="of drawing and resampling")
    parser.add_argument("--plot", type=Path, metavar="PATH", help="write the reliability plot as SVG")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/calibration-DATE.json")
    return parser


if __name__ == "__main__":
    sys.exit(main())
