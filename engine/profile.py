"""What a checkpoint declares about itself: noise, slack, sizes. Read once at loading; it knows no tensors.

A checkpoint of the published kind declares nothing and gets what the published sampler assumes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.api import CheckpointError, NoiseKind
from engine.confidence import Calibration, calibration


@dataclass(frozen=True)
class Profile:
    """How a checkpoint wants to be run."""

    noise: NoiseKind = "uniform"
    mask_token_id: int | None = None
    slack_token_id: int | None = None  # stands at hole positions after the fill's end, where the checkpoint knows slack
    self_conditioning: bool = True
    max_prefix_tokens: int = 2048
    canvas_tokens: int = 64  # hole and suffix head together
    hole_widths: tuple[int, ...] = (8, 16, 32, 48)  # in tokens, ascending
    confidence: Calibration | None = None  # how sure its fills are; None: it was never measured
    languages: tuple[str, ...] = ()  # the ids of those it was trained on; none: many

    @property
    def knows_slack(self) -> bool:
        """Whether a hole may be wider than its fill."""
        return self.slack_token_id is not None

    def knows_language(self, language: str) -> bool:
        """Whether fills of a language are worth showing unasked; a request need not name one."""
        return not (self.languages and language) or language in self.languages


def read(declared: Mapping[str, Any], canvas_length: int) -> Profile:
    """Return the profile in a configuration's `infill` section; an empty section gives the published defaults.

    Raises: CheckpointError naming the first entry that makes no sense.
    """
    if not declared:
        canvas_tokens = min(Profile.canvas_tokens, canvas_length)
        widths = tuple(width for width in Profile.hole_widths if width < canvas_tokens)
        return Profile(canvas_tokens=canvas_tokens, hole_widths=widths or (max(1, canvas_tokens // 2),))
    try:
        profile = Profile(
            noise=declared["noise"],
            mask_token_id=declared.get("mask_token_id"),
            slack_token_id=declared.get("slack_token_id"),
            self_conditioning=bool(declared.get("self_conditioning", True)),
            max_prefix_tokens=int(declared["max_prefix_tokens"]),
            canvas_tokens=canvas_length,
            hole_widths=tuple(sorted(int(width) for width in declared["hole_widths"])),
            confidence=calibration(declared["confidence"]) if declared.get("confidence") is not None else None,
            languages=tuple(str(language) for language in declared.get("languages", ())),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the checkpoint's `infill` section is not usable ({error!r}); choose another one"
        ) from error
    if profile.noise not in ("mask", "uniform") or (profile.noise == "mask" and profile.mask_token_id is None):
        raise CheckpointError(
            f"the checkpoint declares noise {profile.noise!r} without what it needs; choose another one"
        )
    if not profile.hole_widths or not 0 < profile.hole_widths[0] <= profile.hole_widths[-1] < canvas_length:
        raise CheckpointError("the checkpoint's hole widths do not fit its canvas; choose another one")
    return profile
