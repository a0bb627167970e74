"""From text to token ids at the two seams of a hole, and back.

The caret may split a token: `x = |` leaves a lone space, `self.na|` half a name. That part of the prefix goes into the
hole, and the first hole token must begin with it (token healing). It knows a tokenizer and texts, no tensors.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from tokenizers import Tokenizer

from engine.api import FillRequest

# What a token may have been split after: a space before a word, a word, or both.
_SPLIT_TOKEN = re.compile(r"(?<=[^\s])(?: _*[A-Za-z]*| ?_*[A-Za-z]+)\Z|(?<![A-Za-z_])_*[A-Za-z]+\Z")
# Text beyond this many characters a token is not worth tokenising: the budget is long spent.
_CHARS_PER_TOKEN = 8


@dataclass(frozen=True, slots=True)
class Seams:
    """A hole's surroundings as ids. `typed` is the end of the prefix that the first hole token must begin with."""

    prefix_ids: list[int]
    suffix_ids: list[int]
    typed: str
    first_ids: tuple[int, ...]  # what the first hole token may be; empty: anything


class Seamstress:
    """Cuts prefixes and suffixes at token boundaries for one tokenizer."""

    def __init__(self, tokenizer: Tokenizer, num_ids: int) -> None:
        self._tokenizer, self._num_ids = tokenizer, num_ids
        tokenizer.no_padding()
        tokenizer.no_truncation()

    @cached_property
    def token_texts(self) -> tuple[str, ...]:
        """The text of every id; empty for special tokens and for ids that the tokenizer does not have."""
        size = self._tokenizer.get_vocab_size()
        ids = [[index] for index in range(min(size, self._num_ids))]
        texts = self._tokenizer.decode_batch(ids, skip_special_tokens=True)
        return (*texts, *("" for _ in range(self._num_ids - len(texts))))

    @cached_property
    def line_break_ids(self) -> tuple[int, ...]:
        """The ids whose text holds a line break."""
        return tuple(index for index, text in enumerate(self.token_texts) if "\n" in text or "\r" in text)

    def id_of(self, *names: str) -> int | None:
        """Return the id of the first of these tokens that there is."""
        return next((found for name in names if (found := self._tokenizer.token_to_id(name)) is not None), None)

    def cut(self, request: FillRequest, max_prefix_tokens: int, max_suffix_tokens: int) -> Seams:
        """Tokenise both sides within their budgets: the prefix's end and the suffix's beginning are kept.

        The beginning and the end of the file are marked where they are in reach and the tokenizer has marks for them.
        A prefix that is too long loses whole steps, so that a keystroke leaves its beginning where it was.
        """
        typed, first_ids = self._heal(request.prefix)
        kept = request.prefix[: len(request.prefix) - len(typed)]
        near = kept[_excess(len(kept), max_prefix_tokens * _CHARS_PER_TOKEN) :]
        bos, eos = self.id_of("<bos>", "<s>"), self.id_of("<eos>", "</s>")
        is_whole = request.starts_file and len(near) == len(kept)
        prefix_ids = [*([bos] if bos is not None and is_whole else []), *self._encode(_clean(near))]
        prefix_ids = prefix_ids[_excess(len(prefix_ids), max_prefix_tokens) :] or [bos if bos is not None else 0]
        suffix_ids = self._encode(_clean(request.suffix[: max_suffix_tokens * _CHARS_PER_TOKEN]))
        if eos is not None and request.ends_file and len(suffix_ids) < max_suffix_tokens:
            suffix_ids = [*suffix_ids, eos]
        return Seams(prefix_ids, suffix_ids[:max_suffix_tokens], typed, first_ids)

    def num_hole_tokens(self, request: FillRequest, fill: str) -> int:
        """Return how many tokens a fill of this request's hole takes, what was typed of the first one included."""
        typed, _ = self._heal(request.prefix)
        return len(self._encode(_clean(typed + fill)))

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of hole ids."""
        decoded: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return decoded

    def _heal(self, prefix: str) -> tuple[str, tuple[int, ...]]:
        split = _SPLIT_TOKEN.search(prefix[-64:])
        if split is None:
            return "", ()
        typed = split.group()
        # A token that goes on with white space is indentation, or a wider gap than was typed.
        first_ids = tuple(
            index
            for index, text in enumerate(self.token_texts)
            if text.startswith(typed) and not text[len(typed) :][:1].isspace()
        )
        return (typed, first_ids) if first_ids else ("", ())

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def _excess(length: int, budget: int) -> int:
    """Return how much to drop of what is too long: at least the excess, in steps of an eighth of the budget."""
    step = max(1, budget // 8)
    return min(-(-max(0, length - budget) // step) * step, length)


def _clean(text: str) -> str:
    """Return the text with lone surrogates replaced, which tokenizers refuse, and `\\n` line ends, which they know."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\r\n", "\n")
