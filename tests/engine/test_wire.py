"""Values survive the wire unchanged, and whatever is not exactly a value is refused by the name of its key."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import api, wire

_counts = st.integers(0, 10**9)
_floats = st.floats(allow_nan=False, allow_infinity=False)
_requests = st.builds(
    api.FillRequest,
    prefix=st.text(),
    suffix=st.text(),
    multiline=st.booleans(),
    max_hole_tokens=_counts,
    exact_hole_tokens=st.none() | _counts,
    num_candidates=_counts,
    max_denoising_steps=_counts,
    deadline_ms=st.none() | _counts,
    seed=st.integers(),
)
_tokens = st.builds(api.DraftToken, st.text(), st.sampled_from(["noise", "accepted"]))
_drafts = st.builds(api.Draft, _counts, st.lists(_tokens).map(tuple), _floats)
_candidates = st.builds(api.Candidate, st.text(), _floats, _counts)
_results = st.builds(
    api.FillResult,
    st.lists(_candidates, max_size=5).map(tuple),
    _counts,
    _floats,
    _floats,
    st.text(),
    st.none() | st.text(),
)
_capabilities = st.builds(
    api.Capabilities, st.sampled_from(["mask", "uniform"]), st.booleans(), st.booleans(), _counts, _counts
)
_infos = st.builds(api.EngineInfo, st.text(), st.text(), st.text(), _counts, _capabilities)
_statuses = st.builds(
    wire.HostStatus,
    _counts,
    st.text(),
    st.text(),
    st.sampled_from(["unloaded", "loading", "ready", "busy"]),
    st.none() | _infos,
)
_values = st.one_of(_requests, _drafts, _results, _infos, _statuses)

REQUEST = wire.encode(api.FillRequest("a", "b"))


def check_round_trip(value: object) -> None:
    """Send a value through text and back; the text is one line of ASCII."""
    line = wire.dump(wire.encode(value))
    assert line.isascii()
    assert len(line.splitlines()) == 1
    assert wire.decode(type(value), wire.parse(line)) == value


def check_refused(kind: type, data: object, names: str) -> None:
    """The data is refused in one line that names the key."""
    with pytest.raises(api.RequestError) as refusal:
        wire.decode(kind, data)
    assert names in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1


@given(_values)
def test_a_value_survives_the_wire(value: object) -> None:
    check_round_trip(value)


def test_a_lone_surrogate_survives_the_wire() -> None:
    check_round_trip(api.FillRequest("\ud800 = '\u2028\x85'", "\udfff\x00"))


@given(_requests, st.sampled_from([field.name for field in dataclasses.fields(api.FillRequest)]))
def test_a_missing_key_is_refused_by_name(request: api.FillRequest, key: str) -> None:
    data = wire.encode(request)
    del data[key]
    check_refused(api.FillRequest, data, f"'{key}': missing key")


@given(st.text(min_size=1).filter(lambda key: key not in REQUEST))
def test_an_unknown_key_is_refused(key: str) -> None:
    check_refused(api.FillRequest, {**REQUEST, key: 1}, "unknown key")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("prefix", None, "a string"),
        ("prefix", ["a"], "a string"),
        ("multiline", 1, "true or false"),
        ("multiline", "true", "true or false"),
        ("seed", True, "an integer"),
        ("seed", 1.0, "an integer"),
        ("num_candidates", "4", "an integer"),
        ("num_candidates", None, "an integer"),
        ("deadline_ms", "soon", "an integer"),
    ],
)
def test_a_value_of_another_type_is_refused_by_its_key(key: str, value: object, expected: str) -> None:
    check_refused(api.FillRequest, {**REQUEST, key: value}, f"'{key}': expected {expected}")


def test_a_refusal_inside_a_list_names_the_path() -> None:
    draft = wire.encode(api.Draft(1, (api.DraftToken("x", "noise"), api.DraftToken("y", "noise")), 1.0))
    draft["tokens"][1]["state"] = "guessed"  # type: ignore[index]
    check_refused(api.Draft, draft, "'tokens[1].state': expected one of noise, accepted")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "true", '"1"', "null"])
def test_a_score_is_a_finite_number(number: str) -> None:
    data = {**wire.encode(api.Candidate("x", -1.0, 1)), "score": json.loads(number)}
    check_refused(api.Candidate, data, "'score': expected a finite number")


def test_a_whole_number_is_read_as_a_float() -> None:
    candidate = wire.decode(api.Candidate, {**wire.encode(api.Candidate("x", -1.5, 1)), "score": -1})
    assert isinstance(candidate.score, float)


@pytest.mark.parametrize("data", [None, [], "text", 3, [REQUEST]])
def test_anything_but_an_object_is_refused(data: object) -> None:
    check_refused(api.FillRequest, data, "expected an object")


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe\x00", b"[" * 200_000, b"1" * 10_000])
def test_text_that_is_not_json_is_a_request_error(text: bytes) -> None:
    with pytest.raises(api.RequestError):
        wire.parse(text)


def test_a_refusal_does_not_repeat_the_users_text() -> None:
    with pytest.raises(api.RequestError) as refusal:
        wire.decode(api.FillRequest, {**REQUEST, "prefix": ["password"]})
    assert "password" not in str(refusal.value)


@pytest.mark.parametrize("kind", [api.EngineError, api.EngineUnavailable, api.CheckpointError, api.RequestError])
def test_an_error_keeps_its_type_and_its_line(kind: type[api.EngineError]) -> None:
    error = wire.decode_error(wire.parse(wire.dump(wire.encode_error(kind("what to do")))))
    assert type(error) is kind
    assert str(error) == "what to do"


def test_an_error_of_another_version_is_still_an_engine_error() -> None:
    assert type(wire.decode_error({"type": "NewError", "message": "m"})) is api.EngineError
    assert type(wire.decode_error("?")) is api.EngineError


@given(st.lists(_drafts, max_size=4), _results)
async def test_a_stream_of_events_is_read_as_it_was_written(drafts: list[api.Draft], result: api.FillResult) -> None:
    frames = [wire.event("draft", wire.encode(draft)) for draft in drafts]
    frames += [wire.KEEP_ALIVE, wire.event("result", wire.encode(result))]

    async def lines() -> AsyncIterator[str]:
        # As an HTTP client splits them, which also knows the line ends of Unicode.
        for line in b"".join(frames).decode().splitlines():
            yield line

    read = [(name, data) async for name, data in wire.events(lines())]
    assert [name for name, _ in read] == ["draft"] * len(drafts) + ["result"]
    assert [wire.decode(api.Draft, data) for _, data in read[:-1]] == drafts
    assert wire.decode(api.FillResult, read[-1][1]) == result
