"""A whole fill with static passes against the same fill without: drafts, candidates, doubts of a critic, the trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tokenizers import Tokenizer

from engine import fill_steps
from engine.api import Draft, FillRequest, FillResult, FurtherHole
from engine.local import LocalFiller
from engine.models.diffusion_gemma import DiffusionGemma
from engine.models.static_cache import Buckets
from engine.models.static_pass import StaticPasses
from engine.profile import Profile
from tests.engine.tiny import CANVAS_LENGTH, save_tiny_checkpoint, tiny_model

# Every size has its own bucket, so that a seed means the same numbers here and there.
BUCKETS = Buckets(prefix=(64,), canvas=(CANVAS_LENGTH,), batch=tuple(range(1, 9)), rows=tuple(range(1, 97)))
REQUEST = FillRequest("def add(a, b):\n    return ", "\n\n\n", language="python", seed=3, num_candidates=2)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder = save_tiny_checkpoint(tmp_path_factory.mktemp("published"))
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def filler(tokenizer: Tokenizer, static: bool, critic: Any = None) -> LocalFiller:
    model = tiny_model(3, branch_scale=0.2)
    adapter = DiffusionGemma(model, static_passes=StaticPasses(model, BUCKETS) if static else None)
    profile = Profile(canvas_tokens=CANVAS_LENGTH, hole_widths=(3, 6))
    return LocalFiller("tiny", adapter, tokenizer, profile, critic)


def filled(one: LocalFiller, request: FillRequest) -> tuple[list[Draft], FillResult]:
    drafts, fill = [], one.fill(request)
    while True:
        try:
            drafts.append(replace(next(fill), elapsed_ms=0.0))
        except StopIteration as stop:
            return drafts, stop.value


def without_times(drafts: list[Draft]) -> list[Draft]:
    return [
        replace(
            draft,
            trace=draft.trace
            and replace(draft.trace, ms=0.0, rows=tuple(replace(row, entropy=()) for row in draft.trace.rows)),
        )
        for draft in drafts
    ]


def doubting(request: FillRequest, fill: str) -> tuple[tuple[int, int], ...]:
    return ((0, 1),) if len(fill) % 2 else ()


@pytest.mark.parametrize("critic", [None, doubting])
@pytest.mark.parametrize(
    "request_",
    [
        REQUEST,
        replace(REQUEST, trace=True),
        replace(REQUEST, exact_hole_tokens=4),
        replace(REQUEST, max_hole_tokens=3, further_holes=(FurtherHole("\n", 3),)),
    ],
)
def test_a_fill_is_the_same_with_static_passes_and_without(
    monkeypatch: pytest.MonkeyPatch, tokenizer: Tokenizer, critic: Callable[..., Any] | None, request_: FillRequest
) -> None:
    expected, result = filled(filler(tokenizer, False, critic), request_)
    on_device: list[int] = []
    denoise_on_device = fill_steps.denoise_on_device

    def counted(*arguments: Any) -> Any:
        on_device.append(1)
        return denoise_on_device(*arguments)

    monkeypatch.setattr(fill_steps, "denoise_on_device", counted)
    drafts, found = filled(filler(tokenizer, True, critic), request_)
    assert on_device
    assert without_times(drafts) == without_times(expected)
    assert [candidate.text for candidate in found.candidates] == [candidate.text for candidate in result.candidates]
    assert found.passes == result.passes
