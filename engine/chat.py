"""The chat scaffold of instruction-tuned Gemma checkpoints: a user's turn, and the beginning of the model's answer.

It knows the marks by their names in a tokenizer and how turns are laid out; what is said in them is not its concern.

Source: the chat template of the published Gemma 4 checkpoints (DiffusionGemma's tokenizer is theirs), rendered with
`add_generation_prompt` and without thinking. Differs: a turn's text is encoded apart from the marks, so that a mark's
name in source code stays text, and the answer may have begun.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from engine.api import CheckpointError

IdOf = Callable[[str], int | None]
"""The id of a token by its name; None where there is no such token."""

# A text begins; a turn begins and ends; a channel, which is where the model thinks, begins and ends.
_NAMES = ("<bos>", "<|turn>", "<turn|>", "<|channel>", "<channel|>")
_EOS = "<eos>"
_USER, _MODEL, _BREAK, _NO_THOUGHT = "user\n", "model\n", "\n", "thought\n"


@dataclass(frozen=True, slots=True)
class Marks:
    """The ids of the scaffold in one tokenizer. `eos` ends a text; not every tokenizer has it."""

    bos: int
    turn: int
    end_turn: int
    channel: int
    end_channel: int
    eos: int | None

    @property
    def end_ids(self) -> frozenset[int]:
        """Return what stands where the answer has ended."""
        return frozenset({self.end_turn} if self.eos is None else {self.end_turn, self.eos})


def has_marks(id_of: IdOf) -> bool:
    """Tell whether a tokenizer has the whole scaffold."""
    return all(id_of(name) is not None for name in _NAMES)


def marks_of(id_of: IdOf) -> Marks:
    """Find the scaffold in a tokenizer. Raises: CheckpointError naming what is missing."""
    ids = [found for name in _NAMES if (found := id_of(name)) is not None]
    if len(ids) < len(_NAMES):
        missing = ", ".join(name for name in _NAMES if id_of(name) is None)
        raise CheckpointError(
            f"the tokenizer has no {missing}, which the prompted form needs; "
            'set `infill.form` to "clamped" in config.json or choose another checkpoint'
        )
    bos, turn, end_turn, channel, end_channel = ids
    return Marks(bos, turn, end_turn, channel, end_channel, id_of(_EOS))


def turn_ids(marks: Marks, encode: Callable[[str], Sequence[int]], said: str) -> list[int]:
    """Return a user's turn and the beginning of the model's, thinking skipped; the answer comes next.

    White space around what is said is dropped, as the template does.
    """
    return [
        *(marks.bos, marks.turn, *encode(_USER + said.strip()), marks.end_turn, *encode(_BREAK)),
        *(marks.turn, *encode(_MODEL), marks.channel, *encode(_NO_THOUGHT), marks.end_channel),
    ]


def reads_marks_as_text(tokenizer: Tokenizer) -> Tokenizer:
    """Return the tokenizer such that source code which names a mark is encoded as the text that it is.

    A mark that the tokenizer does not call special becomes so; no fill ever holds one.
    """
    added = tokenizer.get_added_tokens_decoder().values()
    if any(token.content in _NAMES and not token.special for token in added):
        described = json.loads(tokenizer.to_str())
        for token in described["added_tokens"]:
            token["special"] = token["special"] or token["content"] in _NAMES
        tokenizer = Tokenizer.from_str(json.dumps(described))
    tokenizer.encode_special_tokens = True
    return tokenizer
