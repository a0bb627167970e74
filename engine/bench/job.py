"""Measure a checkpoint in a process of its own: `python -m engine.bench.job`, told by `infill-lsp bench`.

One JSON object on standard input says what to do; every line of standard output is a JSON object: `progress`, and at
the end `result` or `error`.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from engine import faults
from engine.api import EngineError
from engine.bench import figures, holes, machine, plot, quality, timing
from engine.bench.editor import Editor, named
from engine.bench.holes import GROUPS, Case, Group
from engine.bench.subject import Subject, load_subject
from engine.models.quantize.precision import PrecisionChoice

_SEED = 3
_TIMED, _REPEATS = 12, 3
_QUICK_TIMED, _QUICK_REPEATS = 2, 1
# A hole is long that takes so much of the widest one; of these it takes many holes to find a few.
_LONG_SHARE = 0.75

_SumUp = Callable[[Sequence[timing.Times]], list[figures.Figure]]


@dataclass(frozen=True, slots=True)
class Job:
    """What to measure. `editor` and `critic` name what stands for the editor's side, as `module:name`."""

    model: str
    editor: str
    critic: str
    holes: int  # of each group
    quick: bool = False  # few runs: to see that it works, not to believe the figures
    plot: str | None = None
    threads: int | None = None
    precision: PrecisionChoice = "auto"


@dataclass(frozen=True, slots=True)
class _Room:
    """Which holes a checkpoint has room for."""

    subject: Subject

    def fits(self, case: Case) -> bool:
        """Whether the widest hole that a request asks for has room for the true text."""
        widest = min(case.request.max_hole_tokens, self.subject.profile.hole_widths[-1])
        return self.subject.filler.num_hole_tokens(case.request, case.gold) <= widest

    def is_long(self, case: Case) -> bool:
        """Whether the true text takes most of the widest hole."""
        widest = self.subject.profile.hole_widths[-1]
        return _LONG_SHARE * widest <= self.subject.filler.num_hole_tokens(case.request, case.gold) <= widest


def run(job: Job) -> Iterator[dict[str, object]]:
    """Measure, yielding progress and at last the result. Raises: EngineError, ValueError, OSError."""
    yield _progress("loading", 0, 1)
    loaded = load_subject(job.model, job.precision, named(job.critic)())
    editor: Editor = named(job.editor)()
    yield _progress("drawing holes", 0, 1)
    ask, room, timed = editor.request, _Room(loaded), _QUICK_TIMED if job.quick else _TIMED
    cases: dict[Group, list[Case]] = {group: holes.draw(ask, room.fits, group, job.holes, _SEED) for group in GROUPS}
    if not all(cases.values()):
        raise EngineError("no hole that this checkpoint has room for could be drawn; measure another checkpoint")
    found: list[figures.Figure] = []

    repeats, narrowest = _QUICK_REPEATS if job.quick else _REPEATS, loaded.profile.hole_widths[0]
    clock = timing.Timing(loaded.filler, editor, loaded.rivals, repeats, narrowest)
    single = cases["single_line"][:timed]
    clock.warm_up(single[0])
    long = holes.draw(ask, room.is_long, "multi_line", timed, _SEED)
    pairs = holes.draw_pairs(ask, timed, _SEED)
    stages: tuple[tuple[str, Callable[[], Iterator[timing.Times]], int, _SumUp], ...] = (
        ("timing fills", lambda: map(clock.single_line, single), len(single), timing.single_line_figures),
        ("timing wide holes", lambda: map(clock.long, long), len(long), timing.long_figures),
        ("timing keystrokes", lambda: map(clock.keystrokes, single), len(single), timing.keystroke_figures),
        ("timing pairs", lambda: map(clock.pair, pairs), len(pairs), timing.pair_figures),
    )
    for name, stage, total, summed_up in stages:
        times: list[timing.Times] = []
        for each in stage():
            times.append(each)
            yield _progress(name, len(times), total)
        found += summed_up(times)

    asked = quality.ways(loaded.filler, plotted=job.plot is not None)
    fills: quality.Fills = {name: [] for name in asked}
    total = sum(map(len, cases.values())) * len(asked)
    for done, (name, filled) in enumerate(quality.fill_all(loaded.filler, editor, cases, asked), 1):
        fills[name].append(filled)
        yield _progress("filling", done, total)
    found += quality.compared(fills)
    if job.plot is not None:
        lines = [plot.Line(group.replace("_", "-"), "fill", "o-", quality.by_passes(fills, group)) for group in GROUPS]
        plot.draw(lines, Path(job.plot))
    yield {
        "event": "result",
        "model": job.model,
        "machine": machine.machine(),
        "versions": machine.versions(),
        "commit": machine.commit(),
        "threads": torch.get_num_threads(),
        "dtype": loaded.filler.info.dtype,
        "device": loaded.filler.info.device,
        "precision": job.precision,
        "plan": loaded.plan or None,
        "quick": job.quick,
        "holes": {group: len(drawn) for group, drawn in cases.items()},
        "drawn_from": holes.packages(),
        **figures.as_json(found),
        "rejections": quality.rejections(fills),
    }


def _progress(stage: str, done: int, total: int) -> dict[str, object]:
    return {"event": "progress", "stage": stage, "done": done, "total": total}


def main() -> int:
    """Do the job on standard input; return the exit status."""
    job = Job(**json.load(sys.stdin))
    tell, sys.stdout = sys.stdout, sys.stderr  # Nothing that a library prints goes between our lines.
    try:
        if job.threads is not None:
            torch.set_num_threads(job.threads)
        for event in run(job):
            print(json.dumps(event), file=tell, flush=True)
    except (EngineError, ValueError) as error:
        return _fail(str(error), tell)
    except BrokenPipeError:
        return 1  # Nobody listens any more.
    except OSError as error:
        return _fail(f"{f'{error.filename}: ' if error.filename else ''}{error.strerror or error}", tell)
    except (RuntimeError, MemoryError) as error:
        if not faults.is_out_of_memory(error):
            raise
        return _fail(str(faults.out_of_memory()), tell)
    except KeyboardInterrupt:
        return 130
    return 0


def _fail(text: str, tell: object) -> int:
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps({"event": "error", "text": text}), file=tell, flush=True)  # type: ignore[call-overload]
    return 1


if __name__ == "__main__":
    sys.exit(main())
