"""Whether the hole found at a cut is the cut, and gives the file back when the true text goes in.

The hole must lie on the caret's line and take nothing but blanks, its fill must be whole lines at the true indent (but
for half a statement, whose hole begins at the caret), and the true text, shaped as any fill is, must restore the file.
The hole of a body must be one that may hold line breaks; that of a class's body may be called members, for it is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.cut_kinds import HALF, NO_LINE, Cut
from infill_lsp.fitting.suggestion import shape
from infill_lsp.holes.hole import Hole, NoHole, hole_at, hole_for_action, replaces_lines
from infill_lsp.text.document import Document, Snapshot


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found at one cut. `wrong` is the kind of failure, empty where the hole is right."""

    wrong: str
    detail: str
    ms: float  # of finding the hole, the text parsed already


def judge(cut: Cut, language: str) -> Verdict:
    """Find the hole of a cut and compare."""
    snapshot = Document("file:///cut", 1, cut.text, language).snapshot()
    started = time.perf_counter()
    asked = cut.caret
    hole = hole_for_action(snapshot, asked, asked) if cut.row == NO_LINE else hole_at(snapshot, asked)
    ms = (time.perf_counter() - started) * 1_000
    wrong, detail = _wrong_hole(cut, snapshot, hole)
    if not wrong and isinstance(hole, Hole):
        wrong, detail = _wrong_text(cut, snapshot, hole)
    return Verdict(wrong, detail or str(hole), ms)


def _wrong_hole(cut: Cut, snapshot: Snapshot, hole: Hole | NoHole) -> tuple[str, str]:
    if isinstance(hole, NoHole):
        return f"no hole: {hole.reason}", ""
    index = snapshot.index
    line = index.line_of(cut.caret)
    if not index.line_start(line) <= hole.start <= cut.caret <= hole.end <= index.line_end(line):
        return "the hole is elsewhere", ""
    if snapshot.text[hole.start : hole.end].strip():
        return "the hole takes text", ""
    if cut.row == HALF:
        return ("", "") if hole.start == cut.caret else ("the hole is elsewhere", "")
    if not replaces_lines(snapshot, hole):
        return f"a part of a line ({hole.kind})", ""
    if cut.body is not None and hole.kind != "body" and not (hole.kind == "member" and cut.body.is_of_class):
        return f"no body ({hole.kind})", ""
    if cut.body is not None and not hole.multiline:
        return "one line only", ""
    if hole.indent != cut.indent:
        return "another indent", f"{hole.indent!r} instead of {cut.indent!r}: {hole.why}"
    return "", ""


def _wrong_text(cut: Cut, snapshot: Snapshot, hole: Hole) -> tuple[str, str]:
    filled = shape(snapshot, hole, cut.missing)
    text = cut.text[: hole.start] + filled + cut.text[hole.end :]
    if text == cut.whole:
        return "", ""
    if not filled:
        return "nothing of the text fits", ""
    if cut.missing != filled.strip() and cut.missing.startswith(filled.strip()):
        return "the text is cut short", f"after {filled[-40:]!r}, before {cut.missing[len(filled.strip()) :][:60]!r}"
    for mine, true in zip(filled.lstrip(" \t\r\n").splitlines(True), cut.missing.splitlines(True), strict=False):
        if mine != true:
            return "the text is changed", f"{mine!r} instead of {true!r}"
    return "the text is changed", f"the file has {len(text) - len(cut.whole)} characters more"
