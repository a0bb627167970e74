"""From text to token ids at the two seams of a hole, and back.

The caret may split a token: `x = |` leaves a lone space, `self.na|` half a name. That part of the prefix goes into the
hole, and the first hole token must begin with it (token healing). In `na|me` the rest of the word goes into the hole
too, and the fill must end with it. It knows a tokenizer and texts, no tensors.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from tokenizers import Tokenizer

from engine.api import FillRequest

# What a token may have been split after: a space before a word, a word, or both.
_SPLIT_TOKEN = re.compile(r"(?<=[^\s])(?: _*[A-Za-z]*| ?_*[A-Za-z]+)\Z|(?<![A-Za-z_])_*[A-Za-z]+\Z")
_WORD_BEGINNING, _WORD_END = re.compile(r"[A-Za-z_]+"), re.compile(r"[A-Za-z_]\Z")
# Text beyond this many characters a token is not worth tokenising: the budget is long spent.
_CHARS_PER_TOKEN = 8

EdgeTokens = tuple[tuple[str, ...], tuple[str, ...]]
EDGE_TOKENS: EdgeTokens = ("<bos>", "<s>"), ("<eos>", "</s>")


@dataclass(frozen=True, slots=True)
class FurtherSeam:
    """The fixed text left of a further hole as ids, at least one; `typed` and `first_ids` as for the first hole."""

    between_ids: tuple[int, ...]
    typed: str
    first_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Seams:
    """A hole's surroundings as ids.

    `typed` is the end of the prefix that the first hole token must begin with. `rest` is the beginning of the suffix
    that the last one must end with, where the hole is inside a word; suffix_ids begin behind it. What stands right of
    prefix_ids and left of the hole may be on the canvas too: `lead_ids`.
    """

    prefix_ids: list[int]
    suffix_ids: list[int]
    typed: str
    first_ids: tuple[int, ...]  # what the first hole token may be; empty: anything
    further: tuple[FurtherSeam, ...] = ()  # of the holes right of this one
    rest: str = ""
    lead_ids: tuple[int, ...] = ()


class Seamstress:
    """Cuts prefixes and suffixes at token boundaries for one tokenizer."""

    def __init__(self, tokenizer: Tokenizer, num_ids: int, edge_tokens: EdgeTokens = EDGE_TOKENS) -> None:
        """Cut for a model of `num_ids` ids; `edge_tokens` are the names that marks of a whole text may have."""
        self._tokenizer, self._num_ids, self._edge_tokens = tokenizer, num_ids, edge_tokens
        self._beginning_with = lru_cache(maxsize=64)(self._ids_beginning_with)
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

    @cached_property
    def line_break_set(self) -> frozenset[int]:
        """The same, to look up in."""
        return frozenset(self.line_break_ids)

    def id_of(self, *names: str) -> int | None:
        """Return the id of the first of these tokens that there is."""
        return next((found for name in names if (found := self._tokenizer.token_to_id(name)) is not None), None)

    @property
    def edge_ids(self) -> tuple[int | None, int | None]:
        """The ids of the tokens that begin and end a whole text, where the tokenizer has them."""
        begins, ends = self._edge_tokens
        return self.id_of(*begins), self.id_of(*ends)

    def cut(self, request: FillRequest, max_prefix_tokens: int, max_suffix_tokens: int, *, heals: bool = True) -> Seams:
        """Tokenise both sides within their budgets: the prefix's end and the suffix's beginning are kept.

        The beginning and the end of the file are marked where they are in reach and the tokenizer has marks for them.
        A prefix that is too long loses whole steps, so that a keystroke leaves its beginning where it was.
        Without `heals` the prefix is known to end with a token.
        """
        typed, first_ids = self.heal(request.prefix) if heals else ("", ())
        kept = request.prefix[: len(request.prefix) - len(typed)]
        near = kept[excess(len(kept), max_prefix_tokens * _CHARS_PER_TOKEN) :]
        bos, eos = self.edge_ids
        is_whole = request.starts_file and len(near) == len(kept)
        prefix_ids = [*([bos] if bos is not None and is_whole else []), *self._encode(clean(near))]
        prefix_ids = prefix_ids[excess(len(prefix_ids), max_prefix_tokens) :] or [_first_of(bos, eos)]
        rest = _rest_of_word(request) if heals else ""
        suffix_ids = self._encode(clean(request.suffix[len(rest) :][: max_suffix_tokens * _CHARS_PER_TOKEN]))
        if eos is not None and request.ends_file and len(suffix_ids) < max_suffix_tokens:
            suffix_ids = [*suffix_ids, eos]
        return Seams(prefix_ids, suffix_ids[:max_suffix_tokens], typed, first_ids, rest=rest)

    def tokens(self, text: str) -> list[tuple[int, int]]:
        """Return the id of each token of a text and the character that it ends before; a Windows line end is one."""
        encoding = self._tokenizer.encode(clean(text), add_special_tokens=False)
        return list(zip(encoding.ids, (end for _, end in encoding.offsets), strict=True))

    def further(self, request: FillRequest) -> tuple[FurtherSeam, ...]:
        """Tokenise what stands between the holes of a request."""
        return tuple(self._between(hole.between) for hole in request.further_holes)

    def _between(self, text: str) -> FurtherSeam:
        typed, first_ids = self.heal(text)
        if typed == text:  # Something fixed must be left to tell the holes apart.
            typed, first_ids = "", ()
        return FurtherSeam(tuple(self._encode(clean(text[: len(text) - len(typed)]))), typed, first_ids)

    def num_hole_tokens(self, request: FillRequest, fill: str) -> int:
        """Return how many tokens a fill of this request's hole takes, what was typed of the first one included."""
        typed, _ = self.heal(request.prefix)
        return len(self._encode(clean(typed + fill + _rest_of_word(request))))

    def ids_of(self, text: str) -> list[int]:
        """Return the ids of a text that begins and ends between tokens."""
        return self._encode(clean(text))

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of hole ids."""
        decoded: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return decoded

    def heal(self, prefix: str) -> tuple[str, tuple[int, ...]]:
        """Return the half token that a prefix ends with, if any, and the ids of the tokens that it may be half of."""
        split = _SPLIT_TOKEN.search(prefix[-64:])
        if split is None:
            return "", ()
        typed = split.group()
        # A word that no token begins with is several; its last half token is then what goes on.
        borders = self._tokenizer.encode(typed, add_special_tokens=False).offsets
        for start, _ in borders:
            if first_ids := self._beginning_with(typed[start:]):
                return typed[start:], first_ids
        return "", ()

    def _ids_beginning_with(self, typed: str) -> tuple[int, ...]:
        # A token that goes on with white space is indentation, or a wider gap than was typed.
        return tuple(
            index
            for index, text in enumerate(self.token_texts)
            if text.startswith(typed) and not text[len(typed) :][:1].isspace()
        )

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def _rest_of_word(request: FillRequest) -> str:
    """Return what the suffix begins with of a word that the hole is inside of, as in `na|me`."""
    before = request.further_holes[-1].between if request.further_holes else request.prefix
    goes_on = _WORD_BEGINNING.match(request.suffix)
    return goes_on.group() if goes_on and _WORD_END.search(before[-1:]) else ""


def _first_of(*ids: int | None) -> int:
    """Return what stands before a text that nothing stands before: the first of these ids that there is, else 0."""
    return next((index for index in ids if index is not None), 0)


def excess(length: int, budget: int) -> int:
    """Return how much to drop of what is too long: at least the excess, in steps of an eighth of the budget."""
    step = max(1, budget // 8)
    return min(-(-max(0, length - budget) // step) * step, length)


def clean(text: str) -> str:
    """Return the text with lone surrogates replaced, which tokenizers refuse, and `\\n` line ends, which they know."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\r\n", "\n")
