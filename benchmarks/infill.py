"""Fill held-out holes and judge the fills: `python -m benchmarks.infill [--holes N] [--save] [--plot PATH]`.

Holes of three groups (single-line, multi-line, random span) in each language, in files of packages that no training
saw. "ours" fills with the length unknown, "ours, told" with the true number of tokens. "left to right" is the
same weights, decoded greedily from the prefix alone: it stops by itself at the first place where the text after the
hole could go on (`benchmarks.infill_left_to_right.cut`); "left to right, told" writes the true number of tokens.
Ours has the syntax critic in the loop, as in the server (Python alone has one);
nothing is gated. Milliseconds are of one fill at a time, its prefix never seen before.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from benchmarks import infill_holes, infill_report, infill_show
from benchmarks.infill_left_to_right import LeftToRight
from benchmarks.infill_report import BASE, BASE_TOLD, OURS, OURS_TOLD, Outcome
from engine.api import EngineError, FillRequest, RequestError, finish
from engine.bench import machine
from engine.local import LocalFiller, folder_of, load
from engine.training.held_out import HeldOutHole, SourceFile, held_out_files
from infill_lsp.context.context import MAX_BLOCK_TOKENS, MAX_LINE_TOKENS
from infill_lsp.judging.critic import Critic

_RESULTS = Path(__file__).parent / "results"
_MAX_STEPS = 16  # stands for as many as the engine finds enough
_PLOTTED_STEPS = (1, 2, 4, 8, _MAX_STEPS)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    languages: tuple[str, ...]
    holes: int  # of each group and language
    candidates: int = 1
    seed: int = 3  # of the drawing and of the resampling
    steps: tuple[int, ...] = (_MAX_STEPS,)
    groups: tuple[str, ...] = infill_holes.GROUPS


class Bench:
    """A checkpoint that fills and the same checkpoint that writes left to right."""

    def __init__(self, model: str, candidates: int) -> None:
        self.filler: LocalFiller = load(model, critic=Critic())
        self.baseline = LeftToRight(folder_of(model), self.filler.info.device)
        self._candidates = candidates

    def request(self, hole: HeldOutHole, group: str, language: str = "") -> FillRequest:
        """Return the hole as the server asks for it: length unknown, with its limits and its syntax critic."""
        multiline = group != "single-line"
        return FillRequest(
            hole.text[: hole.start],
            hole.text[hole.end :],
            multiline=multiline,
            max_hole_tokens=min(MAX_BLOCK_TOKENS if multiline else MAX_LINE_TOKENS, self._widest),
            num_candidates=self._candidates,
            language=language,
        )

    def fits(self, group: str, hole: HeldOutHole) -> bool:
        """Whether the checkpoint's widest hole has room for the true text."""
        return self.filler.num_hole_tokens(self.request(hole, group), hole.gold) <= self._widest

    def outcomes(
        self, hole: HeldOutHole, index: int, language: str, group: str, steps: Sequence[int]
    ) -> Iterator[Outcome]:
        """Yield the hole's fills by every method; ours once for each of the `steps`."""
        open_request = self.request(hole, group, language)
        true_tokens = self.filler.num_hole_tokens(open_request, hole.gold)
        told = {OURS: None, OURS_TOLD: true_tokens, BASE: None, BASE_TOLD: true_tokens}
        for method, exact in told.items():
            for max_steps in steps if method in (OURS, OURS_TOLD) else (open_request.max_hole_tokens,):
                request = _with(open_request, exact, max_steps)
                fill, passes, ms = self._fill(request) if method in (OURS, OURS_TOLD) else self._write(request)
                yield Outcome(
                    language,
                    group,
                    index,
                    method,
                    max_steps,
                    fill,
                    hole.gold,
                    num_tokens=self.filler.num_hole_tokens(open_request, fill) if fill else 0,
                    true_tokens=true_tokens,
                    parses=infill_holes.parses(hole, fill, language),
                    passes=passes,
                    ms=ms,
                )

    def _fill(self, request: FillRequest) -> tuple[str, int, float]:
        self.filler.forget_prefixes()
        try:
            result = finish(self.filler.fill(request))
        except RequestError:  # A told length beyond the canvas: no answer.
            return "", 0, 0.0
        return result.candidates[0].text if result.candidates else "", result.passes, result.total_ms

    def _write(self, request: FillRequest) -> tuple[str, int, float]:
        written = self.baseline.write(request)
        return written.text, written.passes, written.ms

    @property
    def _widest(self) -> int:
        return self.baseline.profile.hole_widths[-1]


def measure(bench: Bench, files: Sequence[SourceFile], plan: Plan, console: Console) -> list[Outcome]:
    """Draw the plan's holes and fill each by every method, with a progress bar."""
    drawn = [
        (language, group, index, hole)
        for language in plan.languages
        for group in plan.groups
        for index, hole in enumerate(
            infill_holes.draw(files, language, group, plan.holes, plan.seed, partial(bench.fits, group))
        )
    ]
    found: list[Outcome] = []
    with Progress(console=console, transient=True) as progress:
        for language, group, index, hole in progress.track(drawn, description="filling"):
            found += bench.outcomes(hole, index, language, group, plan.steps)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the table, and save what was asked for."""
    options = _parser().parse_args(arguments)
    notes = Console(stderr=True)
    try:
        plan = Plan(
            chosen_languages(options.languages),
            options.holes,
            options.candidates,
            options.seed,
            _PLOTTED_STEPS if options.plot else (_MAX_STEPS,),
            tuple(options.groups),
        )
        files = held_out_files(options.work, plan.languages)
        outcomes = measure(Bench(options.model, options.candidates), files, plan, notes)
        rows = infill_report.rows(outcomes, plan.seed)
        compared = infill_report.differences(outcomes, _MAX_STEPS, plan.seed)
        if options.plot:
            infill_show.plot(rows, options.plot)
    except (EngineError, ValueError, RuntimeError) as error:
        notes.print(f"benchmarks.infill: {error}", markup=False, soft_wrap=True)
        return 1
    full = [row for row in rows if row.max_steps == _MAX_STEPS or row.method in (BASE, BASE_TOLD)]
    # A narrower terminal wraps lines, which loses nothing.
    Console(width=max(Console().width, infill_show.WIDTH)).print(infill_show.table(full, compared))
    if options.save:
        path = _RESULTS / f"infill-{date.today().isoformat()}.json"
        path.write_text(json.dumps(_record(options.model, plan, rows, compared), indent=1) + "\n")
        notes.print(f"wrote {path}", soft_wrap=True)
    return 0


def _record(
    model: str, plan: Plan, rows: list[infill_report.Row], compared: list[infill_report.Difference]
) -> dict[str, object]:
    import torch

    return {
        "machine": machine.describe(),
        "threads": torch.get_num_threads(),
        "model": model,
        "holes": plan.holes,
        "candidates": plan.candidates,
        "seed": plan.seed,
        "rows": infill_report.as_json(rows),
        "differences": infill_report.as_json(compared),
    }


def _with(request: FillRequest, exact: int | None, max_steps: int) -> FillRequest:
    return replace(request, exact_hole_tokens=exact, max_denoising_steps=None if max_steps == _MAX_STEPS else max_steps)


def chosen_languages(wanted: str | None) -> tuple[str, ...]:
    """Return the languages asked for, or all in which holes are drawn. Raises: ValueError."""
    known = infill_holes.known_languages()
    asked = known if wanted is None else tuple(wanted.split(","))
    for language in asked:
        if language not in known:
            raise ValueError(f"no holes are drawn in {language!r}; choose among {', '.join(known)}")
    return asked


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.infill", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="bundled", help="`bundled` or a checkpoint folder")
    parser.add_argument("--holes", type=int, default=100, help="of each group and language")
    parser.add_argument(
        "--groups", nargs="+", choices=infill_holes.GROUPS, default=infill_holes.GROUPS, help="all where not given"
    )
    parser.add_argument("--languages", help="comma-separated; every language with held-out packages where not given")
    parser.add_argument("--work", type=Path, default=Path("runs/data"), help="where fetched data stands")
    parser.add_argument("--candidates", type=int, default=1, help="that a fill is asked for; the first one is judged")
    parser.add_argument("--seed", type=int, default=3, help="of drawing and resampling")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/infill-DATE.json")
    parser.add_argument("--plot", type=Path, metavar="PATH", help="also fill in fewer steps; write the plot as SVG")
    return parser


if __name__ == "__main__":
    sys.exit(main())
