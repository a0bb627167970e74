"""A causal checkpoint's tokenizer, made to encode pieces of a text: what stands before and after a hole.

Tokenizers of the SentencePiece kind put a space before whatever they encode and take it away from whatever they decode,
which is right for whole texts alone. Marks that a tokenizer does not call special would be read out of source code that
names them, and written into it. Here both is put right. It knows a tokenizer's JSON: no model and no request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

from engine.models.fim import CONVENTIONS

_CONTROL = re.compile(r"<[|｜].+[|｜]>|<\[.+\]>")
_MARKS = frozenset(part for convention in CONVENTIONS for part in convention.layout if isinstance(part, str))


@dataclass(frozen=True, slots=True)
class CausalTokenizer:
    """A tokenizer for pieces of text, and the ids that every text of its checkpoint begins with."""

    tokenizer: Tokenizer
    begin_ids: tuple[int, ...]


def causal_tokenizer(tokenizer: Tokenizer) -> CausalTokenizer:
    """Return a checkpoint's tokenizer as it is wanted here."""
    pieces = Tokenizer.from_str(json.dumps(for_pieces(json.loads(tokenizer.to_str()))))
    pieces.encode_special_tokens = True  # What looks like a mark in source code is text.
    return CausalTokenizer(pieces, _begin_ids(tokenizer))


def for_pieces(described: dict[str, Any]) -> dict[str, Any]:
    """Return a tokenizer's JSON without the space at the beginning, and with all marks special."""
    for node in _nodes(described.get("pre_tokenizer"), described.get("decoder")):
        if "prepend_scheme" in node:
            node["prepend_scheme"] = "never"
        if "add_prefix_space" in node:
            node["add_prefix_space"] = False
        if node.get("type") == "Strip" and node.get("content") == " ":
            node["start"] = 0
    normalizer = described.get("normalizer")
    if isinstance(normalizer, dict):
        if normalizer.get("type") == "Prepend":
            described["normalizer"] = None
        for node in _nodes(normalizer):
            if isinstance(node.get("normalizers"), list):
                node["normalizers"] = [each for each in node["normalizers"] if each.get("type") != "Prepend"]
    for token in described.get("added_tokens") or ():
        if token["content"] in _MARKS or _CONTROL.fullmatch(token["content"]):
            token["special"] = True
    return described


def _begin_ids(tokenizer: Tokenizer) -> tuple[int, ...]:
    """Return what the tokenizer puts before a text, without what it puts after it."""
    around, text = tokenizer.encode("a").ids, tokenizer.encode("a", add_special_tokens=False).ids
    start = next((at for at in range(len(around)) if around[at : at + len(text)] == text), 0)
    return tuple(around[:start])


def _nodes(*roots: object) -> Iterator[dict[str, Any]]:
    for root in roots:
        if isinstance(root, dict):
            yield root
            yield from _nodes(*root.values())
        elif isinstance(root, list):
            yield from _nodes(*root)
