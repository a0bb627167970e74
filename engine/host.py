"""The engine host: one process for each user and model, which owns the device and serves every editor window.

    python -m engine.host [--socket PATH] [--model MODEL] [--idle-seconds N] [--critic MODULE:NAME] [--precision P]

It holds a lock beside its socket; a second host for the same socket exits at once with status 0. After half of N idle
seconds it lets go of the model, after N it leaves and removes its socket. It leaves as well when the device is lost,
since only a new process gets it back. It knows no editors, and torch is imported only when a model loads. What judges
fills by the rules of their language is not part of the engine: whoever starts the host names it.

Status 0: served, or another host already serves. 2: the arguments or the socket's folder are wrong. 3: a package is
missing. A failure is one line on stderr, the last one written.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import logging
import math
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from . import host_log, sockets
from .address import Address, lock
from .api import Critic, EngineError, EngineUnavailable, Filler
from .worker import Worker

if TYPE_CHECKING:
    from .fitted import FittedLoader
    from .models.quantize.precision import PrecisionChoice

_log = logging.getLogger("engine.host")

_GRACE_S = 2
_LONGEST_PAUSE_S = 2.0
_MOST_IDLE_SECONDS = 1e8


def main(arguments: list[str] | None = None) -> int:
    """Serve until idle, told to stop or terminated; return the exit status."""
    options = _parse(arguments)
    host_log.begin()
    # Weights and tokenizers come from folders of this machine; no library below may look for them elsewhere.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    # Threads that spin for long while they wait for each other stand still for whole time slices when something else,
    # a build say, wants the processor: a fill then takes seconds. Read when torch is loaded.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "500")
    model = sockets.absolute_model(options.model)
    try:
        path = options.socket and options.socket.absolute()
        path = path or sockets.default_socket_path(model, options.precision)
        for log in sockets.log_places(path):
            host_log.rotate(log)
        load = Loader(model, options.critic, options.precision)
        return serve(path, load, model=model, idle_seconds=options.idle_seconds)
    except (EngineError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        print(_missing_package(error), file=sys.stderr)
        return 3


class Loader:
    """Loads a model for the worker: "bundled", a folder, or "fake:TEXT", which answers TEXT in four drafts.

    `critic` names what makes an `api.Critic`, as MODULE:NAME; `precision` is how weights are kept.
    """

    def __init__(self, model: str, critic: str | None = None, precision: PrecisionChoice = "auto") -> None:
        self._model, self._critic, self._precision = model, critic, precision
        self._fitted: FittedLoader | None = None

    def __call__(self) -> Filler:
        """Load it. Raises EngineError, and whatever says that memory ran out."""
        if self._model.startswith("fake:"):
            from .fake import ScriptedFiller

            return ScriptedFiller(self._model.removeprefix("fake:"))
        try:
            if self._fitted is None:
                from .fitted import FittedLoader

                critic = None if self._critic is None else _named(self._critic)
                self._fitted = FittedLoader(self._model, critic=critic, precision=self._precision)
            return self._fitted()
        except ModuleNotFoundError as error:
            raise EngineUnavailable(_missing_package(error)) from None

    @property
    def why(self) -> str:
        """Say how the model is fitted into memory; empty where there was nothing to choose."""
        return "" if self._fitted is None else self._fitted.why

    def shrink(self, *, at_load: bool) -> bool:
        """Plan to take less the next time; false where nothing is left to try."""
        return self._fitted is not None and self._fitted.shrink(at_load=at_load)


def _named(name: str) -> Critic:
    """Make the critic of this name. Raises EngineUnavailable."""
    module, _, attribute = name.partition(":")
    try:
        critic: Critic = getattr(importlib.import_module(module), attribute)()
    except (ImportError, AttributeError, ValueError) as error:
        raise EngineUnavailable(f"There is no critic {name} ({error}); start the host without --critic.") from None
    return critic


def serve(path: Path, load: Callable[[], Filler], *, model: str, idle_seconds: float) -> int:
    """Serve at the socket `path` and return the exit status. Raises OSError, ModuleNotFoundError."""
    sockets.make_private(path.parent)
    with lock(Path(f"{path}.lock")) as is_ours:
        if is_ours:
            _serve(path, load, model, idle_seconds)
    return 0


def _serve(path: Path, load: Callable[[], Filler], model: str, idle_seconds: float) -> None:
    # Here, not above: a host that finds another one at work need not pay for these imports.
    import uvicorn

    from .app import Activity, create_app
    from .peer_check import OwnUserProtocol

    has_device = True

    def leave() -> None:
        # The socket goes first, so that nobody comes any more; who is connected is still answered.
        address.leave()
        server.should_exit = True

    def stop() -> None:
        leave()
        worker.stop()

    def lose_device() -> None:
        nonlocal has_device
        has_device = False
        leave()

    address = Address(path)
    worker = Worker(load, idle_seconds=idle_seconds / 2, on_lost_device=lose_device)
    activity = Activity(create_app(worker, model=model, stop=stop))
    server = uvicorn.Server(
        uvicorn.Config(
            activity,
            http=OwnUserProtocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )

    def watch() -> None:
        rest = idle_seconds - activity.idle_s
        if rest > 0 and address.is_ours():
            # Look now and then, also when much time is left: a host whose socket was taken away can never be asked
            # again, but its lock would keep every other host from starting.
            asyncio.get_running_loop().call_later(min(rest, _LONGEST_PAUSE_S), watch)
        else:
            leave()

    async def run() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _exit)
        watch()
        await server.serve(sockets=[address.listener])

    _log.info("serving %s at %s", model, path)
    try:
        # SIGTERM and Ctrl-C reach here as SystemExit, when the server has finished what it could.
        with contextlib.suppress(SystemExit):
            asyncio.run(run())
    finally:
        address.leave()
        address.listener.close()
        has_ended = worker.close(_GRACE_S)
    _log.info("leaving" if has_device else "leaving: the device is lost")
    if not has_ended or not has_device:
        # A thread inside a native call cannot be ended, and the interpreter may crash when it cleans up around it, or
        # around a device that is lost.
        logging.shutdown()
        os._exit(0)


def _exit(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


def _missing_package(error: ModuleNotFoundError) -> str:
    return (
        f"{error.name} is not installed; install the engine's packages: pip install '.[local]' in a clone of infill-lsp"
    )


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m engine.host", description="Serve a model to every editor window.")
    parser.add_argument("--socket", type=Path, metavar="PATH", help="where to listen; default: where clients look")
    parser.add_argument("--model", default="bundled", help='"bundled", a folder, or "fake:TEXT" (default: bundled)')
    parser.add_argument("--idle-seconds", type=_seconds, default=900.0, metavar="N", help="idle time (default: 900)")
    parser.add_argument("--critic", metavar="MODULE:NAME", help="what judges the syntax of fills (default: nothing)")
    kept = "how weights are kept (default: auto, the best that fits)"
    parser.add_argument("--precision", choices=("auto", "bf16", "int8", "int4"), default="auto", help=kept)
    return parser.parse_args(arguments)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError("expected a number of seconds above 0")
    return min(seconds, _MOST_IDLE_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
