"""What a step left, seen from outside: a row's draft for whoever watches, and the rows' fills for whoever chooses.

It knows steps, rows and the texts of tokens: no model and no request.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from engine.api import DraftToken
from engine.candidates import Fill
from engine.denoise import Step
from engine.layout import Row, holes_ids, running_places

# So many tokens are shown right of what is accepted, of a row that is written on and on.
_SHOWN_AHEAD = 4


class Drafts:
    """Draws drafts of one checkpoint."""

    def __init__(self, token_texts: Sequence[str], slack_token_id: int | None) -> None:
        self._token_texts, self._slack_token_id = token_texts, slack_token_id

    def of(self, step: Step, row: Row) -> tuple[DraftToken, ...]:
        """Return the draft of the first row."""
        return self.tokens(step.argmax_ids[0], row, step.accepted[0].tolist())

    def written(self, step: Step, row: Row) -> tuple[DraftToken, ...]:
        """Return the draft of the first row, whose end is not known yet: what is settled and a little more.

        What the last step only drafted is no part of it.
        """
        tokens = self.of(step, row)
        settled = max((place for place, token in enumerate(tokens) if token.state == "accepted"), default=-1)
        return tokens[: settled + 1 + (0 if step.is_last else _SHOWN_AHEAD)]

    def tokens(self, ids: Tensor, row: Row, accepted: Sequence[bool] | None = None) -> tuple[DraftToken, ...]:
        """Return a row's running text: ids [L] and, once a step was run, which of them are accepted [L]."""
        return tuple(
            DraftToken(
                self._token_texts[int(ids[place])],
                "accepted" if given or (accepted is not None and accepted[place]) else "noise",
            )
            for place, given in running_places(ids, row, self._slack_token_id)
        )


def settled_fills(step: Step, rows: Sequence[Row], slack_token_id: int | None) -> list[Fill]:
    """Return the fills of the rows that are settled; where none is, of all."""
    is_done = step.finished.tolist()
    return [
        _fill_of(step, index, row, slack_token_id)
        for index, row in enumerate(rows)
        if is_done[index] or not any(is_done)
    ]


def _fill_of(step: Step, index: int, row: Row, slack_token_id: int | None) -> Fill:
    holes = holes_ids(step.argmax_ids[index], row, slack_token_id)
    if row.further:
        return Fill(holes)
    text = slice(len(row.lead_ids), len(row.lead_ids) + len(holes[0]))
    return Fill(holes, tuple(step.log_probs[index, text].tolist()), tuple(step.entropy[index, text].tolist()))
