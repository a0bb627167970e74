"""Snapshots are found by the longest beginning that was stored, and the oldest make room within a budget of bytes."""

from __future__ import annotations

import random

import pytest

from engine.prefix_cache import PrefixCache
from tests.engine.tiny import tiny_model


def cache_of(max_bytes: int, max_snapshots: int = 64) -> PrefixCache[str]:
    """Return a cache in which a snapshot, a word, weighs its letters."""
    return PrefixCache(max_bytes, len, max_snapshots)


def check_longest(stored: list[str], wanted: str, expect: str | None, *, max_bytes: int = 10_000) -> None:
    """Assert which stored word, letter by letter a token, is the longest beginning of the wanted one."""
    cache = cache_of(max_bytes)
    for word in stored:
        cache.store([ord(letter) for letter in word], word)
    found = cache.longest([ord(letter) for letter in wanted])
    assert found == (None if expect is None else (len(expect), expect))
    assert cache.total_bytes <= max_bytes
    cache.clear()
    assert cache.longest([ord(letter) for letter in wanted]) is None
    assert (len(cache), cache.total_bytes) == (0, 0)


def test_the_longest_beginning_is_found() -> None:
    check_longest(["ab", "abcd", "abc", "b"], "abcde", "abcd")
    check_longest(["ab", "abcd", "abc", "b"], "abc", "abc")
    check_longest(["ab", "abcd"], "abx", "ab")
    check_longest(["ab"], "a", None)
    check_longest(["bc"], "abc", None)
    check_longest([], "abc", None)


@pytest.mark.parametrize("length", [63, 64, 65, 128, 200])
def test_it_is_found_on_both_sides_of_a_chunk_edge(length: int) -> None:
    word = "".join(random.Random(length).choices("abc", k=300))
    check_longest([word[:length], word[: length - 1], word[:length] + "x"], word, word[:length])
    check_longest([word[: length - 1] + "x"], word, None)


def test_many_snapshots_of_branching_texts_are_told_apart() -> None:
    generator = random.Random(0)
    words = ["".join(generator.choices("ab", k=generator.randrange(1, 5))) for _ in range(40)]
    words += ["ab" * 60 + "".join(generator.choices("ab", k=generator.randrange(90))) for _ in range(20)]
    for wanted in words:
        others = [word for word in words if word != wanted]
        expect = max((word for word in others if wanted.startswith(word)), key=len, default=None)
        check_longest(others, wanted, expect)


def test_the_snapshot_used_longest_ago_makes_room() -> None:
    check_longest(["a", "ab", "abc"], "a", None, max_bytes=5)
    cache = cache_of(6)
    cache.store([1], "one")
    cache.store([2], "two")
    assert cache.longest([1]) == (1, "one")
    cache.store([3], "new")
    assert cache.longest([1]) == (1, "one")
    assert cache.longest([2]) is None
    assert cache.total_bytes == 6


def test_a_snapshot_heavier_than_the_budget_is_not_kept_and_costs_no_other() -> None:
    cache = cache_of(6)
    cache.store([1], "one")
    cache.store([2], "too heavy")
    assert cache.longest([2]) is None
    assert cache.longest([1]) == (1, "one")


def test_their_number_is_limited_too() -> None:
    cache = cache_of(1000, max_snapshots=2)
    for token in range(3):
        cache.store([token], "x")
    assert len(cache) == 2
    assert cache.longest([0]) is None


def test_storing_the_same_tokens_again_replaces_the_snapshot() -> None:
    cache = cache_of(100)
    cache.store([1], "old")
    cache.store((1,), "newer")
    assert (len(cache), cache.total_bytes) == (1, 5)
    assert cache.longest([1, 2]) == (1, "newer")


def test_an_adapter_keeps_its_prefixes_within_the_budget() -> None:
    from engine.models.diffusion_gemma import DiffusionGemma, _num_bytes

    roomy = DiffusionGemma(tiny_model())
    weight = _num_bytes(roomy.prefill([7] * 40))
    adapter = DiffusionGemma(tiny_model(), max_snapshot_bytes=3 * weight)
    for token in range(5, 15):
        adapter.prefill([token] * 40)
    assert len(adapter._snapshots) == 3
    assert adapter._snapshots.total_bytes == 3 * weight
