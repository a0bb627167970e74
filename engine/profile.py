"""What a checkpoint declares about itself: noise, slack, sizes. Read once at loading; it knows no tensors.

A checkpoint of the published kind declares nothing and gets what the published sampler assumes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from engine.api import CheckpointError, NoiseKind
from engine.confidence import Calibration, calibration

Form = Literal["clamped", "prompted", "both"]
"""What is read before the canvas: the prefix as it is; a chat turn that shows the file; that where words come with it.

See `engine.forms`.
"""


@dataclass(frozen=True)
class Profile:
    """How a checkpoint wants to be run."""

    noise: NoiseKind = "uniform"
    mask_token_id: int | None = None
    slack_token_id: int | None = None  # stands at hole positions after the fill's end, where the checkpoint knows slack
    # What grows a hole where it stands, and what takes its position out, where the checkpoint knows both.
    expand_token_id: int | None = None
    delete_token_id: int | None = None
    self_conditioning: bool = True
    max_prefix_tokens: int = 2048
    canvas_tokens: int = 64  # hole and suffix head together
    hole_widths: tuple[int, ...] = (8, 16, 32, 48)  # in tokens, ascending
    confidence: Calibration | None = None  # how sure its fills are; None: it was never measured
    languages: tuple[str, ...] = ()  # the ids of those it was trained on; none: many
    form: Form = "clamped"
    max_suffix_tokens: int = 1024  # of what a chat turn shows behind the hole
    suffix_head_tokens: int | None = None  # so many stand on the canvas at most; None: as many as it has room for
    # Whether a fill that is wider than every hole is written canvas after canvas (`engine.long_fill`).
    several_canvases: bool = False

    @property
    def knows_slack(self) -> bool:
        """Whether a hole may be wider than its fill."""
        return self.slack_token_id is not None

    @property
    def resizes_holes(self) -> bool:
        """Whether the checkpoint grows and shrinks a hole while it fills it."""
        return self.expand_token_id is not None and self.delete_token_id is not None

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
            expand_token_id=declared.get("expand_token_id"),
            delete_token_id=declared.get("delete_token_id"),
            self_conditioning=bool(declared.get("self_conditioning", True)),
            max_prefix_tokens=int(declared["max_prefix_tokens"]),
            canvas_tokens=canvas_length,
            hole_widths=tuple(sorted(int(width) for width in declared["hole_widths"])),
            confidence=calibration(declared["confidence"]) if declared.get("confidence") is not None else None,
            languages=tuple(str(language) for language in declared.get("languages", ())),
            form=declared.get("form", Profile.form),
            max_suffix_tokens=int(declared.get("max_suffix_tokens", Profile.max_suffix_tokens)),
            suffix_head_tokens=None if (head := declared.get("suffix_head_tokens")) is None else int(head),
            several_canvases=bool(declared.get("several_canvases", False)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the checkpoint's `infill` section is not usable ({error!r}); choose another one"
        ) from error
    if profile.noise not in ("mask", "uniform") or (profile.noise == "mask" and profile.mask_token_id is None):
        raise CheckpointError(
            f"the checkpoint declares noise {profile.noise!r} without what it needs; choose another one"
        )
    if profile.form not in get_args(Form):
        raise CheckpointError(f"the checkpoint declares the form {profile.form!r}; choose {', '.join(get_args(Form))}")
    if not profile.hole_widths or not 0 < profile.hole_widths[0] <= profile.hole_widths[-1] < canvas_length:
        raise CheckpointError("the checkpoint's hole widths do not fit its canvas; choose another one")
    return profile
