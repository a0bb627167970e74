"""Time decoding from left to right with the same shapes: what a fill by denoising is compared with.

Twice: transformers' Gemma 4 with its own cache, token by token, and as fast as our own recorded passes make one token.
The second is a kinder opponent than anybody gets by default: one CUDA graph a token, nothing launched one by one.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import DynamicCache

from benchmarks.gpu_clock import Clock, Timing, timing
from benchmarks.gpu_passes import Subject, random_ids, recording_notes
from engine.graphs import Recorded
from engine.models.static_cache import Buckets
from engine.models.static_pass import StaticPasses

_WARM_UPS = 4


@torch.inference_mode()
def time_decoding(model: Any, clock: Clock, context: int, tokens: int) -> Timing:
    """Time a token of a causal model of transformers: greedy, its growing cache, no wait for the device between."""
    ids = torch.tensor([random_ids(context, int(model.config.vocab_size))], device=clock.device)
    cache = DynamicCache(config=model.config)
    logits = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
    marks = []
    for _ in range(tokens + _WARM_UPS):
        token = logits[:, -1].argmax(dim=-1, keepdim=True)
        logits = model(input_ids=token, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
        marks.append(clock.mark())
    return timing(clock.between(marks)[_WARM_UPS - 1 :])


@torch.inference_mode()
def time_recorded_decoding(subject: Subject, context: int, tokens: int) -> tuple[Timing, str]:
    """Time a token on our static buffers, recorded: the layers of a DiffusionGemma, whose shapes are the same.

    A token sees a whole prefix of `context` tokens and itself, and is the next one's input. Its keys are not stored:
    about ten thousandths of what a token reads.
    """
    model = subject.model
    decoder, head = model.model.decoder, model.lm_head
    static = StaticPasses(model, Buckets(prefix=(context,), canvas=(1,), batch=(1,), rows=(1,)))
    prefix = subject.prefix(context)
    shape = static.shape_for(prefix, 1, 1, 1)
    assert shape is not None
    static.grow(shape)
    placed = static.open(shape)
    placed.load(prefix)
    zero = torch.zeros(1, dtype=torch.int64, device=subject.clock.device)
    placed.place(1, zero, zero.view(1, 1))
    token = torch.zeros(1, 1, dtype=torch.int64, device=subject.clock.device)

    def decode() -> None:
        hidden = placed.layers(decoder.embed_tokens(token))
        logits = placed.capped(head(decoder.norm(hidden[:, -1])))
        token.copy_(logits.argmax(dim=-1, keepdim=True))

    run = Recorded(decode, placed.recorder)
    with recording_notes() as notes:
        took = subject.clock.each(run, tokens, warm_ups=_WARM_UPS)
    static.clear()
    return took, "; ".join(notes)
