"""Serve the last suggestion while the user types what it predicted, without asking the engine. Pure."""

from __future__ import annotations

from dataclasses import replace

from infill_lsp.fitting.suggestion import Suggestion
from infill_lsp.text.document import Snapshot

# Editors insert these by themselves when their partner is typed.
_CLOSERS = (")", "]", "}", '"', "'", "`")


def rest(before: Snapshot, suggestion: Suggestion, after: Snapshot, offset: int) -> Suggestion | None:
    """Give what is left of a suggestion whose beginning was typed since.

    `before` is the snapshot that it was made for, `after` and `offset` are the document and the caret now.
    None unless the two texts differ in nothing but what was typed at the caret, and perhaps a closing bracket or quote
    that the editor added right of it.
    """
    if before.uri != after.uri:
        return None
    left = suggestion.text[offset - suggestion.start :] if offset >= suggestion.start else ""
    grown = len(after.text) - len(before.text)
    if _is_typed(before, suggestion, after, offset, grown):
        return replace(suggestion, start=offset, end=suggestion.end + grown, text=left) if left else None
    added = after.text[offset : offset + 1]
    if added not in _CLOSERS or added not in left or suggestion.start != suggestion.end:
        return None
    if not _is_typed(before, suggestion, after, offset, grown - 1, added):
        return None
    if not left.endswith(added):
        # More follows the closer, so the rest replaces the one that the editor added.
        return replace(suggestion, start=offset, end=suggestion.end + grown, text=left)
    if not left[:-1]:
        return None
    return replace(suggestion, start=offset, end=suggestion.end + grown - 1, text=left[:-1])


def is_typed_out(before: Snapshot, suggestion: Suggestion, after: Snapshot) -> bool:
    """Tell whether the whole suggestion stands in the document now, whoever wrote it, and perhaps more right of it."""
    num_left = len(before.text) - suggestion.end
    return (
        before.uri == after.uri
        and len(after.text) >= suggestion.start + len(suggestion.text) + num_left
        and after.text.startswith(suggestion.text, suggestion.start)  # What differs, most often.
        and after.text.startswith(before.text[: suggestion.start])
        and after.text.endswith(before.text[suggestion.end :])
    )


def _is_typed(
    before: Snapshot, suggestion: Suggestion, after: Snapshot, offset: int, num_typed: int, added: str = ""
) -> bool:
    """Tell whether `after` is `before` with `num_typed` characters of the suggestion typed, which end at `offset`."""
    caret = offset - num_typed
    return (
        num_typed >= 0
        and suggestion.start <= caret <= suggestion.end
        and suggestion.text.startswith(after.text[suggestion.start : offset])
        and after.text.startswith(before.text[:caret])
        and after.text[offset:] == added + before.text[caret:]
    )
