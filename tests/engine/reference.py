"""The denoising loop once more, written plainly: a loop over positions, Python numbers, full logits kept for all.

It is slow and has no cleverness in common with `engine.denoise`. It draws from the generator in the same order, since
otherwise nothing could be compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.canvas import Canvas
from engine.denoise import Forward
from engine.denoise_config import DenoiseConfig


@dataclass
class PlainStep:
    canvas: list[list[int]]
    draft: list[list[int]]
    accepted: list[list[bool]]
    entropy: list[list[float]]
    log_probs: list[list[float]]
    finished: list[bool]


def plain_denoise(
    forward: Forward, canvas: Canvas, config: DenoiseConfig, generator: torch.Generator
) -> list[PlainStep]:
    """Return all steps of `engine.denoise.denoise`, computed position by position."""
    known, known_ids = canvas.known.tolist(), canvas.known_ids.tolist()
    num_rows, length = canvas.known.shape
    rows, positions = range(num_rows), range(length)
    never = {*config.forbidden_ids, *([] if config.mask_token_id is None else [config.mask_token_id])}
    allowed = [token for token in range(config.vocab_size) if token not in never]

    def noise() -> list[list[int]]:
        if config.noise == "mask":
            assert config.mask_token_id is not None
            return [[config.mask_token_id] * length for _ in rows]
        drawn = torch.randint(len(allowed), (num_rows, length), generator=generator).tolist()
        return [[allowed[index] for index in row] for row in drawn]

    start = noise() if canvas.canvas_ids is None else canvas.canvas_ids.tolist()
    ids = [[known_ids[b][i] if known[b][i] else start[b][i] for i in positions] for b in rows]
    draft = [[-1] * length for _ in rows]
    accepted = [[False] * length for _ in rows]
    entropy = [[0.0] * length for _ in rows]
    log_probs = [[0.0] * length for _ in rows]
    finished = [False] * num_rows
    unchanged = [0] * num_rows
    previous: dict[tuple[int, int], Tensor] = {}
    steps: list[PlainStep] = []

    for step in range(1, config.max_denoising_steps + 1):
        remaining = config.max_denoising_steps - step + 1
        temperature = config.t_min + (config.t_max - config.t_min) * remaining / config.max_denoising_steps
        places = [
            (b, i) for b in rows for i in positions if not known[b][i] and not (config.keep_accepted and accepted[b][i])
        ]
        open_mask = torch.tensor([[(b, i) in places for i in positions] for b in rows])
        told = None
        if previous and config.self_conditioning:
            told = torch.stack([previous[place] for place in places]) if places else torch.zeros(0, config.vocab_size)
        raw = forward(torch.tensor(ids), open_mask, told)

        processed: dict[tuple[int, int], Tensor] = {}
        raw_log_probs: dict[tuple[int, int], Tensor] = {}
        for place, row in zip(places, raw, strict=True):
            row = row.clone()
            for token in never:
                row[token] = -math.inf
            processed[place] = row / temperature
            raw_log_probs[place] = row.log_softmax(-1)
        best = {place: int(processed[place].argmax()) for place in places}
        sample = dict(best)
        if not config.greedy and places:
            stacked = torch.stack([processed[place].softmax(-1) for place in places])
            drawn = torch.multinomial(stacked, 1, generator=generator)
            sample = {place: int(token) for place, token in zip(places, drawn, strict=True)}
        surprise = {
            place: float(torch.distributions.Categorical(logits=processed[place]).entropy()) for place in places
        }
        fresh = noise()

        for b in rows:
            mine = sorted((place for place in places if place[0] == b), key=lambda place: surprise[place])
            if finished[b]:
                continue
            floor = math.ceil(len(mine) / remaining) if config.keep_accepted else 0
            spent = 0.0
            taken = set()
            for rank, place in enumerate(mine):
                if spent <= config.entropy_bound or rank < floor:
                    taken.add(place)
                spent += surprise[place]
            new_draft = list(draft[b])
            for place in mine:
                i = place[1]
                kept = config.keep_accepted and place in taken
                new_draft[i] = sample[place] if kept else best[place]
                log_probs[b][i] = float(raw_log_probs[place][new_draft[i]])
                entropy[b][i] = surprise[place]
                accepted[b][i] = place in taken
                ids[b][i] = sample[place] if place in taken else fresh[b][i]
            for i in positions:
                if known[b][i]:
                    new_draft[i] = known_ids[b][i]
            unchanged[b] = unchanged[b] + 1 if new_draft == draft[b] else 0
            draft[b] = new_draft
            mean = sum(surprise[place] for place in mine) / len(mine)
            done = unchanged[b] >= config.stability_threshold and mean < config.confidence_threshold
            if config.keep_accepted:
                if done:
                    accepted[b] = [not is_known for is_known in known[b]]
                    ids[b] = list(draft[b])
                done = all(known[b][i] or accepted[b][i] for i in positions)
            finished[b] = done
        previous = processed
        steps.append(
            PlainStep(
                canvas=[list(row) for row in ids],
                draft=[list(row) for row in draft],
                accepted=[list(row) for row in accepted],
                entropy=[list(row) for row in entropy],
                log_probs=[list(row) for row in log_probs],
                finished=list(finished),
            )
        )
        if all(finished):
            break
    return steps
