"""Snapshots are found by the longest beginning that was stored, and the oldest are forgotten."""

from __future__ import annotations

from engine.prefix_cache import PrefixCache


def check_longest(stored: list[str], wanted: str, expect: str | None, *, max_snapshots: int = 9) -> None:
    """Assert which stored word, letter by letter a token, is the longest beginning of the wanted one."""
    cache: PrefixCache[str] = PrefixCache(max_snapshots)
    for word in stored:
        cache.store([ord(letter) for letter in word], word)
    found = cache.longest([ord(letter) for letter in wanted])
    assert found == (None if expect is None else (len(expect), expect))
    assert len(cache) <= max_snapshots
    cache.clear()
    assert cache.longest([ord(letter) for letter in wanted]) is None


def test_the_longest_beginning_is_found() -> None:
    check_longest(["ab", "abcd", "abc", "b"], "abcde", "abcd")
    check_longest(["ab", "abcd", "abc", "b"], "abc", "abc")
    check_longest(["ab", "abcd"], "abx", "ab")
    check_longest(["ab"], "a", None)
    check_longest(["bc"], "abc", None)
    check_longest([], "abc", None)


def test_the_snapshot_used_longest_ago_is_forgotten() -> None:
    check_longest(["a", "ab", "abc"], "a", None, max_snapshots=2)
    cache: PrefixCache[str] = PrefixCache(2)
    cache.store([1], "one")
    cache.store([2], "two")
    assert cache.longest([1]) == (1, "one")
    cache.store([3], "three")
    assert cache.longest([1]) == (1, "one")
    assert cache.longest([2]) is None


def test_storing_the_same_tokens_again_replaces_the_snapshot() -> None:
    cache: PrefixCache[str] = PrefixCache(2)
    cache.store([1], "old")
    cache.store((1,), "new")
    assert len(cache) == 1
    assert cache.longest([1, 2]) == (1, "new")
