"""A keystroke after a fill: what it costs and what it gives, with the bundled checkpoint."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.api import Draft, FillRequest, FillResult, finish
from engine.local import LocalFiller, load

_REQUEST = FillRequest(
    "import os\n\n\ndef size_of(path):\n    info = os.stat(path)\n    return ",
    "\n\n\ndef name_of(path):\n    return os.path.basename(path)\n",
    num_candidates=2,
    warm_start=True,
)


@pytest.fixture(scope="module")
def loaded() -> LocalFiller:
    return load("bundled", device="cpu")


@pytest.fixture
def filler(loaded: LocalFiller) -> LocalFiller:
    loaded.forget_prefixes()
    return loaded


def typed_on(request: FillRequest, typed: str) -> FillRequest:
    return replace(request, prefix=request.prefix + typed)


def diverging(result: FillResult) -> str:
    """Return a character that no candidate goes on with."""
    return next(letter for letter in "zqxkwjv" if not any(c.text.startswith(letter) for c in result.candidates))


def texts(result: FillResult) -> list[str]:
    return [candidate.text for candidate in result.candidates]


def test_a_keystroke_that_was_shown_takes_no_denoising_pass(filler: LocalFiller):
    first = finish(filler.fill(_REQUEST))
    best = texts(first)[0]
    for count in range(1, len(best)):
        result = finish(filler.fill(typed_on(_REQUEST, best[:count])))
        assert result.passes == 0
        assert best[count:].strip() in [text.strip() for text in texts(result)]


def test_a_keystroke_that_was_not_shown_takes_one_denoising_pass(filler: LocalFiller):
    first = finish(filler.fill(_REQUEST))
    result = finish(filler.fill(typed_on(_REQUEST, diverging(first))))
    assert first.passes >= 3 * result.passes == 3
    assert result.candidates
    assert all(text.strip() and "\n" not in text for text in texts(result))
    assert [c.score for c in result.candidates] == sorted((c.score for c in result.candidates), reverse=True)


def test_one_diverging_keystroke_after_the_other_stays_warm(filler: LocalFiller):
    finish(filler.fill(_REQUEST))
    asked = _REQUEST
    for letter in "not in":
        asked = typed_on(asked, letter)
        assert finish(filler.fill(asked)).passes <= 1


def test_a_character_that_was_deleted_takes_one_denoising_pass(filler: LocalFiller):
    finish(filler.fill(_REQUEST))
    assert finish(filler.fill(replace(_REQUEST, prefix=_REQUEST.prefix[:-1]))).passes == 1


def test_drafts_count_up_and_end_with_what_is_settled(filler: LocalFiller):
    first = finish(filler.fill(_REQUEST))
    drafts: list[Draft] = list(filler.fill(typed_on(_REQUEST, diverging(first))))
    assert [draft.step for draft in drafts] == list(range(1, len(drafts) + 1))
    settled = [sum(token.state == "accepted" for token in draft.tokens) for draft in drafts]
    assert settled == sorted(settled)


def test_a_deadline_that_has_passed_leaves_one_reading(filler: LocalFiller):
    first = finish(filler.fill(_REQUEST))
    fill = filler.fill(replace(typed_on(_REQUEST, diverging(first)), deadline_ms=0))
    assert len(list(fill)) <= 2


@pytest.mark.parametrize(
    "changed",
    [{"warm_start": False}, {"trace": True}, {"exact_hole_tokens": 4}, {"suffix": "\n"}],
    ids=lambda changed: next(iter(changed)),
)
def test_anything_else_begins_cold_and_equals_a_fresh_fill(filler: LocalFiller, changed: dict[str, object]):
    first = finish(filler.fill(_REQUEST))
    asked = replace(typed_on(_REQUEST, diverging(first)), **changed)  # type: ignore[arg-type]
    after = finish(filler.fill(asked))
    filler.forget_prefixes()
    fresh = finish(filler.fill(asked))
    assert after.passes == fresh.passes > 1
    assert texts(after) == texts(fresh)


def test_several_lines_begin_cold_where_the_best_text_does_not_agree(filler: LocalFiller):
    asked = replace(_REQUEST, multiline=True)
    first = finish(filler.fill(asked))
    assert finish(filler.fill(typed_on(asked, diverging(first)))).passes > 1


def test_a_warm_start_equals_itself(filler: LocalFiller):
    results = []
    for _ in range(2):
        filler.forget_prefixes()
        first = finish(filler.fill(_REQUEST))
        results.append(texts(finish(filler.fill(typed_on(_REQUEST, diverging(first))))))
    assert results[0] == results[1]
