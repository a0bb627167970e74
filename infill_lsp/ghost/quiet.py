"""Reasons to show nothing to a user who only types, beyond there being no hole. Pure; each is a line for the user."""

from __future__ import annotations

from infill_lsp.ghost.rhythm import Rhythm

DELETING = "text was just deleted; ghost text comes back with the next key"


def why_quiet(rhythm: Rhythm) -> str | None:
    """Say why this is no moment for ghost text, or None."""
    return DELETING if rhythm.is_deleting else None


def doubt(confidence: float | None, wanted: float, setting: float, language: str) -> str | None:
    """Say that the engine is not sure enough of a fill, or None. One that cannot tell counts as sure.

    `wanted` is how sure it must be; above `setting`, the user's own wish, it was learnt from what they dismissed.
    """
    if confidence is None or confidence >= wanted:
        return None
    if confidence == 0.0:
        return f"the model was not trained on {language}; ask for a fill explicitly, or choose another model"
    sure = f"the model is unsure ({100 * confidence:.0f} % sure"
    if confidence >= setting:
        return f"{sure}, and of such fills most were dismissed lately; setting learn_threshold)"
    return f"{sure}; setting min_confidence)"
