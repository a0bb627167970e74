"""The table of a bench's result: every figure beside its bar, and what is missing said."""

from __future__ import annotations

import io

from rich.console import Console

from infill_lsp.cli.bench_table import table

_RESULT = {
    "model": "bundled",
    "machine": {"processor": "a processor", "cores": 2, "system": "a system"},
    "versions": {"torch": "2"},
    "commit": "abc",
    "threads": 2,
    "dtype": "float32",
    "device": "cpu",
    "quick": True,
    "holes": {"single_line": 7, "multi_line": 5},
    "passes_single_line": 4.2,
    "passes_multi_line": 13.0,
    "typed_through_ratio": 0.00123,
    "gate_rejections_saved": None,
    "generate_ms": 12345.0,
    "intervals": {
        "passes_single_line": [4.0, 4.4],
        "passes_multi_line": [12, 14],
        "typed_through_ratio": [0.001, 0.002],
        "generate_ms": [12000, 13000],
    },
    "counts": {"passes_single_line": 7, "passes_multi_line": 5, "typed_through_ratio": 3, "generate_ms": 7},
    "bars": {
        "passes_single_line": {"sense": "at most", "limit": 5, "held": True},
        "passes_multi_line": {"sense": "at most", "limit": 12, "held": False},
        "typed_through_ratio": {"sense": "at most", "limit": 0.25, "held": True},
        "gate_rejections_saved": {"sense": "at least", "limit": 0.333, "held": None},
    },
    "missing": {"gate_rejections_saved": "without the critic every fill may be shown"},
}


def lines(**changes: object) -> list[str]:
    console = Console(file=io.StringIO(), width=150)
    console.print(table(_RESULT | changes))
    return console.file.getvalue().splitlines()


def row(meaning: str) -> list[str]:
    found = [line for line in lines() if meaning in line]
    assert len(found) == 1
    return [cell.strip() for cell in found[0].strip("│").split("│")]


def test_a_figure_stands_beside_its_bar_and_whether_it_is_held():
    assert row("passes of a single-line fill")[1:] == ["4.20", "4.00 to 4.40", "7", "at most 5.00", "held"]
    assert row("passes of a multi-line fill")[1:] == ["13.0", "12.0 to 14.0", "5", "at most 12.0", "missed"]


def test_small_and_large_numbers_are_readable():
    assert row("types the fill")[1] == "0.00123"
    assert row("milliseconds of generate()")[1:3] == ["12,345", "12,000 to 13,000"]


def test_a_missing_figure_says_why():
    assert row("syntax critic saves")[1:] == [
        "–",
        "without the critic every fill may be shown",
        "",
        "at least 0.333",
        "",
    ]


def test_a_quick_run_is_called_one():
    assert any("a quick run" in line for line in lines())


def test_what_the_weights_were_is_said():
    assert "2 cores, 2 threads, float32 on cpu" in " ".join(lines())
    assert not any("weights" in line for line in lines())
    quantised = " ".join(line.strip() for line in lines(precision="int4", plan=None, threads=1))
    assert "1 thread," in quantised
    assert "; int4 weights in every way; a quick run" in quantised
    assert "; int4: because of the memory;" in " ".join(
        line.strip() for line in lines(precision="auto", plan="int4: because of the memory")
    )
