"""Texts that nobody writes and that somebody opens: each is refused with a reason, or parsed within its budget.

It measures how long opening one takes, what a slice of its parse takes, and how long another thread had to wait.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TypeVar

from infill_lsp.excludes.refusal import refusal_of_text
from infill_lsp.holes.hole import NoHole, hole_at
from infill_lsp.text.document import Document

_WIDE = 10_000
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of one text, times in ms. `longest_hold_ms`: how long a thread that wants to run every ms waited."""

    name: str
    language: str
    num_bytes: int
    refusal: str | None
    has_tree: bool
    index_ms: float
    snapshot_ms: float
    longest_slice_ms: float
    parse_ms: float
    hole_ms: float
    edit_ms: float
    longest_hold_ms: float

    def as_object(self) -> dict[str, object]:
        """Return what the result file holds of it."""
        return asdict(self)


def hostile_texts() -> Iterator[tuple[str, str, str]]:
    """Give name, language and text of each."""
    numbers = random.Random(1)
    noise = bytes(numbers.randrange(256) for _ in range(1_000_000))
    yield "10 MB on one line", "javascript", "x=1;" * 2_500_000
    yield "10 MB in one string", "python", 'x = "' + "a" * 10_000_000 + '"\n'
    yield "100,000 open brackets on one line", "python", "(" * 100_000
    for language in ("python", "javascript", "c"):
        yield "100,000 open brackets in lines", language, _in_lines("(" * 100_000)
        yield "100,000 open braces in lines", language, _in_lines("{" * 100_000)
    yield "a< 100,000 times on one line", "typescript", "a<" * 100_000
    yield "a< 100,000 times in lines", "typescript", _in_lines("a<" * 100_000)
    yield "1 MB of bytes", "python", noise.decode("latin-1")
    yield "1 MB of bytes, replaced", "python", noise.decode("utf-8", "replace")
    yield "1 MB of letters at random", "javascript", _noise_of("abc(){}[]<>;:'\"`/*\\ \n=+-.,", 1_000_000)
    yield "half characters", "python", "\ud83d" * 100_000
    yield "a source with half characters", "python", "name = 'half: \ud83d'  # and the other half: \ude00\n" * 20_000
    yield "2 MB flat list on one line", "python", "x = [" + "1, " * 660_000 + "]"
    yield "2 MB flat list in lines", "python", "x = [\n" + "1, 2, 3, 4, 5, 6, 7, 8,\n" * 80_000 + "]\n"
    yield "5 MB of blanks", "python", " " * 5_000_000
    yield "1.9 MB of blanks in lines", "javascript", _in_lines(" " * 1_900_000)
    yield "1.9 MB of line breaks", "python", "\n" * 1_900_000
    yield "1.9 MB comment in lines", "c", "/*" + "text\n" * 380_000 + "*/\n"


def opened(name: str, language: str, text: str) -> Opened:
    """Open a text, parse it to the end or until it is given up, look for a hole in its middle and type there."""
    with _Watch() as watch:
        index_ms, document = _timed(lambda: Document("file:///hostile", 1, text, language))
        snapshot_ms, snapshot = _timed(document.snapshot)
        slices = [snapshot_ms]
        more = document.is_behind
        while more:
            slice_ms, more = _timed(document.advance)
            slices.append(slice_ms)
        snapshot = document.snapshot()
        refusal = refusal_of_text(snapshot.text, snapshot.index)
        hole_ms = 0.0
        if refusal is None:
            hole_ms, found = _timed(lambda: hole_at(snapshot, len(text) // 2))
            refusal = f"no hole: {found.reason}" if isinstance(found, NoHole) else None
        has_tree = snapshot.tree is not None
        edit_ms, _ = _timed(lambda: document.edit(len(text) // 2, len(text) // 2, "x"))
    return Opened(
        name,
        language,
        snapshot.index.num_bytes,
        refusal,
        has_tree,
        *(round(value, 1) for value in (index_ms, snapshot_ms, max(slices), sum(slices), hole_ms, edit_ms)),
        round(watch.longest_ms, 1),
    )


class _Watch:
    """A thread that wants to run every millisecond, and what it had to wait for that."""

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self._done = False
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done = True
        self._thread.join()

    def _run(self) -> None:
        before = time.perf_counter()
        while not self._done:
            time.sleep(0.001)
            now = time.perf_counter()
            self.longest_ms = max(self.longest_ms, (now - before) * 1000 - 1)
            before = now


def _timed(work: Callable[[], _Result]) -> tuple[float, _Result]:
    began = time.perf_counter()
    result = work()
    return (time.perf_counter() - began) * 1000, result


def _in_lines(text: str) -> str:
    return "\n".join(text[start : start + _WIDE] for start in range(0, len(text), _WIDE))


def _noise_of(characters: str, count: int) -> str:
    return "".join(random.Random(2).choices(characters, k=count))
