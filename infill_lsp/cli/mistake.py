"""A user's mistake at the command line: one clear line, exit status 2. It knows nothing of terminals."""

from __future__ import annotations


class Mistake(Exception):
    """The command cannot be carried out as given; the text is one line that says why and what would work."""


def one_line(text: str) -> str:
    """Fold white space, so that a message stays one line whatever a file name or a library put into it."""
    return " ".join(text.split())
