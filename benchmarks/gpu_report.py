"""What the rows of `benchmarks.gpu` come to: floors, ratios and bars, for eyes and for the record. Pure.

A bar looks at rows of this run alone and takes the worst of those that it is about. Without its rows it is not
measured, which is not the same as missed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.gpu_work import Work

Row = dict[str, Any]
VRAM_BYTES = 18e9
TIMES_STOCK, TIMES_FLOOR, TIMES_DECODING = 2.0, 1.5, 4.0
FILL_PASSES = 12
DIFFERENCE = 0.02
"""Two roundings of bfloat16 and sums in another order come to some 0.005."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar and how it went; `value` is None where it was not measured."""

    name: str
    sense: str
    limit: float
    value: float | None

    @property
    def verdict(self) -> str:
        """Say how it went in a word or two."""
        if self.value is None:
            return "NOT MEASURED"
        is_held = self.value <= self.limit if self.sense == "at most" else self.value >= self.limit
        return "HELD" if is_held else "MISSED"


def with_floors(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with `floor_ms` and `times_floor` where the card's rates were measured in the same run."""
    copied = next((row["bytes_per_s"] for row in rows if row["row"] == "copy"), None)
    multiplied = next((row["operations_per_s"] for row in rows if row["row"] == "matrix"), None)
    found = []
    for row in rows:
        if copied and multiplied and "bytes" in row and "timing" in row:
            floor = Work(row["bytes"], row.get("operations", 0.0)).floor_ms(copied, multiplied)
            row = {**row, "floor_ms": round(floor, 5), "times_floor": round(_ms(row) / floor, 3)}
        found.append(row)
    return found


def bars(rows: Sequence[Row]) -> list[Bar]:
    """Return all bars."""
    rows = with_floors(rows)
    memory = [row["peak"]["reserved"] for row in _of(rows, "memory", precision="int4") if row["peak"]]
    found = [Bar("VRAM at 4 bit, bytes reserved", "at most", VRAM_BYTES, max(memory, default=None))]
    found.append(Bar("ours over generate() at bf16", "at least", TIMES_STOCK, min(_over_stock(rows), default=None)))
    for precision in ("bf16", "int8", "int4"):
        passes = _of(rows, "pass", precision=precision, who="ours graph", batch=1)
        times = max((row["times_floor"] for row in passes if "times_floor" in row), default=None)
        found.append(Bar(f"pass over floor at {precision}", "at most", TIMES_FLOOR, times))
    for precision in ("bf16", "int4"):
        fill = next((_ms(row) for row in _of(rows, "fill", precision=precision, passes=FILL_PASSES)), None)
        for who, name in (("transformers", "transformers"), ("ours graph", "one CUDA graph a token")):
            decoded = _of(rows, "decode", precision=precision, who=who)
            times = _ms(decoded[0]) * decoded[0]["tokens"] / fill if decoded and fill else None
            found.append(Bar(f"fill over decoding ({name}) at {precision}", "at least", TIMES_DECODING, times))
    differences = [row[f"{kind}_difference"] for row in _of(rows, "check") for kind in ("experts", "linear")]
    found.append(Bar("kernels off their reference", "at most", DIFFERENCE, max(differences, default=None)))
    return found


def _over_stock(rows: Sequence[Row]) -> Iterator[float]:
    for stock in _of(rows, "pass", precision="bf16", who="generate"):
        same = {key: stock[key] for key in ("canvas", "batch", "context")}
        for ours in _of(rows, "pass", precision="bf16", who="ours graph", **same):
            yield _ms(stock) / _ms(ours)


def _of(rows: Sequence[Row], kind: str, **wanted: Any) -> list[Row]:
    return [row for row in rows if row["row"] == kind and all(row.get(key) == value for key, value in wanted.items())]


def line(row: Row) -> str:
    """Say a row in one line."""
    kind = row["row"]
    timing = row.get("timing")
    parts = [f"{kind:8}", *(str(row[key]) for key in ("precision", "who") if key in row)]
    for key in ("canvas", "batch", "context", "tokens", "rows", "passes", "tile"):
        if key in row:
            parts.append(f"{key} {row[key]}")
    if timing:
        parts.append(f"{timing['ms']:.4g} ms [{timing['low']:.4g}, {timing['high']:.4g}]")
    if "times_floor" in row:
        parts.append(f"floor {row['floor_ms']:.4g} ms, x{row['times_floor']:.2f}")
    if row.get("peak"):
        parts.append(f"peak {row['peak']['allocated'] / 1e9:.2f} GB, held {row['peak']['reserved'] / 1e9:.2f} GB")
    if row.get("prefill_peak"):
        parts.append(f"of it while reading the prefix {row['prefill_peak']['allocated'] / 1e9:.2f} GB")
    for way in ("kernel", "whole"):
        if way in row:
            parts.append(f"{way} {row[way]['ms']:.4g} ms")
    for key, unit, scale in (
        ("bytes_per_s", "GB/s", 1e9),
        ("operations_per_s", "TFLOP/s", 1e12),
        ("tokens_per_s", "tokens/s", 1),
        ("weight_bytes", "GB of weights", 1e9),
        ("seconds", "s", 1),
        ("experts_hit", "experts a layer", 1),
        ("experts_difference", "off the reference (experts)", 1),
        ("linear_difference", "off the reference (linear)", 1),
    ):
        if key in row:
            parts.append(f"{row[key] / scale:.4g} {unit}")
    for each in row.get("longest", ()):
        parts.append(f"\n    {each['ms']:8.4g} ms  {each['calls']:6g} calls  {each['kernel']}")
    if row.get("note"):
        parts.append(f"({row['note']})")
    return "  ".join(parts)


def summary(rows: Sequence[Row], missing: Sequence[str]) -> str:
    """Return the ratios between rows, what is missing, and the bars."""
    lines = [*_against_stock(rows), *_of_candidates(rows), *_against_decoding(rows)]
    lines += [f"missing: {each}" for each in missing]
    for bar in bars(rows):
        value = "-" if bar.value is None else f"{bar.value:.4g}"
        lines.append(f"{bar.verdict:12}  {bar.name}: {value}, {bar.sense} {bar.limit:.4g}")
    return "\n".join(lines)


def _against_stock(rows: Sequence[Row]) -> Iterator[str]:
    for stock in _of(rows, "pass", precision="bf16", who="generate"):
        same = {key: stock[key] for key in ("canvas", "batch", "context")}
        ours = _of(rows, "pass", who="ours graph", **same)
        if ours:
            times = ", ".join(f"{row['precision']} x{_ms(stock) / _ms(row):.2f}" for row in ours)
            at = " ".join(f"{key} {value}" for key, value in same.items())
            yield f"generate() at bf16 over ours, {at}: {times}"


def _of_candidates(rows: Sequence[Row]) -> Iterator[str]:
    for row in _of(rows, "pass", who="ours graph"):
        same = {key: row[key] for key in ("precision", "canvas", "context")}
        one = _of(rows, "pass", who="ours graph", batch=1, **same)
        if row["batch"] > 1 and one:
            yield f"{row['batch']} candidates over one at {row['precision']}: x{_ms(row) / _ms(one[0]):.2f}"


def _against_decoding(rows: Sequence[Row]) -> Iterator[str]:
    for fill in _of(rows, "fill"):
        for decoded in _of(rows, "decode", precision=fill["precision"]):
            yield (
                f"decoding {decoded['tokens']} tokens ({decoded['who']}) over a fill of {fill['tokens']} in "
                f"{fill['passes']} passes at {fill['precision']}: x{_ms(decoded) * decoded['tokens'] / _ms(fill):.2f}"
            )


def _ms(row: Row) -> float:
    return float(row["timing"]["ms"])


def as_json(rows: Sequence[Row], missing: Sequence[str]) -> Row:
    """Return rows, what is missing, and bars for the record."""
    return {
        "rows": with_floors(rows),
        "missing": list(missing),
        "bars": [
            {"name": bar.name, "sense": bar.sense, "limit": bar.limit, "value": bar.value, "verdict": bar.verdict}
            for bar in bars(rows)
        ],
    }
