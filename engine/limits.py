"""What may stand in the holes of a request: ids that no text has, line breaks, what a hole must begin with.

It knows one checkpoint's vocabulary and what a request allows; how a limit is kept is `engine.constraints`'.
"""

from __future__ import annotations

from typing import Any

from engine.api import FillRequest
from engine.constraints import Constraints, constraints
from engine.elastic_fill import can_resize
from engine.models.adapter import Adapter
from engine.profile import Profile
from engine.seam import FurtherSeam, Seams, Seamstress


class Limits:
    """The limits of one checkpoint."""

    def __init__(self, adapter: Adapter[Any], profile: Profile, seamstress: Seamstress) -> None:
        """Find the ids that are never written: those without a text, and those that mark texts or steer the model."""
        self._adapter, self._profile, self._seamstress = adapter, profile, seamstress
        self.pad_id = (seamstress.id_of("<pad>") or 0) if adapter.pad_id is None else adapter.pad_id
        textless = (index for index, text in enumerate(seamstress.token_texts) if not text)
        named = (index for index in (*seamstress.edge_ids, self.pad_id) if index is not None and index >= 0)
        self.never_ids = tuple(sorted({*adapter.unwritable_ids, *textless, *named} - {profile.slack_token_id}))

    def never(self, request: FillRequest) -> tuple[int, ...]:
        """Return the ids that a request's holes never hold; those that end or resize a hole are none where it may."""
        profile, slack_token_id = self._profile, self._profile.slack_token_id
        if can_resize(request, profile):
            resizing = (profile.expand_token_id, profile.delete_token_id)
            return tuple(token_id for token_id in self.never_ids if token_id not in resizing)
        if request.exact_hole_tokens is None or slack_token_id is None:
            return self.never_ids
        return (*self.never_ids, slack_token_id)

    def of(self, request: FillRequest, seams: Seams | FurtherSeam) -> Constraints:
        """Return the limits of one hole of a request."""
        breaks, never = self._seamstress.line_break_ids, self.never(request)
        return constraints(
            self._adapter.vocab_size,
            self._adapter.device,
            never=never if request.multiline else (*never, *breaks),
            first_ids=seams.first_ids,
            never_first=breaks,
        )

    def behind(self, request: FillRequest, seams: Seams | None, never: tuple[int, ...] | None = None) -> Constraints:
        """Return the limits of one canvas of several: of the first one with its seams, or of text that goes on.

        `never` are the ids that are written nowhere, where these are others than the request's; line breaks then are
        not among them: who may say that a text has ended needs them for that.
        """
        breaks = self._seamstress.line_break_ids
        never_ids = never
        if never_ids is None:
            never_ids = self.never(request) if request.multiline else (*self.never(request), *breaks)
        return constraints(
            self._adapter.vocab_size,
            self._adapter.device,
            never=never_ids,
            first_ids=seams.first_ids if seams else (),
            never_first=breaks if seams else (),
        )
