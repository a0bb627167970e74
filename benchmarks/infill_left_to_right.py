"""The baseline of the infill benchmark: a checkpoint's own causal encoder writes left to right from the prefix alone.

Same weights, same prefix budget, same seam (token healing) and same forbidden tokens as a fill. It is greedy, keeps its
key-value cache, and never reads the suffix while it writes; `cut` reads it afterwards, to decide where to stop.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from engine.api import FillRequest
from engine.bench.left_to_right import next_logits
from engine.models import checkpoint
from engine.profile import read
from engine.seam import Seams, Seamstress

_OPENING, _CLOSING = "([{", ")]}"
# What a suffix may begin with that ends an expression wherever it stands outside brackets, or a word of its own.
_FIRST_TOKEN = re.compile(r"[)\]},:;]|(?<=\s)\w+\b")


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, what it cost: a pass of the encoder a token, and milliseconds with the prefix's encoding."""

    text: str
    passes: int
    ms: float


class LeftToRight:
    """A checkpoint as a plain next-token model."""

    def __init__(self, folder: Path, device: str) -> None:
        self._adapter = checkpoint.load(folder, device=device, dtype=torch.float32)
        self.profile = read(self._adapter.declared, self._adapter.max_canvas_tokens)
        self._size = self._adapter.vocab_size
        self._seamstress = Seamstress(Tokenizer.from_file(str(folder / "tokenizer.json")), self._size)
        texts = self._seamstress.token_texts
        self._never = self._mask([index for index, text in enumerate(texts) if not text])
        self._breaks = self._mask(list(self._seamstress.line_break_ids))

    @torch.inference_mode()
    def write(self, request: FillRequest) -> Written:
        """Write `exact_hole_tokens`, or where there are none until `cut` finds the end or `max_hole_tokens` stand.

        Told the number of tokens, a hole of one line gets no line break; untold, a line break is its end.
        """
        started = time.perf_counter()
        seams = self._seamstress.cut(request, self.profile.max_prefix_tokens, 1)
        exact = request.exact_hole_tokens
        self._adapter.forget_prefixes()
        prefix = self._adapter.prefill(seams.prefix_ids)
        ids: list[int] = []
        text = ""
        end: int | None = None
        while end is None and len(ids) < (exact or request.max_hole_tokens):
            if ids:
                prefix = self._adapter.extended(prefix, ids[-1:])
            logits = next_logits(self._adapter, prefix)
            best = int(logits.masked_fill(self._forbidden(request, seams, len(ids)), -torch.inf).argmax())
            if bool(self._breaks[best]) and not request.multiline:
                break
            ids.append(best)
            text = self._seamstress.text(ids)[len(seams.typed) :]
            end = None if exact else cut(text, request)
        if exact is None:
            text = text[:end] if end is not None else unfinished(text, request)
        return Written(text.rstrip(), len(ids), (time.perf_counter() - started) * 1000)

    def _forbidden(self, request: FillRequest, seams: Seams, place: int) -> Tensor:
        """Return what may not stand at a place, [V] bool: as in a fill, no line break comes first."""
        forbidden = self._never
        if place == 0 or (request.exact_hole_tokens is not None and not request.multiline):
            forbidden = forbidden | self._breaks
        if place == 0 and seams.first_ids:
            forbidden = forbidden | ~self._mask(list(seams.first_ids))
        return forbidden

    def _mask(self, ids: list[int]) -> Tensor:
        mask = torch.zeros(self._size, dtype=torch.bool, device=self._adapter.device)
        mask[ids] = True
        return mask


def cut(written: str, request: FillRequest) -> int | None:
    """Return where a text written so far has come to the hole's end, or None: the most charitable of plain rules.

    The end is the earliest place outside brackets opened since where the rest of the suffix's line begins in the text,
    or the first token of that rest where it is a closing bracket, a separator or a word after white space; where the
    rest begins with a closing bracket, any bracket that closes what nothing opened is the end too. Where the rest is
    blank and the hole has several lines, the end is before a line that is the suffix's next one, or that is
    indented less than the line on which the hole begins.
    """
    rest = request.suffix.split("\n", 1)[0]
    if rest.strip():
        return _where_rest_begins(written, rest)
    return _where_block_ends(written, request) if request.multiline else None


def unfinished(written: str, request: FillRequest) -> str:
    """Return what to keep of a text in which no end was found: its whole lines; of a line that goes on, the first."""
    if "\n" not in written:
        return written
    keeps_first = bool(request.suffix.split("\n", 1)[0].strip())
    return written.split("\n", 1)[0] if keeps_first else written.rsplit("\n", 1)[0]


def _where_rest_begins(written: str, rest: str) -> int | None:
    first = _FIRST_TOKEN.search(rest)
    leading = len(rest) - len(rest.lstrip())
    token = first.group() if first is not None and first.start() == leading else ""
    depth = 0
    for place, character in enumerate(written):
        if depth == 0 and written.startswith(rest.strip(), place) and (leading == 0 or _after_space(written, place)):
            return place
        if depth == 0 and token and _stands_at(written, place, token):
            return place
        depth += (character in _OPENING) - (character in _CLOSING)
        if depth < 0:
            return place if token in _CLOSING and token else None
    return None


def _stands_at(written: str, place: int, token: str) -> bool:
    if not written.startswith(token, place):
        return False
    if not token[0].isalnum() and token[0] != "_":
        return True
    end = place + len(token)
    # The word must be over: what follows it is written already.
    return _after_space(written, place) and end < len(written) and not (written[end].isalnum() or written[end] == "_")


def _after_space(written: str, place: int) -> bool:
    return place == 0 or written[place - 1].isspace()


def _where_block_ends(written: str, request: FillRequest) -> int | None:
    following = next((line.strip() for line in request.suffix.split("\n") if line.strip()), None)
    begun_on = request.prefix.rsplit("\n", 1)[-1]
    indentation = _indentation(begun_on if begun_on.strip() else begun_on + "x")
    place = written.find("\n")
    while place >= 0:
        stop = written.find("\n", place + 1)
        line = written[place + 1 :] if stop < 0 else written[place + 1 : stop]
        if line.strip() and (_indentation(line) < indentation or (stop >= 0 and line.strip() == following)):
            return place
        place = stop
    return None


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())
