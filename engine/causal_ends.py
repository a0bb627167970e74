"""From rows that were written left to right to fills: where each of them ends.

A model that was shown the suffix says itself where its fill ends; what it left unfinished is cut where it was nearest
to saying so. One that was not writes past the end, and each place is judged by how well the suffix follows
(`engine.ends`). It knows rows, ids and likelihoods: no model and no loop.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from engine.api import Candidate
from engine.candidates import SCORED_SUFFIX_TOKENS, Fill
from engine.causal_rows import CausalRow
from engine.ends import best_ends, possible_ends
from engine.seam import Seamstress

_ENDS_A_ROW = 4

LogProbs = Callable[[Sequence[Sequence[int]]], list[list[float]]]
"""The log-probability of each token of several rows behind the prompt."""


def told_fills(rows: Sequence[CausalRow], seamstress: Seamstress, *, whole_lines: bool) -> list[Fill]:
    """Return the fills of rows behind a prompt that shows the suffix: of those that closed; where none did, of all."""
    closed = [row for row in rows if row.closing_id is not None]
    fills = []
    for row in closed or rows:
        if row.closing_id is not None:
            ids = [*row.ids, *_head_ids(row, seamstress)]
            # The closing token's likelihood is all that is known of the text before a line break in it.
            rest = [row.closing_log_prob, *[0.0] * (len(ids) - len(row.ids))]
            fills.append(Fill([ids], causal=(*row.log_probs, *rest)))
        elif row.ids:
            end = best_ends(row.log_probs, (*row.follows, 0.0), _ends(row, seamstress, whole_lines), 1)[0]
            follow = row.follows[end : end + 1]
            fills.append(Fill([list(row.ids[:end])], causal=(*row.log_probs[:end], *follow)))
    return [fill for fill in fills if fill.holes[0]]


def untold_fills(
    rows: Sequence[CausalRow],
    suffix_ids: Sequence[int],
    seamstress: Seamstress,
    log_probs: LogProbs,
    *,
    whole_lines: bool,
) -> list[Fill]:
    """Return the likeliest few beginnings of rows behind a prompt that does not show the suffix, scored with it."""
    found: list[list[int]] = []
    for row in rows:
        ids = [*row.ids, *_head_ids(row, seamstress)]
        ends = [end for end in _ends(row, seamstress, whole_lines) if end < len(row.follows)]
        best = [row.ids[:end] for end in best_ends(row.log_probs, row.follows or None, ends, _ENDS_A_ROW)]
        # All of a row that closed is as likely a fill as any.
        whole = [ids] if row.closing_id is not None or not best else []
        found += [list(each) for each in (*best, *whole) if each and list(each) not in found]
    head = list(suffix_ids[:SCORED_SUFFIX_TOKENS])
    scored = log_probs([[*ids, *head] for ids in found])
    return [Fill([ids], causal=tuple(values)) for ids, values in zip(found, scored, strict=True)]


def distinct(found: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return candidates without those that differ from an earlier one by white space alone."""
    first = {"".join(one.text.split()): one for one in reversed(found)}
    return tuple(one for one in found if first["".join(one.text.split())] is one)


def _ends(row: CausalRow, seamstress: Seamstress, whole_lines: bool) -> list[int]:
    """Return where a row may be cut: at its end, of which nothing is known yet, only where there is no other place."""
    ends = possible_ends(row.ids, seamstress.line_break_set, whole_lines)
    known = [end for end in ends if end < len(row.follows)]
    return known or ends


def _head_ids(row: CausalRow, seamstress: Seamstress) -> list[int]:
    """Return what the closing token has of the fill: what stands in it before a line break."""
    if row.closing_id is None or row.closing_id not in seamstress.line_break_set:
        return []
    head = re.split(r"[\r\n]", seamstress.token_texts[row.closing_id])[0]
    return seamstress.ids_of(head) if head.strip() else []
