"""Time a fill against the model's own `generate()`: `python -m benchmarks.latency [--json] [--runs N]`.

The hole is the demo's. Same weights, same prefix, same process, runs taken in turn. `generate()` writes a canvas of its
own after the prefix at its default settings: it cannot hold the suffix, and denoises every position of the canvas, from
random tokens, which a checkpoint trained on a mask token does not expect, so its passes say little of quality.
"cold" is a fill whose prefix was never seen; "warm" the same fill again, its prefix in memory; "product" is warm with
the number of candidates that the server asks for when a fill is asked for explicitly; "long" has about 1,000 tokens of
code before the hole. "first" is a new engine host from nothing: the process, the
libraries, the weights and the fill.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import json
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from engine.api import FillRequest, finish
from engine.bench import machine
from infill_lsp.context.context import request_for
from infill_lsp.holes.hole import Hole, hole_for_action
from infill_lsp.settings.settings import Settings
from infill_lsp.text.document import Document

_LONG_CHARS = 4000


def measure(model: str, runs: int) -> dict[str, object]:
    """Return medians in milliseconds, pass counts, and the ratio of `generate()` to a cold fill of this run."""
    import torch

    from engine.bench.generate import Generate
    from engine.local import LocalFiller, load

    filler = load(model)
    assert isinstance(filler, LocalFiller)
    request = _sample()
    product = replace(request, num_candidates=Settings().num_candidates)
    # Some 1,000 tokens of code nobody here wrote; the checkpoint sees as many of the last as its prefix holds.
    long = replace(request, prefix=inspect.getsource(argparse)[:_LONG_CHARS].rsplit("\n", 1)[0] + "\n" + request.prefix)
    finish(filler.fill(request))  # The first pass of a process pays for lazy set-up on both sides.
    generate = Generate(model, filler.info)
    generate.run(request)
    rows: dict[str, list[float]] = {}
    for _ in range(runs):
        filler.forget_prefixes()
        for name, asked in (
            ("cold", request),
            ("warm", request),
            ("product", product),
            ("long_cold", long),
            ("long_warm", long),
        ):
            result = finish(filler.fill(asked))
            rows.setdefault(f"{name}_ms", []).append(result.total_ms)
            rows.setdefault(f"{name}_prefill_ms", []).append(result.prefill_ms)
            rows.setdefault(f"{name}_passes", []).append(result.passes)
            rows.setdefault(f"{name}_ms_per_pass", []).append((result.total_ms - result.prefill_ms) / result.passes)
        elapsed_ms, passes = generate.run(request)
        rows.setdefault("generate_ms", []).append(elapsed_ms)
        rows.setdefault("generate_passes", []).append(passes)
        rows.setdefault("generate_ms_per_pass", []).append(elapsed_ms / passes)
    medians = {name: round(statistics.median(values), 2) for name, values in rows.items()}
    return {
        "machine": machine.describe(),
        "model": model,
        "threads": torch.get_num_threads(),
        "runs": runs,
        **medians,
        "first_ms": round(asyncio.run(_first_ms(model, request)), 1),
        "speedup_vs_generate_cold": round(medians["generate_ms"] / medians["cold_ms"], 2),
        "speedup_vs_generate_warm": round(medians["generate_ms"] / medians["warm_ms"], 2),
    }


def _sample() -> FillRequest:
    """Return the demo's hole as the server would ask for it, but with one candidate."""
    text = files("infill_lsp.cli").joinpath("sample.py.txt").read_text()
    snapshot = Document("file:///sample.py", 1, text, "python").snapshot()
    place = text.index("...")
    hole = hole_for_action(snapshot, place, place)
    assert isinstance(hole, Hole)
    settings = Settings()
    return request_for(
        snapshot,
        hole,
        num_candidates=1,
        max_prefix_chars=settings.max_prefix_chars,
        max_suffix_chars=settings.max_suffix_chars,
        deadline_ms=None,
    )


async def _first_ms(model: str, request: FillRequest) -> float:
    """Return how long a fill takes when no host is running."""
    from engine.client import HostClient

    with tempfile.TemporaryDirectory(prefix="ilb") as folder:
        client = HostClient(model, socket_path=Path(folder) / "h.sock", idle_seconds=5)
        started = time.perf_counter()
        await client.fill(request)
        elapsed_ms = (time.perf_counter() - started) * 1000
        await client.aclose()
    return elapsed_ms


def main() -> int:
    """Measure and print a table, or one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--model", default="bundled", help="`bundled` or a checkpoint folder")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    measured = measure(options.model, options.runs)
    if options.json:
        print(json.dumps(measured, indent=2))
    else:
        for name, value in measured.items():
            print(f"{name:28} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
