"""An Engine that talks to the engine host over its Unix socket, and starts the host when there is none.

It knows HTTP and processes, but no tensors and no models.
Importing it is cheap: httpx is imported by the first request.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from . import launch, sockets, wire
from .address import lock
from .api import Draft, EngineError, EngineInfo, EngineUnavailable, FillRequest, FillResult

if TYPE_CHECKING:
    import httpx

Verdict = Literal["accepted", "rejected"]

_Answer = TypeVar("_Answer")

# The host writes something at least every few seconds, also while a model loads; a longer silence means that it hangs.
_SILENCE_S = 60.0
_POLL_S = 0.02
_END_WITHIN_S = 15.0


class HostClient:
    """One client of the shared engine host; use it from one event loop."""

    def __init__(
        self,
        model: str = "bundled",
        *,
        idle_seconds: float = 900,
        socket_path: Path | None = None,
        start: bool = True,
        critic: str | None = None,
        precision: str = "auto",
    ) -> None:
        """Remember what to talk to; nothing is opened or started before the first request.

        `model` is "bundled", a checkpoint's folder or "fake:TEXT". With `start` false a missing host is an error.
        `critic` names what judges fills (MODULE:NAME) in a host that is started from here. `precision` is how weights
        are kept, see `engine.plan`.
        """
        self.model = sockets.absolute_model(model)
        self._idle_seconds = idle_seconds
        self._socket_path = socket_path
        self._start = start
        self._critic = critic
        self._precision = precision
        self._backoff = launch.Backoff()
        self._starting = asyncio.Lock()
        self._met: tuple[int, ...] | None = None  # the socket whose host is known to be of this version
        self._http: httpx.AsyncClient | None = None
        self._closed = False

    @property
    def socket_path(self) -> Path:
        """Where the host listens. Raises EngineUnavailable when no private folder can be made."""
        if self._socket_path is None:
            self._socket_path = sockets.default_socket_path(self.model, self._precision)
        return self._socket_path

    async def info(self) -> EngineInfo:
        """Who answers; starts the host and loads its model. Raises EngineError."""
        while True:
            status = await self._with_host(lambda: self._status(load=True))
            # The host answers from time to time while it loads, so that a host that hangs can be told from a slow one.
            if status.engine is not None:
                return status.engine

    async def warm(self) -> None:
        """Make the first fill quick: start the host and load its model ahead of it. Never raises.

        Whatever is wrong is wrong for the first fill too, and is told there.
        """
        with contextlib.suppress(EngineError):
            await self.info()

    async def status(self) -> wire.HostStatus | None:
        """What the host says of itself, or None when there is none. Starts and loads nothing. Raises EngineError.

        A host of another version answers too.
        """
        try:
            return await self._status(load=False)
        except _HostLostError:
            return None

    async def fill(self, request: FillRequest, on_draft: Callable[[Draft], None] | None = None) -> FillResult:
        """Fill one hole, reporting drafts in order. Raises EngineError.

        A fill changes nothing, so when the host dies in the middle it is started again and the fill is repeated once;
        the drafts then begin again at step 1.
        """
        return await self._with_host(lambda: self._fill(request, on_draft))

    async def judged(self, verdict: Verdict) -> None:
        """Tell the host what the user did with a suggestion, for its metrics; starts nothing and never raises."""
        with contextlib.suppress(EngineError, _HostLostError):
            async with self._response("POST", "/v1/verdict", wire.dump({"verdict": verdict})) as response:
                await response.aread()

    async def shutdown(self) -> bool:
        """Ask the host to exit; false when there is none. Raises EngineError."""
        try:
            async with self._response("POST", "/v1/shutdown") as response:
                await response.aread()
        except _HostLostError:
            return False
        return True

    async def stop(self, patience_s: float = 5.0) -> bool:
        """End the host, by force where it does not answer, and wait for its process; false when there is none.

        Raises EngineUnavailable when it does not end.
        """
        try:
            async with asyncio.timeout(patience_s):
                if not await self.shutdown():
                    return False
        except (TimeoutError, EngineError):
            if (process := sockets.serving_process(self.socket_path)) is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        deadline = time.monotonic() + _END_WITHIN_S
        while not _is_free(self.socket_path):
            if time.monotonic() > deadline:
                raise EngineUnavailable(f"The engine host at {self.socket_path} does not end; end its process by hand.")
            await asyncio.sleep(_POLL_S)
        return True

    async def aclose(self) -> None:
        """Let go of connections for good, also of those in use; the host stays for others."""
        self._closed = True
        if self._http is not None:
            http, self._http = self._http, None
            await http.aclose()

    async def _with_host(self, attempt: Callable[[], Awaitable[_Answer]]) -> _Answer:
        num_losses = 0
        while True:
            try:
                await self._check_version()
                answer = await attempt()
                self._backoff.answered()
                return answer
            except _HostLostError as lost:
                num_losses += lost.answered
            self._check_open()
            if num_losses > 1:
                raise EngineUnavailable(f"The engine host died twice during one request; see {self._log()}.")
            if not self._start:
                raise EngineUnavailable("No engine host is running; start one with: infill-lsp serve")
            await self._start_host()

    async def _check_version(self) -> None:
        """Ask a host that was not met yet for its version, before any source text is sent to it."""
        found = sockets.check_own(self.socket_path)
        if found is not None and found == self._met:
            return
        version, ours = (await self._status(load=False)).version, sockets.package_version()
        if version != ours:
            text = f"The engine host is of version {version}, this is {ours}"
            raise EngineUnavailable(f"{text}: restart the editor, or end it with: infill-lsp serve --stop")
        self._met = found

    async def _start_host(self) -> None:
        # Several fills that lose one host start one host.
        async with self._starting:
            if await self._host_answers():
                return
            self._backoff.check()
            self._backoff.started()
            await launch.start_host(
                self.model,
                self.socket_path,
                idle_seconds=self._idle_seconds,
                critic=self._critic,
                precision=self._precision,
                answers=self._host_answers,
            )

    async def _host_answers(self) -> bool:
        return await self.status() is not None

    async def _status(self, *, load: bool) -> wire.HostStatus:
        path = "/v1/info?load=true" if load else "/v1/info"
        async with self._response("GET", path) as response:
            return wire.decode_status(wire.parse(await response.aread()))

    async def _fill(self, request: FillRequest, on_draft: Callable[[Draft], None] | None) -> FillResult:
        outcome: FillResult | EngineError | None = None
        body = wire.dump(wire.encode(request))
        try:
            async with self._response("POST", "/v1/fill", body) as response:
                async for name, data in wire.events(response.aiter_lines()):
                    if name == "draft" and on_draft is not None:
                        on_draft(wire.decode(Draft, data))
                    elif name == "result":
                        outcome = wire.decode(FillResult, data)
                    elif name == "error":
                        outcome = wire.decode_error(data)
        except _HostLostError:
            if outcome is None:
                raise
        if outcome is None:
            raise _HostLostError(answered=True)
        if isinstance(outcome, EngineError):
            raise outcome
        return outcome

    @asynccontextmanager
    async def _response(self, method: str, path: str, body: bytes | None = None) -> AsyncIterator[httpx.Response]:
        import httpx

        sockets.check_own(self.socket_path)
        try:
            async with self._connections().stream(method, f"http://engine{path}", content=body) as response:
                if response.is_error:
                    raise wire.decode_error(_parsed_or_none(await response.aread()))
                yield response
        except httpx.ConnectError:
            raise _HostLostError(answered=False) from None
        except httpx.ReadTimeout:
            message = f"The engine host hangs: no word for {_SILENCE_S:g} s; see {self._log()}."
            raise EngineUnavailable(message) from None
        except httpx.TransportError:
            raise _HostLostError(answered=True) from None

    def _check_open(self) -> None:
        """Once closed, nothing may be started or repeated: nobody would let go of it."""
        if self._closed:
            raise EngineUnavailable("The engine was let go of, as new settings may do; ask again.")

    def _connections(self) -> httpx.AsyncClient:
        self._check_open()
        if self._http is None:
            import httpx

            # No connection outlives its request: connecting to a Unix socket is free, and a connection that was kept
            # may belong to a host that has left meanwhile.
            limits = httpx.Limits(max_keepalive_connections=0)
            # Without `verify=False` a certificate store is read that a Unix socket has no use for.
            transport = httpx.AsyncHTTPTransport(uds=str(self.socket_path), verify=False, limits=limits)
            self._http = httpx.AsyncClient(transport=transport, timeout=_SILENCE_S, trust_env=False)
        return self._http

    def _log(self) -> Path:
        return sockets.log_path(self.socket_path)


def found_hosts() -> list[HostClient]:
    """Return a client of each place where this user's hosts listen, or where a dead one did: any model and version."""
    return [HostClient(socket_path=path, start=False) for path in sockets.found_sockets()]


class _HostLostError(Exception):
    """Nobody listens at the socket, or, when `answered`, somebody did and left before the answer was complete."""

    def __init__(self, *, answered: bool) -> None:
        super().__init__()
        self.answered = answered


def _is_free(socket_path: Path) -> bool:
    """Tell whether no host holds the lock of this socket, as it does until its process ends."""
    try:
        with lock(Path(f"{socket_path}.lock")) as is_free:
            return is_free
    except OSError:
        return True


def _parsed_or_none(body: bytes) -> object:
    try:
        return wire.parse(body)
    except EngineError:
        return None
