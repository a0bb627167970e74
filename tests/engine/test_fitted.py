"""Running out of memory, while loading or filling, ends in a smaller plan or a clear line; the worker stays up."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Collection, Generator
from pathlib import Path
from typing import Any

import pytest
import torch

from engine import local, plan_report
from engine.api import CheckpointError, Draft, EngineError, EngineInfo, Filler, FillRequest, FillResult
from engine.fitted import FittedLoader
from engine.graphs import Programs
from engine.models.quantize.weight import QuantWeight
from engine.worker import Worker
from tests.engine.tiny import MASK, SLACK, save_tiny_checkpoint
from tests.engine.tiny_causal import save_tiny_causal

REQUEST = FillRequest("x = ", "\n", max_hole_tokens=4, num_candidates=3, max_denoising_steps=2)
LIMIT_S = 60.0
# What is free when the loader asks; the tiny model takes kilobytes, the plan's reserve is what counts.
ENOUGH = 4 * 10**9


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_checkpoint(
        tmp_path_factory.mktemp("checkpoint"),
        noise="mask",
        mask_token_id=MASK,
        slack_token_id=SLACK,
        self_conditioning=True,
        max_prefix_tokens=64,
        hole_widths=[4, 8],
    )


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


class Loads:
    """Loads for real, once memory was short so many times; keeps what it was asked for."""

    def __init__(self, num_failures: int = 0, failure: Callable[[], Exception] = torch.OutOfMemoryError) -> None:
        self.asked: list[tuple[str, tuple[int, ...]]] = []
        self.num_failures, self.failure = num_failures, failure
        self.wrap: Callable[[Filler], Filler] = lambda filler: filler

    def __call__(self, model: str, *, precision: str, offloaded_layers: Collection[int], **others: Any) -> Filler:
        self.asked.append((precision, tuple(offloaded_layers)))
        weights = torch.ones(1000)  # What a load had reached when memory ran out must be let go of.
        if len(self.asked) <= self.num_failures:
            raise self.failure()
        del weights
        return self.wrap(local.load(model, precision=precision, offloaded_layers=offloaded_layers, **others))


class RunsOut:
    """A loaded model whose fills run out of memory so many times, after their first draft."""

    def __init__(self, filler: Filler, num_failures: int) -> None:
        self._filler, self.num_failures = filler, num_failures
        self.requests: list[FillRequest] = []
        self.prefixes = filler.prefixes  # type: ignore[attr-defined]
        self.num_forgotten = 0

    @property
    def info(self) -> EngineInfo:
        return self._filler.info

    def forget_prefixes(self) -> None:
        self.num_forgotten += 1
        self._filler.forget_prefixes()  # type: ignore[attr-defined]

    def fill(self, request: FillRequest) -> Generator[Draft, None, FillResult]:
        self.requests.append(request)
        fill = self._filler.fill(request)
        yield next(fill)
        if len(self.requests) <= self.num_failures:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return (yield from fill)


def loader(folder: Path, load: Loads, **options: Any) -> FittedLoader:
    return FittedLoader(str(folder), device="cpu", load=load, free=lambda _: ENOUGH, small_bytes=0, **options)


@pytest.fixture
def worker(checkpoint: Path) -> Generator[Callable[..., Worker], None, None]:
    made: list[Worker] = []

    def make(load: Loads, **options: Any) -> Worker:
        idle_seconds = options.pop("idle_seconds", None)
        made.append(Worker(loader(checkpoint, load, **options), idle_seconds=idle_seconds))
        return made[-1]

    yield make
    assert all(each.close(LIMIT_S) for each in made)


def fill(worker: Worker) -> FillResult:
    return worker.fill(REQUEST, lambda draft: None).future.result(LIMIT_S)


def test_what_fits_is_loaded_as_it_is_and_the_status_says_so(worker: Callable[..., Worker]) -> None:
    load = Loads()
    running = worker(load)
    info = running.load().future.result(LIMIT_S)
    assert load.asked == [("bf16", ())]
    assert info == running.info
    assert info.plan.startswith("bf16: ")
    assert "4.0 GB that are free on the machine" in info.plan


def test_no_more_of_a_prefix_is_read_than_there_is_room_for(checkpoint: Path) -> None:
    asked: list[object] = []

    def load(model: str, *, max_prefix_tokens: int | None, **others: Any) -> Filler:
        asked.append(max_prefix_tokens)
        return local.load(model, max_prefix_tokens=32, **others)

    made = FittedLoader(str(checkpoint), device="cpu", load=load, free=lambda _: ENOUGH, small_bytes=0)
    assert made().info.capabilities.max_prefix_tokens == 32
    assert isinstance(asked[0], int)


@pytest.mark.parametrize("failure", [torch.OutOfMemoryError, MemoryError, lambda: RuntimeError("CUDA out of memory")])
@pytest.mark.parametrize(("num_failures", "precision"), [(1, "int8"), (2, "int4")])
def test_a_load_that_runs_out_of_memory_goes_on_with_the_next_plan(
    worker: Callable[..., Worker], failure: Callable[[], Exception], num_failures: int, precision: str
) -> None:
    load = Loads(num_failures, failure)
    running = worker(load)
    assert fill(running).passes
    assert [asked for asked, _ in load.asked] == ["bf16", "int8", "int4"][: num_failures + 1]
    info = running.info
    assert info is not None
    assert info.plan.startswith(f"{precision}: ")
    assert "it ran out of memory at" in info.plan
    assert running.state == "ready"


def test_then_experts_stay_on_the_host_until_nothing_is_left(worker: Callable[..., Worker]) -> None:
    load = Loads(100)
    running = worker(load)
    with pytest.raises(EngineError, match=r"^The model ran out of memory; close what else uses the device"):
        fill(running)
    assert [len(layers) for _, layers in load.asked] == [0, 0, 0, 1, 2, 3]
    assert running.state == "unloaded"
    load.num_failures = 0
    # The host stays up, and does not load over and over.
    with pytest.raises(EngineError, match="ran out of memory"):
        fill(running)
    assert len(load.asked) == 6


def test_a_precision_that_was_asked_for_is_kept(worker: Callable[..., Worker]) -> None:
    load = Loads(1)
    running = worker(load, precision="int8")
    fill(running)
    assert load.asked == [("int8", ()), ("int8", (2,))]


def test_a_fill_that_runs_out_of_memory_is_tried_once_more_with_less(worker: Callable[..., Worker]) -> None:
    load, fillers = Loads(), []

    def wrap(filler: Filler) -> Filler:
        fillers.append(RunsOut(filler, num_failures=1))
        return fillers[-1]

    load.wrap = wrap
    running = worker(load)
    steps: list[int] = []
    result = running.fill(REQUEST, lambda draft: steps.append(draft.step)).future.result(LIMIT_S)
    assert result.passes
    assert [request.num_candidates for request in fillers[0].requests] == [3, 1]
    assert fillers[0].num_forgotten == 1
    assert steps[:2] == [1, 1]
    assert running.state == "ready"
    assert len(load.asked) == 1


def test_a_fill_that_runs_out_again_is_a_clear_line_and_the_next_load_is_smaller(worker: Callable[..., Worker]) -> None:
    load, fillers = Loads(), []

    def wrap(filler: Filler) -> Filler:
        fillers.append(RunsOut(filler, num_failures=2 if len(fillers) < 2 else 0))
        return fillers[-1]

    load.wrap = wrap
    running = worker(load)
    for next_plan in ("bf16: .* so less is remembered", "int8: "):
        with pytest.raises(
            EngineError, match=f"ran out of memory; the next fill loads it smaller: {next_plan}"
        ) as failed:
            fill(running)
        assert len(str(failed.value).splitlines()) == 1
        assert running.state == "unloaded"
    assert fill(running).passes
    assert [asked for asked, _ in load.asked] == ["bf16", "bf16", "int8"]


def test_what_is_remembered_follows_the_plan(checkpoint: Path) -> None:
    load = Loads()
    fitted = loader(checkpoint, load)
    filler: Any = fitted()
    assert filler.prefixes._max_bytes > 10**9
    assert fitted.shrink(at_load=False)
    filler = fitted()
    assert filler.prefixes._max_bytes < 10**8


def test_what_is_recorded_of_passes_follows_the_plan(checkpoint: Path) -> None:
    load, made = Loads(), [Programs(), Programs()]

    def wrap(filler: Any) -> Any:  # There are recordings on a card alone.
        filler.recordings = made[len(load.asked) - 1]
        return filler

    load.wrap = wrap
    fitted = loader(checkpoint, load)
    fitted()
    assert made[0]._max_bytes == 2 << 30
    assert fitted.shrink(at_load=False)
    fitted()
    assert made[1]._max_bytes == 0


def test_what_cannot_fit_is_a_clear_line(checkpoint: Path) -> None:
    fitted = FittedLoader(str(checkpoint), device="cpu", free=lambda _: 10**6, small_bytes=0)
    with pytest.raises(CheckpointError, match=r"GB are needed at int4 and 0\.0 GB are free on the machine"):
        fitted()


def test_a_small_checkpoint_needs_no_plan(checkpoint: Path) -> None:
    load = Loads()
    fitted = FittedLoader(str(checkpoint), device="cpu", load=load, free=lambda _: 0, precision="bf16")
    fitted()
    assert load.asked == [("auto", ())]
    assert fitted.why == ""
    assert not fitted.shrink(at_load=True)


def test_a_causal_checkpoint_takes_the_precision_that_was_asked_for(tmp_path: Path) -> None:
    load, folder = Loads(), save_tiny_causal(tmp_path, "qwen")
    filler = FittedLoader(str(folder), device="cpu", load=load, precision="bf16")()
    assert (load.asked, filler.info.dtype) == ([("bf16", ())], "bfloat16")
    assert plan_report._line(folder) is None, "nothing is planned for it"


def live_bytes() -> int:
    """Return what the quantised weights that are alive hold: the allocator's own figure, where there is no device."""
    gc.collect()
    found = [each for each in gc.get_objects() if type(each) is QuantWeight]
    return sum(weight.packed.num_bytes for weight in found if not weight.codes.is_meta)


def test_the_memory_is_given_back_on_idle(checkpoint: Path) -> None:
    before = live_bytes()
    unloaded = []
    running = Worker(loader(checkpoint, Loads(), precision="int8"), idle_seconds=0.2)
    try:
        held: list[int] = []
        running.fill(REQUEST, lambda draft: held.append(live_bytes())).future.result(LIMIT_S)
        for _ in range(10_000):
            if running.state == "unloaded":
                unloaded.append(True)
                break
            running._thread.join(0.01)
        assert unloaded
    finally:
        assert running.close(LIMIT_S)
    assert held[0] > before + 10_000
    assert live_bytes() == before


def test_the_report_says_how_checkpoints_would_be_run(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan_report.main([str(checkpoint), str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told[str(tmp_path)] is None
    assert told[str(checkpoint)].startswith("bf16: ")
