"""One line a hole: what a fixture of a language says of a marked text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from infill_lsp.holes.hole import HoleKind
from tests.check import check_action, check_hole, check_no_hole

COMPLETE = "the line is complete"
TEXT = "text follows the caret"
WORD = "a word begins right of the caret"
STRING = "the caret is in a string"
COMMENT = "the caret is in a comment"


@dataclass(frozen=True, slots=True)
class Case:
    """A marked text and the hole that is wanted in it; `kind` None wants none, for the reason in `hole`."""

    text: str
    kind: HoleKind | None
    hole: str = "="
    multiline: bool = False
    indent: str | None = None
    asked_by: Literal["caret", "action"] = "caret"
    in_text: bool = False
    is_broken: bool = False

    def check(self, language: str, *, parses: bool = False) -> None:
        """Check what is found; `parses` asks for a harmless fill that leaves no fault, unless the case is broken."""
        parses = parses and not self.is_broken
        if self.kind is None:
            check_no_hole(self.text, self.hole, language=language)
        elif self.asked_by == "action":
            check_action(
                self.text,
                self.kind,
                self.hole,
                multiline=self.multiline,
                indent=self.indent,
                language=language,
                parses=parses,
            )
        else:
            check_hole(
                self.text,
                self.kind,
                self.hole,
                multiline=self.multiline,
                indent=self.indent,
                language=language,
                in_text=self.in_text,
                parses=parses,
            )


def broken(case: Case) -> Case:
    """Say that something else is wrong in the text, so that it parses with no fill of the hole."""
    return replace(case, is_broken=True)


def in_text(text: str, kind: HoleKind, hole: str = "=") -> Case:
    """Want the rest of a string or a comment, where these are filled."""
    return Case(text, kind, hole, in_text=True)


def hole(text: str, kind: HoleKind, hole: str = "=", *, indent: str | None = None) -> Case:
    """Want a hole within a line."""
    return Case(text, kind, hole, indent=indent)


def blank(text: str, indent: str, kind: HoleKind = "statement", hole: str = "=") -> Case:
    """Want the hole of a blank line in a block, and the indent that code should have there."""
    return Case(text, kind, hole, indent=indent)


def body(text: str, indent: str, hole: str = "=") -> Case:
    """Want the body of an empty block."""
    return Case(text, "body", hole, multiline=True, indent=indent)


def placeholder(text: str, hole: str, *, lines: bool = True) -> Case:
    """Want the placeholder at the caret; `lines` tells that it may become several."""
    return Case(text, "placeholder", hole, multiline=lines)


def action(text: str, kind: HoleKind, hole: str = "=", *, lines: bool = True, indent: str | None = None) -> Case:
    """Want what a code action fills."""
    return Case(text, kind, hole, multiline=lines, indent=indent, asked_by="action")


def none(text: str, reason: str) -> Case:
    """Want no hole."""
    return Case(text, None, reason)
