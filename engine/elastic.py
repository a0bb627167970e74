"""Denoise holes that grow and shrink while they are filled: the loop of a checkpoint that was taught to do both.

A step predicts every undecided position of each hole. What is accepted becomes text, or changes the hole: the expand
token becomes two undecided positions, the delete token takes its position out and with it every undecided one right of
it, since such a checkpoint deletes at a fill's end. Known positions never change: the hole moves them.
It gets the forward pass of holes of given widths as a callable and knows no model, no tokenizer and no clock. The
caller cancels by closing the generator.

Source: DreamOn, arXiv 2602.01326. Differs: what is certain enough is accepted together instead of one token a step; a
step grows a hole once, where that is most certain, since all else was predicted for a hole of the old width.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.acceptance import accept
from engine.canvas import Canvas
from engine.denoise import Forward
from engine.sampling import Predictions, predict
from engine.schedule import quota, temperature


@dataclass(frozen=True, slots=True)
class Elastic:
    """How holes are filled. Every fill ends: after `max_denoising_steps` no hole has an undecided position left."""

    vocab_size: int
    mask_token_id: int
    expand_token_id: int
    delete_token_id: int
    max_width: int  # of a hole, in tokens
    max_expansions: int  # of a hole, over all steps
    forbidden_ids: tuple[int, ...] = ()  # never written
    max_denoising_steps: int = 32
    entropy_bound: float = 0.1  # nats
    t_min: float = 0.4
    t_max: float = 0.8


@dataclass(frozen=True, slots=True)
class Cell:
    """A position of a hole: its token once it is decided, else the likeliest text there, if any was predicted yet."""

    token_id: int | None = None
    is_decided: bool = False
    log_prob: float = 0.0  # nats, of the token
    entropy: float = 0.0  # nats, of what it was chosen from


@dataclass(frozen=True, slots=True)
class Hole:
    """One row: its positions from left to right, and how often it grew."""

    cells: tuple[Cell, ...]
    num_expansions: int = 0

    @property
    def is_done(self) -> bool:
        """Whether nothing is undecided."""
        return all(cell.is_decided for cell in self.cells)


@dataclass(frozen=True, slots=True)
class ElasticStep:
    """What a step left of each hole."""

    step: int  # from 1
    holes: tuple[Hole, ...]
    is_last: bool


Lay = Callable[[Sequence[int]], tuple[Canvas, Forward]]
"""Lay out rows with holes of these widths at the beginning of the canvas, and give the pass that predicts them."""


def denoise_elastic(lay: Lay, widths: Sequence[int], config: Elastic) -> Generator[ElasticStep, None, None]:
    """Fill one hole a row, beginning with these widths, and yield after each step until all are done."""
    holes = [Hole((Cell(),) * width) for width in widths]
    for step in range(1, config.max_denoising_steps + 1):
        live = [index for index, hole in enumerate(holes) if not hole.is_done]
        for index, hole in zip(live, _advanced(lay, [holes[index] for index in live], config, step), strict=True):
            holes[index] = hole
        is_last = all(hole.is_done for hole in holes)
        yield ElasticStep(step, tuple(holes), is_last)
        if is_last:
            return


def resized(
    hole: Hole, chosen: Collection[int], predicted: Mapping[int, Cell], expand_token_id: int, delete_token_id: int
) -> Hole:
    """Return the hole after a step: `predicted` has the undecided places, `chosen` those of them that are accepted.

    Of several places that would grow, the most certain does and the others wait.
    """
    expanding = [place for place in chosen if predicted[place].token_id == expand_token_id]
    growing = min(expanding, key=lambda place: predicted[place].entropy, default=None)
    cells: list[Cell] = []
    num_expansions, is_deleting = hole.num_expansions, False
    for place, cell in enumerate(hole.cells):
        if place not in predicted:
            cells.append(cell)
            continue
        token_id = predicted[place].token_id
        is_deleting = is_deleting or (place in chosen and token_id == delete_token_id)
        is_text = token_id not in (expand_token_id, delete_token_id)
        if place in chosen and is_text:
            cells.append(replace(predicted[place], is_decided=True))
        elif is_deleting:
            continue
        elif place == growing:
            cells += [Cell(), Cell()]
            num_expansions += 1
        else:
            cells.append(predicted[place] if is_text else Cell())
    return Hole(tuple(cells), num_expansions)


def _advanced(lay: Lay, holes: Sequence[Hole], config: Elastic, step: int) -> list[Hole]:
    """Run one step over holes that are not done."""
    canvas, forward = lay([len(hole.cells) for hole in holes])
    canvas_ids, open_mask = _on(canvas, holes, config.mask_token_id)
    logits = forward(canvas_ids, open_mask, None)
    may_grow = [
        step < config.max_denoising_steps
        and len(hole.cells) < config.max_width
        and hole.num_expansions < config.max_expansions
        for hole in holes
    ]
    row = open_mask.nonzero()[:, 0]
    is_full = ~torch.tensor(may_grow, device=logits.device)[row]
    logits = logits.clone()
    logits[is_full, config.expand_token_id] = -torch.inf
    predictions = predict(logits, _temperature(config, step), _forbidden(config, logits.device), True, _NO_CHANCE)
    entropy = torch.zeros(open_mask.shape, device=logits.device).masked_scatter(open_mask, predictions.entropy)
    at_least = quota(open_mask.sum(dim=-1), step, config.max_denoising_steps)
    chosen = accept(entropy, open_mask, config.entropy_bound, at_least)
    cells = _cells(open_mask, predictions)
    return [
        resized(
            hole,
            set(chosen[index].nonzero().flatten().tolist()),
            {place: cell for (at, place), cell in cells.items() if at == index},
            config.expand_token_id,
            config.delete_token_id,
        )
        for index, hole in enumerate(holes)
    ]


def _on(canvas: Canvas, holes: Sequence[Hole], mask_token_id: int) -> tuple[Tensor, Tensor]:
    """Return what stands on the canvas, known tokens as last writer, and what is undecided: [B, L] int64, bool."""
    ids, is_decided = torch.full_like(canvas.known_ids, mask_token_id), canvas.known.clone()
    for index, hole in enumerate(holes):
        for place, cell in enumerate(hole.cells):
            if cell.is_decided and cell.token_id is not None:
                ids[index, place], is_decided[index, place] = cell.token_id, True
    return canvas.with_known(ids), ~is_decided


def _cells(open_mask: Tensor, predictions: Predictions) -> dict[tuple[int, int], Cell]:
    """Return what was predicted, by row and place."""
    values = zip(
        open_mask.nonzero().tolist(),
        predictions.argmax_ids.tolist(),
        predictions.argmax_log_probs.tolist(),
        predictions.entropy.tolist(),
        strict=True,
    )
    return {(row, place): Cell(token_id, False, log_prob, nats) for (row, place), token_id, log_prob, nats in values}


def _temperature(config: Elastic, step: int) -> float:
    return temperature(step, config.max_denoising_steps, config.t_min, config.t_max)


def _forbidden(config: Elastic, device: torch.device) -> Tensor:
    forbidden = torch.zeros(config.vocab_size, dtype=torch.bool, device=device)
    forbidden[[config.mask_token_id, *config.forbidden_ids]] = True
    return forbidden


_NO_CHANCE = torch.Generator()  # what is greedy draws nothing
