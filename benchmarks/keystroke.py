"""Time a keystroke from edit to request: `python -m benchmarks.keystroke [--json OUT] [--sources FILE]`.

Files of 1,000, 10,000 and 50,000 lines are real ones joined: what is installed on this machine, or a collection as
`python -m engine.training.data` writes it. At three places of each a statement is typed, and a string, a bracket and a
brace are opened, which breaks all below, and closed again. Each keystroke is an edit (text, line index and old tree),
a snapshot (the parse), the hole at the caret, and the request for it. Nothing is filled and no engine runs.
Times are processor times, since none of this waits for anything; `wall_median_ms` is what a clock on the wall says.
`tree` is how many of the keystrokes had a tree: the others took longer to parse than a keystroke may.
`open` is the first parse of the file, in slices as while nobody types.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.keystroke_hostile import hostile_texts, opened
from benchmarks.keystroke_traces import Trace, real_file, traces
from engine.api import FillRequest
from engine.bench import machine
from infill_lsp.context.context import request_for
from infill_lsp.holes.hole import Hole, hole_at
from infill_lsp.settings.settings import Settings
from infill_lsp.text.document import Document, Snapshot

LANGUAGES = ("python", "javascript", "typescript", "go", "rust", "c")
LENGTHS = (1_000, 10_000, 50_000)
BARS_MS = {10_000: 5.0, 50_000: 15.0}
STAGES = ("edit", "snapshot", "hole", "request")


def main() -> int:
    """Measure, print a table, and write the result where asked. 1: the median of a file is above its bar."""
    arguments = _arguments()
    rows: list[dict[str, object]] = []
    for language in arguments.languages:
        for num_lines in arguments.lengths:
            text = real_file(language, num_lines, arguments.sources)
            if text:
                rows.append(measured(text, language))
                print(_line(rows[-1]), flush=True)
    hostile = [opened(*each).as_object() for each in hostile_texts()] if arguments.hostile else []
    for each in hostile:
        print(json.dumps(each), flush=True)
    if arguments.json is not None:
        result = {**machine.machine(), "python": sys.version.split()[0], "commit": machine.commit()}
        arguments.json.write_text(json.dumps({**result, "files": rows, "hostile": hostile}, indent=1) + "\n")
    return 0 if all(row["within_bar"] for row in rows) else 1


def measured(text: str, language: str) -> dict[str, object]:
    """Type every trace into a file, and give the times by stage and by trace, in ms."""
    document = Document("file:///typed", 1, text, language)
    began = time.thread_time()
    slices = 1
    while document.advance():
        slices += 1
    open_ms = (time.thread_time() - began) * 1000
    by_trace: dict[str, list[dict[str, float]]] = {}
    walls: list[float] = []
    num_trees = 0
    for trace in traces(text, language):
        times, trees = _typed(document, trace, walls)
        by_trace.setdefault(f"{trace.place} {trace.name}", []).extend(times)
        num_trees += trees
    every = [each for times in by_trace.values() for each in times]
    totals = [sum(each.values()) for each in every]
    num_lines = text.count("\n")
    bar = next((bar for length, bar in sorted(BARS_MS.items()) if num_lines <= length), None)
    return {
        "language": language,
        "lines": num_lines,
        "bytes": len(text.encode("utf-8", "surrogatepass")),
        "open_ms": round(open_ms, 1),
        "open_slices": slices,
        "keystrokes": len(totals),
        "tree": round(num_trees / len(totals), 3),
        "median_ms": _median(totals),
        "p95_ms": _p95(totals),
        "max_ms": round(max(totals), 2),
        "wall_median_ms": _median(walls),
        "within_bar": bar is None or _median(totals) <= bar,
        "stages": {
            stage: {"median_ms": _median(values), "p95_ms": _p95(values)}
            for stage in STAGES
            for values in [[each[stage] for each in every]]
        },
        "traces": {
            name: {"median_ms": _median(values), "p95_ms": _p95(values)}
            for name, times in by_trace.items()
            for values in [[sum(each.values()) for each in times]]
        },
    }


def _typed(document: Document, trace: Trace, walls: list[float]) -> tuple[list[dict[str, float]], int]:
    """Type a trace, then take it back and let the document catch up."""
    before = document.text
    times: list[dict[str, float]] = []
    num_trees = 0
    gc.collect()
    for start, end, new in trace.edits:
        began, at = time.perf_counter(), [time.thread_time()]
        document.edit(start, end, new)
        at.append(time.thread_time())
        snapshot = document.snapshot()
        at.append(time.thread_time())
        hole = hole_at(snapshot, start + len(new))
        at.append(time.thread_time())
        if isinstance(hole, Hole):
            _request(snapshot, hole)
        at.append(time.thread_time())
        walls.append((time.perf_counter() - began) * 1000)
        times.append({stage: (at[number + 1] - at[number]) * 1000 for number, stage in enumerate(STAGES)})
        num_trees += snapshot.tree is not None
    first, length = trace.edits[0][0], sum(len(new) for _, _, new in trace.edits)
    document.edit(first, first + length, "")
    assert document.text == before
    while document.advance():
        pass
    return times, num_trees


def _request(snapshot: Snapshot, hole: Hole) -> FillRequest:
    settings = Settings()
    return request_for(
        snapshot,
        hole,
        num_candidates=settings.num_candidates,
        max_prefix_chars=settings.max_prefix_chars,
        max_suffix_chars=settings.max_suffix_chars,
        deadline_ms=settings.deadline_ms,
    )


def _line(row: dict[str, object]) -> str:
    stages = row["stages"]
    assert isinstance(stages, dict)
    parts = ", ".join(f"{stage} {stages[stage]['median_ms']}" for stage in STAGES)
    return (
        f"{row['language']:<12} {row['lines']:>6,} lines: median {row['median_ms']} ms ({parts}), "
        f"p95 {row['p95_ms']}, most {row['max_ms']}, tree {row['tree']:.0%}; open {row['open_ms']}"
    )


def _median(values: Sequence[float]) -> float:
    return round(statistics.median(values), 2)


def _p95(values: Sequence[float]) -> float:
    return round(sorted(values)[int(len(values) * 0.95)], 2)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.keystroke", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the result there")
    parser.add_argument("--sources", type=Path, metavar="FILE", help="a collection of sources; else what is installed")
    parser.add_argument("--languages", nargs="+", default=LANGUAGES, metavar="LANGUAGE")
    parser.add_argument("--lengths", nargs="+", type=int, default=LENGTHS, metavar="LINES")
    parser.add_argument("--no-hostile", dest="hostile", action="store_false", help="leave the hostile texts out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
