"""The one thread that owns the device: it loads the checkpoint, fills one hole after another and lets go when idle.

Only frozen values and futures cross its border. Every exception of a model becomes an EngineError of that one job, and
the thread lives on, unless the device is lost: then no job can be served any more, and the owner is told. What runs out
of memory is tried once more with less. It knows no HTTP, no sockets and no tensors.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from copy import copy
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from . import faults, memory
from .api import Draft, EngineError, EngineInfo, EngineUnavailable, Filler, FillRequest, FillResult
from .wire import HostState

_Answer = TypeVar("_Answer")
_log = logging.getLogger(__name__)

# An editor asks at every pause in typing; a checkpoint that cannot be loaded must not keep the machine busy.
_FAILURE_HOLDS_S = 30.0


class PrefixCounts(Protocol):
    """What a filler with an attribute `prefixes` counts there."""

    num_hits: int
    num_misses: int

    @property
    def total_bytes(self) -> int:
        """What is remembered weighs so much."""


class Job(Generic[_Answer]):
    """One thing to do. Its `future` is always settled, with the answer or with an EngineError."""

    def __init__(self) -> None:
        self.future: Future[_Answer] = Future()
        self.cancelled = threading.Event()

    def cancel(self) -> None:
        """Ask for the end: a fill that runs stops before its next denoising step. Harmless when it has ended."""
        self.cancelled.set()


class Worker:
    """Runs jobs in the order they come. Every method may be called from any thread."""

    def __init__(
        self,
        load: Callable[[], Filler],
        *,
        idle_seconds: float | None = None,
        on_lost_device: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the thread. The first job calls `load`; the model goes after `idle_seconds` without a job.

        A `load` that failed is not called again for 30 s of the `clock`: jobs fail as the load did. One that ran out of
        memory is called again at once where it has a method `shrink` that says true (see `engine.fitted`).
        `on_lost_device` is called in the thread, before the job that lost the device ends; all others then fail.
        """
        self._load = load
        self._idle_seconds = idle_seconds
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._on_lost_device = on_lost_device
        self._clock = clock
        self._filler: Filler | None = None
        self._load_failure: tuple[float, EngineError] | None = None  # until when it holds
        self._state: HostState = "unloaded"
        self._info: EngineInfo | None = None
        self._stopping = False
        # Held while a job is put into the queue, so that none comes behind the end mark and waits for ever.
        self._gate = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="engine-worker", daemon=True)
        self._thread.start()

    @property
    def state(self) -> HostState:
        """What the thread is doing."""
        return self._state

    @property
    def info(self) -> EngineInfo | None:
        """Who answers; None until a model was loaded once."""
        return self._info

    @property
    def prefixes(self) -> PrefixCounts | None:
        """How the loaded model finds beginnings that it has read before; None without a model that does."""
        return getattr(self._filler, "prefixes", None)

    def load(self) -> Job[EngineInfo]:
        """Load the model unless it is loaded."""
        job: Job[EngineInfo] = Job()
        self._enqueue(job, lambda filler: self._info or filler.info)
        return job

    def fill(self, request: FillRequest, on_draft: Callable[[Draft], None]) -> Job[FillResult]:
        """Fill one hole; `on_draft` is called in the worker's thread and must be quick."""
        job: Job[FillResult] = Job()
        self._enqueue(job, lambda filler: self._fill(filler, request, on_draft, job))
        return job

    def stop(self) -> None:
        """Ask the thread to end: what runs or waits ends with an EngineUnavailable."""
        with self._gate:
            self._stopping = True
            self._jobs.put(None)

    def close(self, timeout_s: float = 5.0) -> bool:
        """Stop, and wait; false when a load or a denoising step takes longer than `timeout_s`."""
        self.stop()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _enqueue(self, job: Job[_Answer], work: Callable[[Filler], _Answer]) -> None:
        with self._gate:
            if self._stopping:
                job.future.set_exception(_stopping_error())
            else:
                self._jobs.put(lambda: self._serve(job, work))

    def _run(self) -> None:
        while True:
            try:
                serve = self._jobs.get(timeout=None if self._filler is None else self._idle_seconds)
            except queue.Empty:
                _log.info("unloading the model: idle for %g s", self._idle_seconds)
                self._unload()
                continue
            if serve is None:
                break
            serve()
            del serve
        self._unload()

    def _serve(self, job: Job[_Answer], work: Callable[[Filler], _Answer]) -> None:
        if not job.future.set_running_or_notify_cancel():
            return
        answer: _Answer
        error: EngineError | None = None
        out_of_memory = lost_device = False
        try:
            self._check(job)
            filler = self._loaded()
            self._check(job)
            self._state = "busy"
            answer = work(filler)
        except EngineError as failure:
            error = failure.with_traceback(None)
        except Exception as failure:
            _log.exception("a job failed")
            out_of_memory = faults.is_out_of_memory(failure)
            lost_device = faults.has_lost_device(failure)
            describe = faults.lost_device if lost_device else faults.unexpected
            error = describe(failure)
        # Only here, behind the except blocks, is the traceback gone whose frames hold the fill's tensors.
        filler = None  # type: ignore[assignment]
        if out_of_memory:
            was_loaded = self._filler is not None
            self._unload()
            error = faults.out_of_memory(self._plan() if was_loaded and self._shrink(at_load=False) else None)
            self._state = "unloaded" if was_loaded else "loading"
        if error is not None and self._filler is None and self._state == "loading":
            # A copy, because an error that is raised holds on to the frames that it passes through.
            self._load_failure = (self._clock() + _FAILURE_HOLDS_S, copy(error))
        if lost_device:
            self.stop()
            self._on_lost_device()
        self._state = "unloaded" if self._filler is None else "ready"
        if error is None:
            job.future.set_result(answer)
        else:
            job.future.set_exception(error)

    def _fill(
        self, filler: Filler, request: FillRequest, on_draft: Callable[[Draft], None], job: Job[FillResult]
    ) -> FillResult:
        try:
            return self._drive(filler, request, on_draft, job)
        except Exception as failure:
            if not faults.is_out_of_memory(failure):
                raise
            _log.warning("a fill ran out of memory: once more, with one candidate and nothing remembered")
        # Only here is the traceback gone whose frames hold the fill's tensors. The drafts begin again at step 1.
        if (forget := getattr(filler, "forget_prefixes", None)) is not None:
            forget()
        memory.release()
        return self._drive(filler, replace(request, num_candidates=1), on_draft, job)

    def _drive(
        self, filler: Filler, request: FillRequest, on_draft: Callable[[Draft], None], job: Job[FillResult]
    ) -> FillResult:
        drafts = filler.fill(request)
        try:
            while True:
                self._check(job)
                on_draft(next(drafts))
        except StopIteration as end:
            result: FillResult = end.value
            return result
        finally:
            drafts.close()

    def _check(self, job: Job[_Answer]) -> None:
        if self._stopping:
            raise _stopping_error()
        if job.cancelled.is_set():
            raise EngineError("The request was cancelled.")

    def _loaded(self) -> Filler:
        if self._filler is None:
            if self._load_failure is not None:
                until, error = self._load_failure
                if self._clock() < until:
                    raise copy(error)
                self._load_failure = None
            self._state = "loading"
            while (filler := self._tried()) is None:
                memory.release()
                if self._stopping:
                    raise _stopping_error()
            self._filler = filler
            self._info = replace(filler.info, plan=self._plan() or filler.info.plan)
            _log.info("loaded %s on %s %s", self._info.model, self._info.device, self._info.plan)
        return self._filler

    def _tried(self) -> Filler | None:
        """Load; None where that ran out of memory and takes less the next time."""
        try:
            return self._load()
        except Exception as failure:
            if not faults.is_out_of_memory(failure) or not self._shrink(at_load=True):
                raise
            _log.warning("loading ran out of memory: once more, smaller (%s)", self._plan())
        return None

    def _shrink(self, *, at_load: bool) -> bool:
        shrink: Callable[..., bool] | None = getattr(self._load, "shrink", None)
        return shrink is not None and shrink(at_load=at_load)

    def _plan(self) -> str:
        """Say how the model is fitted into memory, or will be next; empty where `load` plans nothing."""
        return str(getattr(self._load, "why", ""))

    def _unload(self) -> None:
        self._filler = None
        self._state = "unloaded"
        memory.release()
        if held := memory.allocated_bytes():
            _log.info("%.0f MB of the device's memory are still in use", held / 1e6)


def _stopping_error() -> EngineError:
    return EngineUnavailable("The engine host is stopping.")
