"""The server's side of a fill, for what `infill-lsp bench` measures: where a hole is, and what of a fill is shown.

It is the pipeline of `infill_lsp.fill`, taken apart so that one step can be measured without the others. It runs in the
process that measures, which knows it by name alone; see `engine.bench.editor` for what is asked of it.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.api import FillRequest
from infill_lsp.context.context import request_for
from infill_lsp.fitting.suggestion import Suggestion, shape
from infill_lsp.ghost import reuse
from infill_lsp.holes.hole import Hole, hole_at
from infill_lsp.judging.gate import rejection
from infill_lsp.settings.settings import Settings
from infill_lsp.text.document import Document

_URI = "file:///measured.py"


class PythonEditor:
    """A user in a Python file, with the settings that hold where nothing is set."""

    def __init__(self) -> None:
        self._settings = Settings()

    def request(self, text: str, offset: int) -> FillRequest | None:
        """Return what the engine is asked at a caret, for one candidate and without a deadline; None: no hole."""
        snapshot = _document(text).snapshot()
        hole = hole_at(snapshot, offset)
        if not isinstance(hole, Hole):
            return None
        return request_for(
            snapshot,
            hole,
            num_candidates=1,
            max_prefix_chars=self._settings.max_prefix_chars,
            max_suffix_chars=self._settings.max_suffix_chars,
            deadline_ms=None,
        )

    def rejection(self, text: str, offset: int, fill: str) -> str | None:
        """Tell why a fill of the hole at a caret is not shown, or None where it is."""
        snapshot = _document(text).snapshot()
        hole = hole_at(snapshot, offset)
        if not isinstance(hole, Hole):
            return hole.reason
        return rejection(snapshot, hole, shape(snapshot, hole, fill))

    def typed_through(self, text: str, offset: int, fill: str) -> Callable[[], bool] | None:
        """Return the keystroke that types a shown fill's first character: the edit, its parse, and what is left."""
        document = _document(text)
        before = document.snapshot()
        hole = hole_at(before, offset)
        if not isinstance(hole, Hole):
            return None
        shown = shape(before, hole, fill)
        if len(shown) < 2 or rejection(before, hole, shown) is not None:
            return None

        def keystroke() -> bool:
            document.edit(hole.start, hole.start, shown[0])
            suggestion = Suggestion(hole.start, hole.end, shown, 0.0)
            return reuse.rest(before, suggestion, document.snapshot(), hole.start + 1) is not None

        return keystroke


def _document(text: str) -> Document:
    return Document(_URI, 0, text, "python")
