"""The routes: a fill can be cancelled, the host answers meanwhile, and no request does it harm."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine import app, wire
from engine.api import EngineError, EngineUnavailable, FillRequest, RequestError
from engine.fake import Script, ScriptedFiller, ThreadGate
from engine.prefix_cache import PrefixCache
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
        ("POST", "/v1/verdict", b'{"verdict": "thrown"}', 400),
        ("POST", "/v1/verdict", b'{"verdict": []}', 400),
        ("POST", "/v1/verdict", b"[]", 400),
        ("POST", "/metrics", b"", 405),
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


async def counts(http: httpx.AsyncClient) -> dict[str, float]:
    """What the host's metrics say, every line of it read."""
    response = await http.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(response.text)
    return {
        sample.name + "".join(sample.labels.values()): sample.value for family in families for sample in family.samples
    }


async def test_fills_and_passes_are_counted_and_timed(folder: Path) -> None:
    scripts = iter(
        [Script(("1",), num_drafts=3), Script((), reason="nothing"), Script(("1",), fail_at=1, error=EngineError("x"))]
    )
    filler = ScriptedFiller(lambda _: next(scripts))
    async with serving(folder, filler), raw(folder) as http, client(folder, start=False) as engine:
        before = await counts(http)
        assert before["infill_fills_totalfilled"] == before["infill_model_loaded"] == 0
        await engine.fill(REQUEST)
        await engine.fill(REQUEST)
        with pytest.raises(EngineError):
            await engine.fill(REQUEST)
        after = await counts(http)
        assert (await status(engine)).num_fills == 2
        assert (await status(engine)).uptime_s > 0
    assert [after[f"infill_fills_total{each}"] for each in ("filled", "nothing", "failed", "cancelled")] == [1, 1, 1, 0]
    assert after["infill_denoising_passes_total"] == after["infill_pass_seconds_count"] == 3 + 4
    assert after["infill_pass_seconds_sum"] == pytest.approx(0.007)
    assert after["infill_fill_seconds_count"] == after["infill_prefill_seconds_count"] == 2
    assert after["infill_answer_seconds_count"] == 2
    assert after["infill_model_loaded"] == 1


async def test_a_cancel_is_counted(folder: Path) -> None:
    gate = ThreadGate(before=2)
    async with serving(folder, ScriptedFiller("1", gate=gate)) as activity, raw(folder) as http:
        async with client(folder, start=False) as engine:
            task = asyncio.create_task(engine.fill(REQUEST))
            await until(gate.reached.is_set)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: activity.idle_s > 0)
            gate.opened.set()

        async def is_counted() -> bool:
            return (await counts(http))["infill_fills_totalcancelled"] == 1

        await until(is_counted)


async def test_what_users_do_with_suggestions_is_counted(folder: Path) -> None:
    async with serving(folder, ScriptedFiller("1")), raw(folder) as http, client(folder, start=False) as engine:
        await engine.judged("accepted")
        await engine.judged("rejected")
        await engine.judged("rejected")
        after = await counts(http)
        assert [after[f"infill_suggestions_total{each}"] for each in ("accepted", "rejected")] == [1, 2]
    async with client(folder / "nowhere", start=False) as engine:
        await engine.judged("accepted")


async def test_metrics_hold_no_source_text_and_no_path(folder: Path) -> None:
    async with (
        serving(folder, ScriptedFiller("secret_fill")),
        raw(folder) as http,
        client(folder, start=False) as engine,
    ):
        await engine.fill(FillRequest("secret_prefix = ", "secret_suffix", language="secret_language"))
        text = (await http.get("/metrics")).text
    assert "infill_fills_total" in text
    assert "secret" not in text
    assert "/" not in text


async def test_known_prefixes_are_counted(folder: Path) -> None:
    filler = ScriptedFiller("1")
    cache: PrefixCache[int] = PrefixCache(100, lambda snapshot: snapshot)
    filler.prefixes = cache  # type: ignore[attr-defined]
    cache.longest([1])
    cache.store([1], 7)
    cache.longest([1, 2])
    cache.longest([1, 3])
    async with serving(folder, filler), raw(folder) as http, client(folder, start=False) as engine:
        await engine.fill(REQUEST)
        after = await counts(http)
    assert (after["infill_prefix_lookups_totalyes"], after["infill_prefix_lookups_totalno"]) == (2, 1)
    assert after["infill_prefix_cache_bytes"] == 7


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
