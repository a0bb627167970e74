"""The worker's thread survives every failure of a model, cancels within a step and lets go of the model."""

from __future__ import annotations

import gc
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from engine.api import CheckpointError, Draft, EngineError, EngineUnavailable, Filler, FillRequest, RequestError
from engine.fake import Script, ScriptedFiller, ThreadGate
from engine.worker import Job, Worker

REQUEST = FillRequest("x = ", "\n")

# A bound for waits that end at once unless something is broken.
LIMIT_S = 30.0


@contextmanager
def running(
    load: Callable[[], Filler],
    *,
    idle_seconds: float | None = None,
    on_lost_device: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Worker]:
    """Run a worker; in the end its thread must be gone."""
    worker = Worker(load, idle_seconds=idle_seconds, on_lost_device=on_lost_device, clock=clock)
    try:
        yield worker
    finally:
        assert worker.close(LIMIT_S)
        assert worker.state == "unloaded"


def ignore(draft: Draft) -> None:
    """Throw a draft away."""


def check_fills(worker: Worker, text: str) -> None:
    """The worker fills a hole, with drafts in order."""
    steps: list[int] = []
    result = worker.fill(REQUEST, lambda draft: steps.append(draft.step)).future.result(LIMIT_S)
    assert result.candidates[0].text == text
    assert steps == list(range(1, result.passes + 1))


def check_fails(job: Job, kind: type[EngineError], match: str) -> None:  # type: ignore[type-arg]
    """The job ends with exactly this type of error, on one line."""
    with pytest.raises(kind, match=match) as failure:
        job.future.result(LIMIT_S)
    assert type(failure.value) is kind
    assert len(str(failure.value).splitlines()) == 1


def test_the_model_is_loaded_by_the_first_job_and_once() -> None:
    loads: list[int] = []

    def load() -> Filler:
        loads.append(threading.get_ident())
        return ScriptedFiller("1")

    with running(load) as worker:
        assert worker.state == "unloaded"
        assert worker.info is None
        check_fills(worker, "1")
        check_fills(worker, "1")
        assert worker.load().future.result(LIMIT_S) == worker.info
        assert worker.state == "ready"
        assert len(loads) == 1
        assert loads[0] != threading.get_ident()


def test_the_state_tells_loading_and_busy() -> None:
    gate, may_load, asked = ThreadGate(before=1), threading.Event(), threading.Event()

    def load() -> Filler:
        asked.set()
        assert may_load.wait(LIMIT_S)
        return ScriptedFiller("1", gate=gate)

    with running(load) as worker:
        job = worker.fill(REQUEST, ignore)
        assert asked.wait(LIMIT_S)
        assert worker.state == "loading"
        may_load.set()
        assert gate.reached.wait(LIMIT_S)
        assert worker.state == "busy"
        gate.opened.set()
        job.future.result(LIMIT_S)


def test_a_cancelled_fill_stops_before_its_next_step() -> None:
    gate = ThreadGate(before=2)
    filler = ScriptedFiller("a + b", gate=gate)
    with running(lambda: filler) as worker:
        job = worker.fill(REQUEST, ignore)
        assert gate.reached.wait(LIMIT_S)
        job.cancel()
        gate.opened.set()
        check_fails(job, EngineError, "cancelled")
        assert filler.steps_run == 2
        assert filler.num_closed == 1
        check_fills(worker, "a + b")


def test_a_job_cancelled_while_it_waits_never_begins() -> None:
    gate = ThreadGate(before=1)
    filler = ScriptedFiller("1", gate=gate)
    with running(lambda: filler) as worker:
        first = worker.fill(REQUEST, ignore)
        assert gate.reached.wait(LIMIT_S)
        second = worker.fill(FillRequest("second", ""), ignore)
        third = worker.fill(FillRequest("third", ""), ignore)
        second.cancel()
        gate.opened.set()
        first.future.result(LIMIT_S)
        third.future.result(LIMIT_S)
        check_fails(second, EngineError, "cancelled")
        assert [request.prefix for request in filler.requests] == ["x = ", "third"]


def test_a_job_whose_future_was_cancelled_does_not_harm_the_thread() -> None:
    gate = ThreadGate(before=1)
    with running(lambda: ScriptedFiller("1", gate=gate)) as worker:
        worker.fill(REQUEST, ignore)
        assert gate.reached.wait(LIMIT_S)
        assert worker.fill(REQUEST, ignore).future.cancel()
        gate.opened.set()
        check_fills(worker, "1")


@pytest.mark.parametrize(
    ("error", "kind", "match"),
    [
        (RequestError("too long"), RequestError, "^too long$"),
        (CheckpointError("no weights"), CheckpointError, "^no weights$"),
        (ValueError("bad\n  shape"), EngineError, "The model failed: ValueError: bad shape"),
        (MemoryError(), EngineError, "ran out of memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), EngineError, "ran out of memory"),
    ],
)
@pytest.mark.parametrize("step", [1, 3])
def test_the_thread_survives_a_failing_step(error: Exception, kind: type[EngineError], match: str, step: int) -> None:
    # What runs out of memory is tried twice.
    failing = [Script(("1",), fail_at=step, error=error)] * (2 if "memory" in match else 1)
    scripts = iter([*failing, Script(("2",))])
    with running(lambda: ScriptedFiller(lambda _: next(scripts))) as worker:
        check_fails(worker.fill(REQUEST, ignore), kind, match)
        check_fills(worker, "2")


def test_a_fill_that_ran_out_of_memory_is_tried_again_with_one_candidate() -> None:
    scripts = iter([Script(("1",), fail_at=2, error=MemoryError()), Script(("2",))])
    filler = ScriptedFiller(lambda _: next(scripts))
    with running(lambda: filler) as worker:
        result = worker.fill(FillRequest("x = ", "\n", num_candidates=4), ignore).future.result(LIMIT_S)
        assert result.candidates[0].text == "2"
        assert [request.num_candidates for request in filler.requests] == [4, 1]
        assert worker.state == "ready"


def test_running_out_of_memory_unloads_the_model() -> None:
    fillers = iter([ScriptedFiller(Script(("1",), fail_at=2, error=MemoryError())), ScriptedFiller("2")])
    with running(lambda: next(fillers)) as worker:
        check_fails(worker.fill(REQUEST, ignore), EngineError, "ran out of memory")
        check_fills(worker, "2")


@pytest.mark.parametrize(
    "text",
    [
        "CUDA error: device-side assert triggered\nCompile with TORCH_USE_CUDA_DSA",
        "CUDA error: an illegal memory access was encountered",
        "CUDA error: unspecified launch failure",
        "CUDA error: unknown error",
        "CUDA error: uncorrectable ECC error encountered",
    ],
)
def test_a_lost_device_ends_the_worker_after_it_was_told(text: str) -> None:
    gate = ThreadGate(before=2)
    filler = ScriptedFiller(Script(("1",), fail_at=2, error=RuntimeError(text)), gate=gate)
    told: list[bool] = []
    with running(lambda: filler, on_lost_device=lambda: told.append(lost.future.done())) as worker:
        lost = worker.fill(REQUEST, ignore)
        assert gate.reached.wait(LIMIT_S)
        waiting = worker.fill(REQUEST, ignore)
        gate.opened.set()
        check_fails(lost, EngineError, "device failed .*starts anew")
        check_fails(waiting, EngineUnavailable, "stopping")
        check_fails(worker.fill(REQUEST, ignore), EngineUnavailable, "stopping")
    assert told == [False]


def test_an_error_of_one_call_leaves_the_device_alone() -> None:
    errors = [
        "CUDA error: invalid argument",
        "CUBLAS_STATUS_NOT_SUPPORTED",
        "mat1 and mat2 shapes cannot be multiplied",
    ]
    scripts = iter([*(Script(("1",), fail_at=1, error=RuntimeError(text)) for text in errors), Script(("2",))])
    told: list[None] = []
    with running(lambda: ScriptedFiller(lambda _: next(scripts)), on_lost_device=lambda: told.append(None)) as worker:
        for _ in errors:
            check_fails(worker.fill(REQUEST, ignore), EngineError, "The model failed")
        check_fills(worker, "2")
    assert told == []


def test_a_failing_load_is_tried_again_after_a_while() -> None:
    outcomes: Iterator[Exception | None] = iter(
        [CheckpointError("no such folder"), OSError("disk"), MemoryError(), None]
    )
    now = 0.0

    def load() -> Filler:
        outcome = next(outcomes)
        if outcome is not None:
            raise outcome
        return ScriptedFiller("1")

    with running(load, clock=lambda: now) as worker:
        for kind, match in (
            (CheckpointError, "no such folder"),
            (EngineError, "OSError: disk"),
            (EngineError, "ran out of memory"),
        ):
            check_fails(worker.load(), kind, match)
            assert worker.state == "unloaded"
            now += 20
            check_fails(worker.fill(REQUEST, ignore), kind, match)
            assert worker.state == "unloaded"
            now += 10
        check_fills(worker, "1")


def test_a_job_cancelled_while_the_model_loads_is_no_failed_load() -> None:
    asked, may_load = threading.Event(), threading.Event()

    def load() -> Filler:
        asked.set()
        assert may_load.wait(LIMIT_S)
        return ScriptedFiller("1")

    with running(load, idle_seconds=0.01) as worker:
        job = worker.fill(REQUEST, ignore)
        assert asked.wait(LIMIT_S)
        job.cancel()
        may_load.set()
        check_fails(job, EngineError, "cancelled")
        check_fills(worker, "1")


def test_a_failing_listener_of_drafts_fails_only_its_job() -> None:
    def fail(draft: Draft) -> None:
        raise RuntimeError("nobody listens")

    filler = ScriptedFiller("1")
    with running(lambda: filler) as worker:
        check_fails(worker.fill(REQUEST, fail), EngineError, "nobody listens")
        assert filler.num_closed == 1
        check_fills(worker, "1")


def test_an_idle_worker_lets_go_of_the_model() -> None:
    gone = threading.Event()

    def load() -> Filler:
        filler = ScriptedFiller("1")
        weakref.finalize(filler, gone.set)
        return filler

    with running(load, idle_seconds=0.01) as worker:
        check_fills(worker, "1")
        assert gone.wait(LIMIT_S)
        assert worker.info is not None
        gone.clear()
        check_fills(worker, "1")
        assert gone.wait(LIMIT_S)


def test_a_failed_fill_keeps_nothing_of_the_model_alive(caplog: pytest.LogCaptureFixture) -> None:
    # The test runner keeps log records, and a record keeps the traceback; a log file does not.
    caplog.set_level(logging.CRITICAL, logger="engine.worker")

    class Weights:
        """Stands for tensors in a frame of the traceback."""

    alive: list[weakref.ref[Weights]] = []

    def fail(_: FillRequest) -> Script:
        weights = Weights()
        alive.append(weakref.ref(weights))
        raise ValueError("in the middle")

    with running(lambda: ScriptedFiller(fail)) as worker:
        job = worker.fill(REQUEST, ignore)
        check_fails(job, EngineError, "in the middle")
        gc.collect()
        assert alive[0]() is None


def test_closing_ends_what_runs_and_what_waits() -> None:
    gate = ThreadGate(before=2)
    worker = Worker(lambda: ScriptedFiller("1", gate=gate))
    running_job = worker.fill(REQUEST, ignore)
    assert gate.reached.wait(LIMIT_S)
    waiting_job = worker.fill(REQUEST, ignore)
    worker.stop()
    late_job = worker.fill(REQUEST, ignore)
    gate.opened.set()
    assert worker.close(LIMIT_S)
    for job in (running_job, waiting_job, late_job):
        check_fails(job, EngineUnavailable, "stopping")


def test_a_step_that_does_not_end_is_reported_by_close() -> None:
    gate = ThreadGate(before=1)
    worker = Worker(lambda: ScriptedFiller("1", gate=gate))
    worker.fill(REQUEST, ignore)
    assert gate.reached.wait(LIMIT_S)
    assert not worker.close(timeout_s=0)
    gate.opened.set()
    assert worker.close(LIMIT_S)
