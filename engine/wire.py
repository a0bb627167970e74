"""What crosses the socket: values of `engine.api` as JSON, and the frames of an event stream.

Reading is strict. A missing key, an unknown key or a value of another type is a RequestError that names the key and
never repeats the value, because values are the user's source text. It knows no sockets, no HTTP and no models.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import types
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from typing import Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from . import api

HostState = Literal["unloaded", "loading", "ready", "busy"]
EventName = Literal["draft", "result", "error"]

_Value = TypeVar("_Value")
_ERRORS: dict[str, type[api.EngineError]] = {
    kind.__name__: kind for kind in (api.EngineError, api.EngineUnavailable, api.CheckpointError, api.RequestError)
}

# A comment frame: it tells a reader that waits for a long load that the host still lives.
KEEP_ALIVE = b":\n\n"


@dataclasses.dataclass(frozen=True, slots=True)
class HostStatus:
    """The engine host, as it describes itself. `engine` is None until a model was loaded once.

    `num_fills` counts the fills that were answered. Memory is None where it cannot be told.
    """

    pid: int
    version: str
    model: str
    state: HostState
    engine: api.EngineInfo | None
    uptime_s: float = 0.0
    num_fills: int = 0
    memory_bytes: int | None = None
    device_bytes: int | None = None


def encode(value: object) -> dict[str, object]:
    """Turn a value of `engine.api` into a dict that `json` can write."""
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"{value!r} is not a value of engine.api")
    return dataclasses.asdict(value)


def decode(kind: type[_Value], data: object) -> _Value:
    """Read a value of the dataclass `kind` from parsed JSON. Raises RequestError."""
    return _object(kind, data, "")


def decode_status(data: object) -> HostStatus:
    """Read what a host says of itself; of one of another version, what both know. Raises RequestError."""
    if not isinstance(data, dict):
        raise _wrong("HostStatus", "an object")
    fields = {field.name: field.default for field in dataclasses.fields(HostStatus)}
    known = {key: default for key, default in fields.items() if default is not dataclasses.MISSING}
    known |= {key: value for key, value in data.items() if key in fields}
    try:
        return decode(HostStatus, known)
    except api.RequestError:
        return decode(HostStatus, {**known, "engine": None})


def encode_error(error: api.EngineError) -> dict[str, object]:
    """Turn an error into its class name and its one line."""
    name = type(error).__name__
    return {"type": name if name in _ERRORS else "EngineError", "message": str(error)}


def decode_error(data: object) -> api.EngineError:
    """Rebuild an error; a type that this version does not know becomes a plain EngineError."""
    if not isinstance(data, dict) or not isinstance(data.get("message"), str):
        return api.EngineError("The engine host answered with an error that cannot be read; see its log.")
    return _ERRORS.get(str(data.get("type")), api.EngineError)(data["message"])


def parse(text: str | bytes) -> object:
    """Parse JSON. Raises RequestError, also for bytes that are not UTF-8 and for absurd nesting."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise api.RequestError("Expected one JSON object in UTF-8.") from None


def dump(data: Mapping[str, object]) -> bytes:
    """Write JSON on one line, as ASCII: no character of the user's text can end a line, and lone surrogates survive."""
    return json.dumps(data, allow_nan=False).encode("ascii")


def event(name: EventName, data: Mapping[str, object]) -> bytes:
    """Frame one event."""
    return b"event: %b\ndata: %b\n\n" % (name.encode("ascii"), dump(data))


async def events(lines: AsyncIterable[str]) -> AsyncIterator[tuple[str, object]]:
    """Read (name, parsed data) pairs from the lines of an event stream. Raises RequestError."""
    name, data = "", ""
    async for line in lines:
        if line.startswith("event:"):
            name = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            data += line.removeprefix("data:").strip()
        elif not line and data:
            yield name, parse(data)
            name, data = "", ""


@functools.cache
def _fields(kind: type) -> dict[str, object]:
    return dict(get_type_hints(kind))


def _object(kind: type[_Value], data: object, path: str) -> _Value:
    if not isinstance(data, dict):
        raise _wrong(path or kind.__name__, "an object")
    fields = _fields(kind)  # type: ignore[arg-type]  # every type is hashable
    for key in data:
        if key not in fields:
            raise api.RequestError(f"{_join(path, str(key)[:80])!a}: unknown key.")
    for key in fields:
        if key not in data:
            raise api.RequestError(f"{_join(path, key)!a}: missing key.")
    return kind(**{key: _value(hint, data[key], _join(path, key)) for key, hint in fields.items()})


def _value(hint: object, data: object, path: str) -> object:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = next(argument for argument in arguments if argument is not types.NoneType)
        return None if data is None else _value(inner, data, path)
    if origin is Literal:
        if not isinstance(data, str) or data not in arguments:
            raise _wrong(path, "one of " + ", ".join(arguments))
        return data
    if origin is tuple:
        if not isinstance(data, list | tuple):
            raise _wrong(path, "an array")
        if arguments[-1] is not Ellipsis and len(data) != len(arguments):
            raise _wrong(path, f"an array of {len(arguments)}")
        return tuple(_value(arguments[0], item, f"{path}[{index}]") for index, item in enumerate(data))
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _object(hint, data, path)
    return _scalar(hint, data, path)


def _scalar(hint: object, data: object, path: str) -> object:
    if hint is float:
        # JSON writers of other languages drop the fraction of a whole number.
        if isinstance(data, bool) or not isinstance(data, int | float) or not math.isfinite(data):
            raise _wrong(path, "a finite number")
        return float(data)
    if hint is int:
        if isinstance(data, bool) or not isinstance(data, int):
            raise _wrong(path, "an integer")
        return data
    if hint is bool:
        if not isinstance(data, bool):
            raise _wrong(path, "true or false")
        return data
    assert hint is str, f"engine.api uses a type that the wire does not know: {hint}"
    if not isinstance(data, str):
        raise _wrong(path, "a string")
    return data


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _wrong(path: str, expected: str) -> api.RequestError:
    return api.RequestError(f"{path!a}: expected {expected}.")
