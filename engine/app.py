"""The engine host's HTTP application: five routes in front of a worker.

    GET  /v1/info        what the host is and does, at once; with `?load=true` it first waits seconds for the model
    POST /v1/fill        a fill request as JSON -> an event stream: `draft`..., then one `result` or `error`
    POST /v1/verdict     {"verdict": "accepted" or "rejected"}: what a user did with a suggestion, to be counted
    POST /v1/shutdown    exit
    GET  /metrics        what was counted and timed, for Prometheus

A failure before a stream begins is a JSON object like an `error` event's data, with an HTTP status. It knows no models,
no processes and no socket files.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from . import memory, sockets, wire
from .api import Draft, EngineError, FillRequest, FillResult, RequestError
from .metrics import VERDICTS, Metrics
from .worker import Worker

MAX_BODY_BYTES = 8 * 1024 * 1024

# A client takes a much longer silence for a host that hangs.
_KEEP_ALIVE_S = 5.0


class Activity:
    """An application that counts the work in flight and remembers when the last of it ended, for the idle exit.

    Fills and loads are work; questions are not, or whoever watches a host would keep it alive.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._num_in_flight = 0
        self._last = time.monotonic()

    @property
    def idle_s(self) -> float:
        """Seconds since the last work ended; 0 while some is in flight."""
        return 0.0 if self._num_in_flight else time.monotonic() - self._last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if not _is_work(scope):
            return await self._app(scope, receive, send)
        self._num_in_flight += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._num_in_flight -= 1
            self._last = time.monotonic()


def _is_work(scope: Scope) -> bool:
    if scope["type"] != "http":
        return False
    return scope["path"] == "/v1/fill" or (scope["path"] == "/v1/info" and b"load=true" in scope["query_string"])


def create_app(worker: Worker, *, model: str = "", stop: Callable[[], None] | None = None) -> Starlette:
    """Make the application. `model` is the name the host was started with; `stop` is called by the shutdown route."""

    metrics = Metrics(worker)

    async def info(request: Request) -> Response:
        if request.query_params.get("load") == "true" and worker.state in ("unloaded", "loading"):
            await _load(worker)
        status = wire.HostStatus(
            os.getpid(),
            sockets.package_version(),
            model,
            worker.state,
            worker.info,
            uptime_s=metrics.uptime_s,
            num_fills=metrics.num_fills,
            memory_bytes=memory.resident_bytes(),
            device_bytes=memory.device_bytes(),
        )
        return _json(wire.encode(status))

    async def fill(request: Request) -> Response:
        fill_request = wire.decode(FillRequest, wire.parse(await _body(request)))
        return StreamingResponse(_stream(worker, metrics, fill_request), media_type="text/event-stream")

    async def verdict(request: Request) -> Response:
        data = wire.parse(await _body(request))
        given = data.get("verdict") if isinstance(data, dict) else None
        if given not in VERDICTS:
            raise RequestError(f"'verdict': expected one of {', '.join(VERDICTS)}.")
        metrics.judged(given)
        return _json({})

    async def told(_: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    async def shutdown(_: Request) -> Response:
        if stop is not None:
            stop()
        return _json({"stopping": stop is not None})

    return Starlette(
        routes=[
            Route("/v1/info", info, methods=["GET"]),
            Route("/v1/fill", fill, methods=["POST"]),
            Route("/v1/verdict", verdict, methods=["POST"]),
            Route("/v1/shutdown", shutdown, methods=["POST"]),
            Route("/metrics", told, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _on_http_error, EngineError: _on_engine_error, ClientDisconnect: _on_gone},
    )


async def _load(worker: Worker) -> None:
    """Load for a while. The client asks again, so that it can tell a slow load from a host that hangs."""
    job = worker.load()
    try:
        await asyncio.wait_for(asyncio.wrap_future(job.future), _KEEP_ALIVE_S)
    except TimeoutError:
        pass
    finally:
        job.cancel()


async def _stream(worker: Worker, metrics: Metrics, request: FillRequest) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    pending: asyncio.Queue[Draft | Future[FillResult]] = asyncio.Queue()
    watch = metrics.watch()

    def post(item: Draft | Future[FillResult]) -> None:
        # A host that is told to leave does not wait for this thread.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(pending.put_nowait, item)

    def drafted(draft: Draft) -> None:
        watch.draft(draft)
        post(draft)

    job = worker.fill(request, drafted)
    job.future.add_done_callback(lambda _: watch.ended(job))
    job.future.add_done_callback(post)
    try:
        while True:
            try:
                item = await asyncio.wait_for(pending.get(), _KEEP_ALIVE_S)
            except TimeoutError:
                yield wire.KEEP_ALIVE
                continue
            if not isinstance(item, Draft):
                break
            yield wire.event("draft", wire.encode(item))
        yield _last_event(item)
    finally:
        # The client left, or the fill has ended and this changes nothing.
        job.cancel()


def _last_event(outcome: Future[FillResult]) -> bytes:
    try:
        return wire.event("result", wire.encode(outcome.result()))
    except EngineError as error:
        return wire.event("error", wire.encode_error(error))


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413, f"The request is larger than {MAX_BODY_BYTES // 1024 // 1024} MiB.")
    return bytes(body)


async def _on_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _json(wire.encode_error(RequestError(error.detail)), error.status_code)


async def _on_engine_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, EngineError)
    return _json(wire.encode_error(error), 400 if isinstance(error, RequestError) else 503)


async def _on_gone(_: Request, __: Exception) -> Response:
    # Nobody reads this; a client that leaves in the middle of its request is not worth a traceback in the log.
    return Response(status_code=400)


def _json(data: dict[str, object], status: int = 200) -> Response:
    return Response(wire.dump(data), status, media_type="application/json")
