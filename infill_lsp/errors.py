"""The errors of the language server and what each becomes in an answer. It knows no document and no wire type.

    InfillError              something this package refuses; the text is one line that says what the user can do
    ├── InvalidParams        a message is well formed but its content makes no sense: the client's mistake
    └── Superseded           a newer request for the same document took this one's place

    engine.api.EngineError   the engine could not answer; see there

"Nothing good to suggest" and "no hole here" are values with a reason and never appear here.
"""

from __future__ import annotations

from typing import Literal

from engine.api import EngineError, RequestError

State = Literal["normal", "busy", "warning", "error", "inactive"]
"""How the server is doing, as its users see it in a status line."""

_INVALID_PARAMS = -32602
_INTERNAL_ERROR = -32603
_REQUEST_FAILED = -32803


class InfillError(Exception):
    """Something this package refuses; the text is one line that a user can act on."""


class InvalidParams(InfillError):
    """The parameters of a request have the right types and still make no sense."""


class Superseded(InfillError):
    """A newer request took this one's place, so nobody waits for its result any more."""


def answer_code(error: Exception) -> int:
    """Return the JSON-RPC error code that answers a request which ended with this error."""
    if isinstance(error, InvalidParams):
        return _INVALID_PARAMS
    if isinstance(error, (InfillError, EngineError)):
        return _REQUEST_FAILED
    return _INTERNAL_ERROR


def state_of(error: EngineError) -> State:
    """Return the state to show for an engine's failure: a warning when only this request fails, else an error."""
    return "warning" if isinstance(error, RequestError) else "error"
