"""Judge a network on held-out text, in nats a character, so that checkpoints of any vocabulary compare.

A hole is the rest of a line of code from a seam on. The whole hole is noise, its width is the same for all holes, and
the suffix is clean: the hardest form, and the one that needs no sampling. Three figures: the loss of the fill's tokens
in one pass, the loss of the next token, and whether the predicted length follows the true one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from engine.training.holes import WIDTHS, Sizes
from engine.training.network import Network
from engine.training.noise import Task
from engine.training.scores import rank_correlation
from engine.training.tokenizer import MASK, PAD, SLACK, SPECIAL_TOKENS

_MIN_CHARS, _MAX_CHARS = 3, WIDTHS[-1] - 1  # A character is at most a token, so that every vocabulary's hole fits.
_PREFIX_CHARS, _SUFFIX_CHARS = 3000, 300
_SEAM = re.compile(r"(?<=[=(\[,.:])|(?<=\breturn)|(?<=\bif)|(?<=\bin)")
_ROWS, _READ_TOKENS = 16, 64


@dataclass(frozen=True, slots=True)
class Hole:
    """Text on both sides of a hole, and what stands in it."""

    prefix: str
    fill: str
    suffix: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """Lower losses are better; the correlation is of token counts, in [-1, 1]."""

    denoising: float  # nats a character of the fill, all of it noise, suffix known
    next_token: float  # nats a character of the prefix's end
    length_correlation: float  # rank correlation of the first place where the text has likelier ended, and the end


def draw(texts: Sequence[str], count: int, seed: int = 7) -> list[Hole]:
    """Return `count` holes in lines of the texts, always the same ones for the same texts.

    Raises: ValueError when the texts hold hardly any line with a seam.
    """
    chosen = random.Random(seed)
    holes: list[Hole] = []
    for _ in range(50 * count):
        text = chosen.choice(texts)
        start = text.rfind("\n", 0, chosen.randrange(len(text) + 1)) + 1
        line = text[start:].partition("\n")[0]
        seams = [match.end() for match in _SEAM.finditer(line) if _MIN_CHARS <= len(line) - match.end() <= _MAX_CHARS]
        if not seams or not line.isascii():
            continue
        begin, end = start + chosen.choice(seams), start + len(line)
        prefix = text[max(0, begin - _PREFIX_CHARS) : begin]
        holes.append(Hole(prefix, text[begin:end], text[end : end + _SUFFIX_CHARS]))
        if len(holes) == count:
            return holes
    raise ValueError(f"only {len(holes)} of {count} holes were found in the held-out text; give more of it")


@torch.no_grad()
def judge(
    network: Network, tokenizer: Tokenizer, holes: Sequence[Hole], sizes: Sizes, task: Task | None = None
) -> Judgement:
    """Return the three figures over the holes; the noise is the task's."""
    denoising = next_token = 0.0
    characters = read = 0
    lengths: list[tuple[float, float]] = []
    for first in range(0, len(holes), _ROWS):
        rows = [_Row(hole, tokenizer, sizes) for hole in holes[first : first + _ROWS]]
        prefix, starts, canvas = (torch.from_numpy(array).to(network.embedding.device) for array in _stack(rows, task))
        hidden, cache = network.encode(prefix)
        logits = network.logits(network.decode(canvas, starts, cache)[:, : WIDTHS[-1]]).log_softmax(-1)
        for index, row in enumerate(rows):
            fill = torch.tensor(row.fill, device=logits.device)
            denoising -= float(logits[index, : len(fill)].gather(-1, fill[:, None]).sum())
            end = len(row.prefix)
            begin = max(1, end - _READ_TOKENS)
            predicted = network.logits(hidden[index, begin - 1 : end - 1])
            next_token += float(F.cross_entropy(predicted, prefix[index, begin:end], reduction="sum"))
            read += len(tokenizer.decode(row.prefix[begin:]))
            ended = (logits[index, :, SLACK].exp() > 0.5).tolist()  # the rule of `engine.length`
            lengths.append((float(ended.index(True) if True in ended else WIDTHS[-1]), float(len(fill))))
            characters += row.characters
    return Judgement(denoising / characters, next_token / read, rank_correlation(lengths))


class _Row:
    """A hole as token ids: the prefix's end, the fill, and the suffix head that the canvas has room for."""

    def __init__(self, hole: Hole, tokenizer: Tokenizer, sizes: Sizes) -> None:
        self.prefix: list[int] = tokenizer.encode(hole.prefix).ids[-sizes.prefix_length :]
        self.fill: list[int] = tokenizer.encode(hole.fill).ids
        self.suffix: list[int] = tokenizer.encode(hole.suffix).ids[: sizes.canvas_length - WIDTHS[-1]]
        self.characters = len(hole.fill)


def _stack(rows: Sequence[_Row], task: Task | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return prefixes padded on the right, where no canvas looks, the canvases' starts, and the canvases."""
    longest = max(len(row.prefix) for row in rows)
    prefix = np.array([row.prefix + [PAD] * (longest - len(row.prefix)) for row in rows])
    width, length = WIDTHS[-1], WIDTHS[-1] + max(len(row.suffix) for row in rows)
    canvas = np.full((len(rows), length), MASK, np.int64)
    if task is not None and task.noise == "uniform":
        low, high = len(SPECIAL_TOKENS), 1 + max(max(row.prefix) for row in rows)
        canvas = np.random.default_rng(0).integers(low, high, canvas.shape)
    for index, row in enumerate(rows):
        canvas[index, width:] = row.suffix + [PAD] * (length - width - len(row.suffix))
    return prefix, np.array([len(row.prefix) for row in rows]), canvas
