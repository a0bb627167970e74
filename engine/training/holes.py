"""Draw training examples from packed token ids: a window, holes in it, and one canvas for each hole.

A canvas is `[hole | slack | suffix]`: the hole's width is drawn without looking at the fill, so that the width says
nothing of the length. Holes are what an editor asks for: the rest of a line, a whole line, what stands in brackets,
a condition, a few lines, and a random span.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from engine.training.data.pack import Packed
from engine.training.noise import Task, add_noise
from engine.training.tokenizer import EOS, PAD, SLACK

WIDTHS, _WIDTH_SHARES = (16, 32, 48), (0.25, 0.6, 0.15)
# Of a second hole on a canvas: its widths, and how many known tokens stand left of it at most.
_SECOND_WIDTHS, _MAX_BETWEEN, _LEAST_SUFFIX = (8, 16), 12, 4
_REST, _LINE, _BRACKETS, _LINES, _SPAN = range(5)
_KIND_SHARES = (0.45, 0.15, 0.15, 0.15, 0.10)
# A hole often begins right of one of these.
_SEAM_TOKENS = (
    "= Ġ= ( Ġ( [ Ġ[ { Ġ{ , . : Ġ== Ġ+ Ġ- Ġ* return if elif while for raise with from import assert "
    "Ġin Ġand Ġor Ġnot Ġif Ġelse Ġimport"
)
_SEAMS = frozenset(_SEAM_TOKENS.split())


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows and the canvases drawn from them, int64: B windows of P tokens, N = B * K canvases of C tokens."""

    prefix_ids: np.ndarray  # [B, P]
    starts: np.ndarray  # [N] where in its window each canvas begins
    target_ids: np.ndarray  # [N, C] hole, slack and suffix
    canvas_ids: np.ndarray  # [N, C] the same with noise
    weights: np.ndarray  # [N, C] float32, zero where nothing is asked


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is drawn at once."""

    prefix_length: int = 384
    canvas_length: int = 64
    windows: int = 8
    canvases: int = 6


class HoleSampler:
    """Draws batches from packed files; the tokenizer says what the seams are.

    What is drawn depends on the seed and a running number alone, so that a run goes on after a pause as if there had
    been none, and several processes can draw in turn.
    """

    def __init__(self, packed: Packed, tokenizer: Tokenizer, sizes: Sizes, seed: int, task: Task | None = None) -> None:
        self._ids, self._sizes, self._seed, self._task = packed.ids, sizes, seed, task or Task()
        self._random = np.random.default_rng(seed)
        self._drawn = 0
        vocabulary = tokenizer.get_vocab()
        self._newline = vocabulary["Ċ"]
        self._colon = vocabulary[":"]
        blank = [index for token, index in vocabulary.items() if token and set(token) == {"Ġ"}]
        seams = [index for token, index in vocabulary.items() if token in _SEAMS]
        self._vocab_size = max(vocabulary.values()) + 1
        every = np.arange(self._vocab_size)
        self._is_blank, self._is_seam = np.isin(every, blank), np.isin(every, seams)
        self._closers = {vocabulary[a]: vocabulary[b] for a, b in (("(", ")"), ("[", "]"), ("{", "}"))}

    def windows(self, count: int, length: int, index: int | None = None) -> np.ndarray:
        """Return `count` windows of `length` tokens each that start at random places, int64 [count, length].

        `index` says which draw it is; without one, the draws follow one another.
        Raises: ValueError when there are not enough tokens for one window.
        """
        self._turn_to(index)
        if len(self._ids) <= length:
            raise ValueError(f"{len(self._ids)} tokens are too few for a window of {length}; give more text")
        starts = self._random.integers(0, len(self._ids) - length, count)
        return np.stack([self._ids[start : start + length] for start in starts]).astype(np.int64)

    def batch(self, index: int | None = None) -> Batch:
        """Draw windows, and holes and noise for the canvases in them; `index` as for `windows`."""
        sizes = self._sizes
        long = self.windows(sizes.windows, sizes.prefix_length + 2 * sizes.canvas_length, index)
        count = sizes.windows * sizes.canvases
        targets, places = np.zeros((count, sizes.canvas_length), np.int64), np.zeros((3, count), np.int64)
        second = np.zeros((3, count), np.int64)
        for row in range(count):
            window = long[row // sizes.canvases]
            start, length = self._hole(window)
            width = self._width(length)
            places[:, row] = start, length, width
            targets[row] = self._target(window, start, length, width)
            if self._task.second_holes and self._random.random() < self._task.second_holes:
                second[:, row] = self._second_hole(targets[row], width)
        starts, lengths, widths = places
        canvases, weights = add_noise(
            targets,
            lengths,
            widths,
            self._task,
            self._vocab_size,
            self._random,
            second if self._task.second_holes else None,
        )
        return Batch(long[:, : sizes.prefix_length], starts, targets, canvases, weights)

    def _turn_to(self, index: int | None) -> None:
        number = self._drawn if index is None else index
        self._drawn = number + 1
        self._random = np.random.default_rng([self._seed, number])

    def _hole(self, window: np.ndarray) -> tuple[int, int]:
        """Return where a hole begins (1 .. P) and how many tokens it holds (0 .. the largest width)."""
        limit, random = self._sizes.prefix_length, self._random
        kind = random.choice(5, p=_KIND_SHARES)
        lines = np.flatnonzero(window == self._newline)
        for _ in range(8):
            start = int(random.integers(1, limit))
            if kind == _SPAN:
                return start, int(random.integers(0, 25))
            if kind == _BRACKETS:
                openers = np.flatnonzero(np.isin(window[start : start + 32], list(self._closers))) + start
                if len(openers) and (found := self._bracketed(window, int(openers[0]))) is not None:
                    return found
                continue
            line = int(np.searchsorted(lines, start))
            if line + 1 >= len(lines):
                continue
            begin, end = int(lines[line]) + 1, int(lines[line + 1])
            if begin < end and self._is_blank[window[begin]]:
                begin += 1
            if kind == _REST:
                seams = np.flatnonzero(self._is_seam[window[begin:end]]) + begin + 1
                anywhere = random.random() < 0.4 or not len(seams)
                begin = int(random.integers(begin, max(begin + 1, end))) if anywhere else int(random.choice(seams))
                if end > begin and window[end - 1] == self._colon and random.random() < 0.5:
                    end -= 1
            elif kind == _LINES:
                last = min(line + int(random.integers(2, 6)), len(lines) - 1)
                end = int(lines[last])
            if begin < limit and 0 < end - begin <= WIDTHS[-1]:
                return begin, end - begin
        return int(random.integers(1, limit)), int(random.integers(1, 25))

    def _bracketed(self, window: np.ndarray, opener: int) -> tuple[int, int] | None:
        """Return the hole between an opener and its closer when it is short enough, else None."""
        left, right, depth = window[opener], self._closers[int(window[opener])], 0
        for place in range(opener, min(opener + WIDTHS[-1], len(window))):
            depth += int(window[place] == left) - int(window[place] == right)
            if depth == 0:
                inside = place - opener - 1
                return (opener + 1, inside) if opener + 1 < self._sizes.prefix_length else None
        return None

    def _width(self, length: int) -> int:
        """Draw the hole's width among those that the fill fits in, without looking further at the fill."""
        if self._task.fitting_widths:
            return next(width for width in WIDTHS if width >= length)
        possible = [(width, share) for width, share in zip(WIDTHS, _WIDTH_SHARES, strict=True) if width >= length]
        shares = np.array([share for _, share in possible])
        return possible[int(self._random.choice(len(possible), p=shares / shares.sum()))][0]

    def _target(self, window: np.ndarray, start: int, length: int, width: int) -> np.ndarray:
        """Return the clean canvas: the fill, slack up to the width, then the suffix up to its file's end."""
        target = np.full(self._sizes.canvas_length, PAD, np.int64)
        target[:length] = window[start : start + length]
        target[length:width] = SLACK
        suffix = window[start + length : start + length + self._sizes.canvas_length - width]
        ends = np.flatnonzero(suffix == EOS)
        suffix = suffix[: ends[0] + 1] if len(ends) else suffix
        target[width : width + len(suffix)] = suffix
        return target

    def _second_hole(self, target: np.ndarray, begin: int) -> tuple[int, int, int]:
        """Open another hole in the suffix, which begins at `begin`; return its place, length and width, else zeros."""
        known = int(self._random.integers(1, _MAX_BETWEEN + 1))
        width = _SECOND_WIDTHS[int(self._random.integers(len(_SECOND_WIDTHS)))]
        length = int(self._random.integers(1, width + 1))
        place = begin + known
        breaks = np.flatnonzero(target[place + 1 : place + width] == self._newline)
        if len(breaks) and self._random.random() < 0.7:  # Most holes end with their line.
            length = int(breaks[0]) + 1
        end = place + width
        if end + _LEAST_SUFFIX > len(target) or np.isin(target[begin : place + length], (PAD, EOS)).any():
            return 0, 0, 0
        target[end:] = target[place + length : len(target) - width + length].copy()
        target[place + length : end] = SLACK
        return place, length, width
