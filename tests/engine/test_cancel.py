"""A cancelled fill stops within one pass and leaves nothing behind: random cancels through the real worker."""

from __future__ import annotations

import gc
import queue
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.api import EngineError, FillRequest, FillResult, finish
from engine.local import LocalFiller, load
from engine.worker import Job, Worker
from tests.engine.tiny import save_tiny_checkpoint

_SUFFIX = "\n\n\ndef main():\n    return 0\n"
_REQUESTS = [
    FillRequest("import os\n" * count + text, _SUFFIX, num_candidates=candidates, max_denoising_steps=6)
    for count, text, candidates in [
        (0, "x = ", 1),
        (3, "path = os.", 2),
        (9, "def size(path):\n    return ", 4),
        (20, "if os.na", 1),
    ]
]
# A fill that goes on from an earlier one is cancelled like any other.
_REQUESTS.append(replace(_REQUESTS[1], prefix=_REQUESTS[1].prefix + "z", warm_start=True))


class Watched:
    """Tells of every prefill and denoising pass of a filler as it begins."""

    def __init__(self, filler: LocalFiller) -> None:
        self.filler, self.num_passes = filler, 0
        self.on_pass: Callable[[], None] = lambda: None
        adapter = filler._adapter
        prefill, forward_for = adapter.prefill, adapter.forward_for

        def counted_prefill(*given: Any) -> Any:
            self._begins()
            return prefill(*given)

        def counted_forward_for(*given: Any) -> Any:
            forward = forward_for(*given)

            def counted(*rows: Any) -> Any:
                self._begins()
                return forward(*rows)

            return counted

        vars(adapter).update(prefill=counted_prefill, forward_for=counted_forward_for)

    def _begins(self) -> None:
        self.num_passes += 1
        self.on_pass()


def tensor_bytes() -> int:
    """Return what all tensors of the process hold, but for weights that a library has laid out its own way."""
    gc.collect()
    held = [thing for thing in gc.get_objects() if issubclass(type(thing), torch.Tensor) and not thing.is_mkldnn]
    return sum({one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in held}.values())


def cancelled_at(worker: Worker, watched: Watched, request: FillRequest, at_pass: int) -> int | None:
    """Cancel a fill when its n-th pass begins; return how many began after that, None when it was over before."""
    jobs: queue.SimpleQueue[Job[FillResult]] = queue.SimpleQueue()
    watched.num_passes = 0
    watched.on_pass = lambda: jobs.get(timeout=60).cancel() if watched.num_passes == at_pass else None
    job = worker.fill(request, lambda draft: None)
    jobs.put(job)
    error = job.future.exception(60)
    watched.on_pass = lambda: None
    if error is None:
        assert watched.num_passes <= at_pass
        return None
    assert isinstance(error, EngineError)
    assert "cancelled" in str(error)
    return watched.num_passes - at_pass


def check_cancels(fresh: Callable[[], LocalFiller], count: int) -> None:
    """Assert that random cancels take effect within one pass, hold no memory and leave the next fill as it was."""
    watched = Watched(fresh())
    worker = Worker(lambda: watched.filler)
    generator = random.Random(0)
    try:
        for request in _REQUESTS * 2:  # What prefixes and fills are remembered is remembered from here on.
            worker.fill(request, lambda draft: None).future.result(60)
        before, num_cancelled = tensor_bytes(), 0
        for _ in range(count):
            passes_after = cancelled_at(worker, watched, generator.choice(_REQUESTS), generator.randrange(1, 8))
            num_cancelled += passes_after is not None
            assert passes_after in (None, 0, 1)
        assert num_cancelled > count / 2
        assert tensor_bytes() <= 1.05 * before
        after = [worker.fill(request, lambda draft: None).future.result(60) for request in _REQUESTS[:4]]
    finally:
        worker.close()
    other = fresh()
    for result, request in zip(after, _REQUESTS[:4], strict=True):
        assert result.candidates == finish(other.fill(request)).candidates


def test_a_thousand_cancels_of_a_tiny_checkpoint(tmp_path: Path) -> None:
    folder = save_tiny_checkpoint(tmp_path, noise="uniform", max_prefix_tokens=64, hole_widths=[2, 4])
    check_cancels(lambda: load(str(folder), device="cpu"), 1000)


@pytest.mark.parametrize("count", [100])
def test_a_hundred_cancels_of_the_bundled_checkpoint(count: int) -> None:
    check_cancels(lambda: load("bundled", device="cpu"), count)
