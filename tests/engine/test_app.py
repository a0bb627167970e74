"""The routes: a fill can be cancelled, the host answers meanwhile, and no request does it harm."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import app, wire
from engine.api import EngineError, EngineUnavailable, FillRequest, RequestError
from engine.fake import Script, ScriptedFiller, ThreadGate
from tests.engine.hosting import REQUEST, check_fills, client, private_folder, raw, serving, status, until


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A private folder for the socket and the log."""
    with private_folder(monkeypatch) as made:
        yield made


async def test_a_cancelled_task_ends_the_fill_within_one_step(folder: Path) -> None:
    gate = ThreadGate(before=2)
    filler = ScriptedFiller("a + b", gate=gate)
    async with serving(folder, filler) as activity, client(folder, start=False) as engine:
        steps: list[int] = []
        task = asyncio.create_task(engine.fill(REQUEST, lambda draft: steps.append(draft.step)))
        await until(lambda: steps == [1] and gate.reached.is_set())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # The step that runs cannot be stopped; the host knows of the cancellation before it ends.
        await until(lambda: activity.idle_s > 0)
        gate.opened.set()
        await until(lambda: filler.num_closed == 1)
        assert filler.steps_run == 2
        await check_fills(engine, "a + b")


async def test_the_host_answers_while_a_fill_runs(folder: Path) -> None:
    gate = ThreadGate(before=2)
    async with serving(folder, ScriptedFiller("1", gate=gate)), client(folder, start=False) as engine:
        task = asyncio.create_task(engine.fill(REQUEST))
        await until(gate.reached.is_set)
        assert (await status(engine)).state == "busy"
        assert (await engine.info()).model == "fake"
        gate.opened.set()
        assert (await task).candidates[0].text == "1"


async def test_a_waiting_client_hears_that_the_host_lives(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_KEEP_ALIVE_S", 0.01)
    monkeypatch.setattr("engine.client._SILENCE_S", 5.0)
    gate = ThreadGate(before=1)
    async with serving(folder, ScriptedFiller("1", gate=gate)), raw(folder) as http:
        body = wire.dump(wire.encode(REQUEST))
        async with http.stream("POST", "/v1/fill", content=body) as response:
            lines = response.aiter_lines()
            assert await anext(lines) == ":"
            gate.opened.set()
            events = [name async for name, _ in wire.events(lines)]
    assert events == ["draft"] * 4 + ["result"]


@pytest.mark.parametrize("error", [RequestError("too long"), EngineError("broken")])
async def test_an_error_of_the_model_reaches_the_caller_with_its_type(folder: Path, error: EngineError) -> None:
    script = Script(("x",), fail_at=2, error=error)
    async with serving(folder, ScriptedFiller(script)), client(folder, start=False) as engine:
        steps: list[int] = []
        with pytest.raises(EngineError, match=str(error)) as raised:
            await engine.fill(REQUEST, lambda draft: steps.append(draft.step))
        assert type(raised.value) is type(error)
        assert steps == [1]


async def test_shutting_down_ends_a_running_fill_with_an_error(folder: Path) -> None:
    gate = ThreadGate(before=2)
    async with serving(folder, ScriptedFiller("1", gate=gate)), client(folder, start=False) as engine:
        task = asyncio.create_task(engine.fill(REQUEST))
        await until(gate.reached.is_set)
        assert await engine.shutdown()
        gate.opened.set()
        with pytest.raises(EngineUnavailable, match="stopping"):
            await task


def good_body(**changes: object) -> bytes:
    """A fill request, changed."""
    return json.dumps({**wire.encode(REQUEST), **changes}).encode()


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "/v1/fill", b"", 400),
        ("POST", "/v1/fill", b"{", 400),
        ("POST", "/v1/fill", b"\xff\xfe", 400),
        ("POST", "/v1/fill", b"[" * 100_000, 400),
        ("POST", "/v1/fill", b"[]", 400),
        ("POST", "/v1/fill", good_body(seed="one"), 400),
        ("POST", "/v1/fill", good_body(more=1), 400),
        ("POST", "/v1/fill", good_body(prefix="x" * app.MAX_BODY_BYTES), 413),
        ("GET", "/v1/fill", None, 405),
        ("GET", "/v2/fill", None, 404),
        ("GET", "/", None, 404),
    ],
)
async def test_a_bad_request_is_answered_in_one_line_and_the_host_lives(
    folder: Path, method: str, path: str, body: bytes | None, code: int
) -> None:
    async with serving(folder, ScriptedFiller("1")), raw(folder) as http, client(folder, start=False) as engine:
        response = await http.request(method, path, content=body)
        assert response.status_code == code
        assert len(response.text.splitlines()) == 1
        assert type(wire.decode_error(response.json())) is RequestError
        assert str(wire.decode_error(response.json()))
        await check_fills(engine, "1")


async def test_a_request_of_almost_the_largest_size_is_served(folder: Path) -> None:
    async with serving(folder, ScriptedFiller("1")), client(folder, start=False) as engine:
        large = FillRequest("x" * (app.MAX_BODY_BYTES - 1000), "")
        assert (await engine.fill(large)).candidates[0].text == "1"
        with pytest.raises(RequestError, match="larger than 8 MiB"):
            await engine.fill(FillRequest("x" * app.MAX_BODY_BYTES, ""))


async def test_a_client_that_leaves_in_the_middle_of_its_request_does_no_harm(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(folder, ScriptedFiller("1")) as activity, client(folder, start=False) as engine:
        _, writer = await asyncio.open_unix_connection(folder / "s.sock")
        writer.write(b"POST /v1/fill HTTP/1.1\r\nHost: engine\r\nContent-Length: 1000\r\n\r\n{")
        await writer.drain()
        await until(lambda: activity.idle_s == 0)
        writer.close()
        await writer.wait_closed()
        await until(lambda: activity.idle_s > 0)
        await check_fills(engine, "1")
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
