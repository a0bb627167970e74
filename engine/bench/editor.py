"""What the measurements ask of an editor's side, handed in by name so that the engine imports no editor.

Texts are whole files with the hole's text taken out, offsets code points into them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Protocol

from engine.api import FillRequest


class Editor(Protocol):
    """The server's side of a fill."""

    def request(self, text: str, offset: int) -> FillRequest | None:
        """Return what the engine is asked where a user stands at this place, or None where there is no hole."""

    def rejection(self, text: str, offset: int, fill: str) -> str | None:
        """Tell why a fill of the hole at this place is not shown, or None where it is."""

    def typed_through(self, text: str, offset: int, fill: str) -> Callable[[], bool] | None:
        """Return what answers the keystroke that types a shown fill's first character; None where nothing is shown.

        It tells whether the rest of the fill was shown without the engine, and can be called once.
        """


def named(name: str) -> Any:
    """Return what `module:name` names."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)
