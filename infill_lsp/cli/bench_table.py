"""The figures of `infill-lsp bench` for eyes: one row each, beside the bar that it is held to."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

_MEANINGS = {
    "speedup_vs_generate": "a single-line fill, faster than the model's own generate()",
    "speedup_vs_left_to_right": "a wide hole's fill, faster than as many tokens left to right",
    "passes_single_line": "passes of a single-line fill",
    "passes_multi_line": "passes of a multi-line fill",
    "edit_similarity_change": "edit similarity, beside a limit of 48 passes",
    "exact_match_change": "exact match, beside a limit of 48 passes",
    "length_unknown_over_known": "edit similarity, length unknown over length told",
    "gate_rejections_saved": "rejected fills that the syntax critic saves",
    "typed_through_ratio": "a keystroke that types the fill, over the first fill",
    "diverging_ratio": "a keystroke that types something else, over the first fill",
    "four_candidates_ratio": "four candidates, over one",
    "two_holes_ratio": "two holes on one canvas, over two fills",
    "edit_similarity_single_line": "edit similarity, single-line",
    "exact_match_single_line": "exact match, single-line",
    "edit_similarity_multi_line": "edit similarity, multi-line",
    "exact_match_multi_line": "exact match, multi-line",
    "rejected": "fills that are not shown",
    "rejected_without_critic": "fills that are not shown, without the critic",
    "fill_ms_p50": "milliseconds of a single-line fill, median",
    "fill_ms_p95": "milliseconds of a single-line fill, 95 of 100",
    "fill_ms_p50_multi_line": "milliseconds of a multi-line fill, median",
    "fill_ms_p95_multi_line": "milliseconds of a multi-line fill, 95 of 100",
    "ms_per_pass": "milliseconds of a pass",
    "prefill_ms": "milliseconds of a prefix never seen before",
    "generate_ms": "milliseconds of generate()",
    "left_to_right_ms": "milliseconds left to right",
    "left_to_right_tokens": "tokens of a wide hole",
}


def table(result: dict[str, Any]) -> Table:
    """Return the table of a bench's result, those figures first that have a bar."""
    shown = Table(title=_title(result), caption=_caption(result))
    shown.add_column("figure")
    shown.add_column("value", justify="right", no_wrap=True)
    shown.add_column("95 % confidence", justify="right", no_wrap=True)
    shown.add_column("holes", justify="right", no_wrap=True)
    shown.add_column("bar", no_wrap=True)
    shown.add_column("", no_wrap=True)
    with_bars = [name for name in _MEANINGS if name in result["bars"]]
    for names in (with_bars, [name for name in _MEANINGS if name not in result["bars"]]):
        for name in names:
            if name in result:
                shown.add_row(*_row(name, result))
        shown.add_section()
    return shown


def _row(name: str, result: dict[str, Any]) -> list[str | Text]:
    meaning, value, bar = _MEANINGS[name], result[name], result["bars"].get(name)
    if value is None:
        return [meaning, "–", result["missing"][name], "", _bar(bar), ""]
    low, high = result["intervals"][name]
    held = bar["held"] if bar else None
    verdict = Text("") if held is None else Text("held", style="green") if held else Text("missed", style="bold red")
    interval = f"{_number(low)} to {_number(high)}"
    return [meaning, _number(value), interval, str(result["counts"][name]), _bar(bar), verdict]


def _bar(bar: dict[str, Any] | None) -> str:
    if bar is None:
        return ""
    return "no loss" if bar["sense"] == "no loss" else f"{bar['sense']} {_number(bar['limit'])}"


def _number(value: float) -> str:
    """Show a number with three significant digits, and never as a power of ten."""
    size = abs(value)
    places = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 or not size else 3 if size >= 0.01 else 5
    return f"{value:,.{places}f}"


def _title(result: dict[str, Any]) -> str:
    single, multi = result["holes"]["single_line"], result["holes"]["multi_line"]
    return f"{result['model']}: {single} single-line and {multi} multi-line holes of held-out code"


def _caption(result: dict[str, Any]) -> str:
    machine, versions = result["machine"], result["versions"]
    quick = "; a quick run, whose figures say little" if result["quick"] else ""
    precision = result.get("precision")
    weights = result.get("plan") or (f"{precision} weights in every way" if precision in ("int8", "int4") else "")
    weights = f"; {weights}" if weights else ""
    return (
        f"{machine['processor']}, {_counted(machine['cores'], 'core')}, {_counted(result['threads'], 'thread')}, "
        f"{result['dtype']} on {result['device']}, torch {versions['torch']}, commit {result['commit']}{weights}{quick}"
    )


def _counted(number: object, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
