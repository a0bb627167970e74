"""Fill in the middle: how causal checkpoints were taught to read what stands on both sides of a hole.

A convention is the order in which prefix, suffix and a few marks stand; the fill is written after them. It is found by
the names of the marks in a tokenizer. Plain data and ids: it knows no tokenizer, no model and no text.

Sources: Qwen2.5-Coder and CodeGemma (model cards), StarCoder (arXiv 2305.06161), Code Llama (arXiv 2308.12950 and
transformers' tokenizer), DeepSeek-Coder (arXiv 2401.14196), Seed-Coder (arXiv 2506.03524, suffix first), Codestral
(mistral-common, `encode_fim`: suffix first and no mark after the prefix), Mellum (arXiv 2510.05788, suffix first).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum


class Part(Enum):
    """What stands between the marks."""

    PREFIX = "prefix"
    SUFFIX = "suffix"


@dataclass(frozen=True, slots=True)
class Convention:
    """A layout by the names of its marks. One that shares its marks with another one has to be declared."""

    name: str
    layout: tuple[str | Part, ...]
    must_be_declared: bool = False


_PREFIX, _SUFFIX = Part.PREFIX, Part.SUFFIX
CONVENTIONS = (
    # Also of CodeGemma, Qwen3-Coder and Granite 4.
    Convention("qwen", ("<|fim_prefix|>", _PREFIX, "<|fim_suffix|>", _SUFFIX, "<|fim_middle|>")),
    # Also of StarCoder2, Granite Code and Stable Code.
    Convention("starcoder", ("<fim_prefix>", _PREFIX, "<fim_suffix>", _SUFFIX, "<fim_middle>")),
    Convention("santacoder", ("<fim-prefix>", _PREFIX, "<fim-suffix>", _SUFFIX, "<fim-middle>")),
    Convention("codellama", ("▁<PRE>", _PREFIX, "▁<SUF>", _SUFFIX, "▁<MID>")),
    Convention("deepseek", ("<｜fim▁begin｜>", _PREFIX, "<｜fim▁hole｜>", _SUFFIX, "<｜fim▁end｜>")),
    Convention("seed-coder", ("<[fim-suffix]>", _SUFFIX, "<[fim-prefix]>", _PREFIX, "<[fim-middle]>")),
    Convention("codestral", ("[SUFFIX]", _SUFFIX, "[PREFIX]", _PREFIX)),
    Convention("mellum", ("<fim_suffix>", _SUFFIX, "<fim_prefix>", _PREFIX, "<fim_middle>"), must_be_declared=True),
)
_END_NAMES = (
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|EOT|>",
    "▁<EOT>",
    "<｜end▁of▁sentence｜>",
    "<[end▁of▁sentence]>",
    "<end_of_turn>",
    "<turn|>",
    "<|fim_pad|>",
    "<fim_pad>",
    "<fim-pad>",
    "<|file_sep|>",
    "<|file_separator|>",
    "<file_sep>",
    "<filename>",
    "<|repo_name|>",
    "<repo_name>",
)
"""A text ends, or another file begins: after a fill each of them says that there is no more of it.

Names that are words of a markup language too, such as `</s>`, are left to the configuration.
"""

IdOf = Callable[[str], int | None]
"""The id of a token by its name; None where there is no such token."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A convention in the ids of one tokenizer."""

    name: str
    parts: tuple[int | Part, ...]

    @property
    def mark_ids(self) -> tuple[int, ...]:
        """Return the ids of the marks."""
        return tuple(part for part in self.parts if isinstance(part, int))


def find(id_of: IdOf, declared: str | None = None) -> Layout | None:
    """Return the convention that a tokenizer has all marks of; `declared` names the one that it must be.

    Raises: ValueError where the declared one is unknown, or a mark of it is missing.
    """
    for convention in CONVENTIONS:
        if convention.name != declared and (declared is not None or convention.must_be_declared):
            continue
        parts = tuple(part if isinstance(part, Part) else id_of(part) for part in convention.layout)
        known = tuple(part for part in parts if part is not None)
        if len(known) == len(parts):
            return Layout(convention.name, known)
        if declared is not None:
            raise ValueError(f"the tokenizer lacks a mark of {declared!r}")
    if declared is not None:
        raise ValueError(f"{declared!r} is none of {', '.join(convention.name for convention in CONVENTIONS)}")
    return None


def end_ids(id_of: IdOf) -> frozenset[int]:
    """Return the ids of the tokens after which a text has ended."""
    return frozenset(found for name in _END_NAMES if (found := id_of(name)) is not None)


def prompt_ids(layout: Layout, prefix_ids: Sequence[int], suffix_ids: Sequence[int]) -> tuple[list[int], int]:
    """Lay prefix and suffix out as the convention does, the fill to be written next.

    Returns the ids, and how many of them stay as they are while the prefix grows at its end.
    """
    ids: list[int] = []
    num_stable = 0
    for part in layout.parts:
        if isinstance(part, int):
            ids.append(part)
        elif part is Part.PREFIX:
            ids += prefix_ids
            num_stable = len(ids)
        else:
            ids += suffix_ids
    return ids, num_stable
