"""What the engine host counts and times, for Prometheus: numbers alone, never a text, a path or a name of a file.

It watches jobs from outside. It knows no HTTP, no models and no device.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from . import memory
from .api import Draft, FillResult, RequestError
from .worker import Job, Worker

Verdict = Literal["accepted", "rejected"]
VERDICTS: tuple[Verdict, ...] = ("accepted", "rejected")

_OUTCOMES = ("filled", "nothing", "cancelled", "refused", "failed")
_ANSWERED = ("filled", "nothing")
_PASS_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_FILL_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class Metrics:
    """The counts of one host, since it began. Every method may be called from any thread."""

    def __init__(self, worker: Worker, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin at zero. The worker tells what can only be seen at the moment of asking."""
        self._clock = clock
        self._began = clock()
        disable_created_metrics()  # type: ignore[no-untyped-call]  # The process's own start says as much.
        self._registry = registry = CollectorRegistry()
        self._fills = Counter("infill_fills", "Fills by how they ended.", ["outcome"], registry=registry)
        self._passes = Counter("infill_denoising_passes", "Denoising passes of answered fills.", registry=registry)
        self._verdicts = Counter("infill_suggestions", "What users did with them.", ["verdict"], registry=registry)
        self._pass_seconds = _histogram("infill_pass_seconds", "One denoising pass.", _PASS_SECONDS, registry)
        self._prefill_seconds = _histogram("infill_prefill_seconds", "Reading the prefix.", _PASS_SECONDS, registry)
        self._fill_seconds = _histogram("infill_fill_seconds", "A fill, once it began.", _FILL_SECONDS, registry)
        self._wait_seconds = _histogram("infill_answer_seconds", "A fill, once asked for.", _FILL_SECONDS, registry)
        # Every count is there from the start, so that a rate can be taken of the first event.
        for outcome in _OUTCOMES:
            self._fills.labels(outcome)
        for verdict in VERDICTS:
            self._verdicts.labels(verdict)
        registry.register(_Seen(worker))
        ProcessCollector(registry=registry)

    @property
    def uptime_s(self) -> float:
        """Seconds since the host began."""
        return self._clock() - self._began

    @property
    def num_fills(self) -> int:
        """How many fills were answered."""
        return sum(int(self._registry.get_sample_value("infill_fills_total", {"outcome": o}) or 0) for o in _ANSWERED)

    def text(self) -> bytes:
        """Write everything in Prometheus's text format."""
        return generate_latest(self._registry)

    def judged(self, verdict: Verdict) -> None:
        """Count what a user did with a suggestion."""
        self._verdicts.labels(verdict).inc()

    def watch(self) -> Watch:
        """Begin to watch a fill."""
        return Watch(self, self._clock())

    def ended(self, job: Job[FillResult], drafts_ms: list[float], asked: float) -> None:
        """Count a fill whose future is settled."""
        error = job.future.exception()
        if error is not None:
            outcome = "refused" if isinstance(error, RequestError) else "failed"
            self._fills.labels("cancelled" if job.cancelled.is_set() else outcome).inc()
            return
        result = job.future.result()
        self._fills.labels("filled" if result.candidates else "nothing").inc()
        self._passes.inc(result.passes)
        self._prefill_seconds.observe(result.prefill_ms / 1000)
        self._fill_seconds.observe(result.total_ms / 1000)
        self._wait_seconds.observe(self._clock() - asked)
        for before, after in zip([result.prefill_ms, *drafts_ms], drafts_ms, strict=False):
            self._pass_seconds.observe(max(0.0, after - before) / 1000)


class Watch:
    """One fill under way."""

    def __init__(self, metrics: Metrics, asked: float) -> None:
        self._metrics, self._asked = metrics, asked
        self._drafts_ms: list[float] = []

    def draft(self, draft: Draft) -> None:
        """Note when a pass ended."""
        self._drafts_ms.append(draft.elapsed_ms)

    def ended(self, job: Job[FillResult]) -> None:
        """Count the fill, whose future is settled."""
        self._metrics.ended(job, self._drafts_ms, self._asked)


class _Seen:
    """What is looked up when somebody asks."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def collect(self) -> Iterator[Metric]:
        """Look now."""
        loaded = self._worker.state in ("ready", "busy")
        yield GaugeMetricFamily("infill_model_loaded", "Whether the weights are in memory.", value=int(loaded))
        held = memory.device_bytes() or 0
        yield GaugeMetricFamily("infill_device_memory_bytes", "Held of the accelerator's memory.", value=held)
        prefixes = self._worker.prefixes
        lookups = CounterMetricFamily(
            "infill_prefix_lookups", "Prefixes by whether a beginning was known.", None, ["found"]
        )
        lookups.add_metric(["yes"], prefixes.num_hits if prefixes else 0)
        lookups.add_metric(["no"], prefixes.num_misses if prefixes else 0)
        yield lookups
        weight = prefixes.total_bytes if prefixes else 0
        yield GaugeMetricFamily("infill_prefix_cache_bytes", "What remembered prefixes weigh.", value=weight)


def _histogram(name: str, text: str, buckets: tuple[float, ...], registry: CollectorRegistry) -> Histogram:
    return Histogram(name, text, buckets=buckets, registry=registry)
