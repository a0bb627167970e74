"""What a causal checkpoint declares about itself under `infill` in its `config.json`, and what holds otherwise.

Read once at loading; it knows no tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.api import CheckpointError
from engine.confidence import Calibration, calibration

MAX_PREFIX_TOKENS, MAX_SUFFIX_TOKENS = 4096, 1024
_NO_CONVENTION = "none"


@dataclass(frozen=True, slots=True)
class CausalProfile:
    """How a causal checkpoint wants to be run."""

    max_prefix_tokens: int
    max_suffix_tokens: int
    convention: str | None = None  # the name of its fill-in-the-middle convention (engine/models/fim.py); None: look
    has_no_convention: bool = False  # its tokenizer has the marks, but it was not taught them
    confidence: Calibration | None = None  # how sure its fills are; None: it was never measured
    languages: tuple[str, ...] = ()  # the ids of those it was trained on; none: many

    def knows_language(self, language: str) -> bool:
        """Whether fills of a language are worth showing unasked; a request need not name one."""
        return not (self.languages and language) or language in self.languages


def read(declared: Mapping[str, Any], max_positions: int) -> CausalProfile:
    """Return the profile in a configuration's `infill` section, which may be empty.

    Raises: CheckpointError naming the first entry that makes no sense.
    """
    try:
        convention = declared.get("fill_in_the_middle")
        confidence = declared.get("confidence")
        max_prefix_tokens = int(declared.get("max_prefix_tokens", MAX_PREFIX_TOKENS))
        return CausalProfile(
            # Half of what the model can read, at least: the suffix and the fill need room too.
            max_prefix_tokens=max(1, min(max_prefix_tokens, max_positions // 2)),
            max_suffix_tokens=max(1, min(MAX_SUFFIX_TOKENS, max_positions // 8)),
            convention=None if convention in (None, _NO_CONVENTION) else str(convention),
            has_no_convention=convention == _NO_CONVENTION,
            confidence=None if confidence is None else calibration(confidence),
            languages=tuple(str(language) for language in declared.get("languages", ())),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the checkpoint's `infill` section is not usable ({error!r}); choose another one"
        ) from error
