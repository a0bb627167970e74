"""Let a model read a short text, so that its weights can be quantised for what they are multiplied with.

The text (`calibration.txt`) is this project's own: code in several languages and some prose. It is read as the model's
family reads: causally, and where there are canvases, with noise on them. It knows families and classes, and no codes.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache

from engine.api import CheckpointError
from engine.models.families import config_of, declared_family
from engine.models.masked_names import special_ids
from engine.models.quantize.seen import Seen, watched
from engine.models.tokenizer_files import tokenizer_of

_log = logging.getLogger(__name__)

_PREFIX_TOKENS, _CANVAS_TOKENS = 320, 64
# So many inputs for each column of a wide weight tell its moments; and there is not more text than for so many rows.
_TOKENS_A_COLUMN, _MOST_ROWS = 6, 20
_LEAST_NOISE = 0.2  # of the tokens on the first row's canvas; the last one's are all noise
_SEED = 0
# What is read before the output head is as much as a fill needs; the head itself is not run.
_HEAD = "lm_head.weight"


def calibrated(
    model: Any, folder: Path, names: Collection[str], device: torch.device | str = "cpu", seen: Seen | None = None
) -> Seen:
    """Return what the named weights of a folder's model meet while it reads; nothing more where it cannot.

    The model runs on `device`, in whatever type it is. Raises: CheckpointError for files that cannot be read.
    """
    seen = seen or Seen()
    if not names:
        return seen
    try:
        ids = text_of(folder, model.config.get_text_config()).to(device)
        with watched(model, names, seen), torch.no_grad():
            read = _READERS[declared_family(folder)](model, ids, folder)
            for hidden in read if _HEAD in names else ():
                seen.add(_HEAD, hidden)
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        if seen.is_told:
            raise
        # Causal models are of many architectures; without this they are quantised all the same, only less well.
        _log.warning("%s is quantised without knowing what it is multiplied with: %s", folder, error)
    return seen


def text_of(folder: Path, text_config: Any) -> Tensor:
    """Return rows of tokens from places spread over the text: [B, W] int64.

    Raises: ValueError where the folder has no tokenizer, or one that is not the model's.
    """
    vocab_size, first = int(text_config.vocab_size), getattr(text_config, "bos_token_id", None)
    begin = [first] if isinstance(first, int) and first < vocab_size else []
    width = min(_PREFIX_TOKENS + _CANVAS_TOKENS, int(text_config.max_position_embeddings)) - len(begin)
    ids = _tokens(folder)
    if len(ids) < width or max(ids) >= vocab_size:
        raise ValueError("its tokenizer does not fit it")
    widest = max(int(text_config.hidden_size), int(getattr(text_config, "intermediate_size", None) or 0))
    num_rows = max(2, min(_MOST_ROWS, math.ceil(_TOKENS_A_COLUMN * widest / width)))
    starts = [(len(ids) - width) * row // (num_rows - 1) for row in range(num_rows)]
    return torch.tensor([[*begin, *ids[start : start + width]] for start in starts])


def noised(canvas: Tensor, mask_id: int | None, vocab_size: int) -> Tensor:
    """Put noise on canvases [B, L], more on each row than on the last: the mask, or any token where it is None."""
    generator = torch.Generator().manual_seed(_SEED)
    share = torch.linspace(_LEAST_NOISE, 1, len(canvas))[:, None]
    is_noise = torch.rand(canvas.shape, generator=generator) < share
    drawn = torch.randint(vocab_size, canvas.shape, generator=generator)
    noise = drawn if mask_id is None else torch.full_like(drawn, mask_id)
    return torch.where(is_noise.to(canvas.device), noise.to(canvas.device), canvas)


def _tokens(folder: Path) -> list[int]:
    text = files(__package__).joinpath("calibration.txt").read_text(encoding="utf-8")
    try:
        tokenizer = tokenizer_of(folder)
    except CheckpointError as error:
        raise ValueError("it has no usable tokenizer") from error
    return [int(token_id) for token_id in tokenizer.encode(text, add_special_tokens=False).ids]


def _read_gemma(model: Any, ids: Tensor, folder: Path) -> Sequence[Tensor]:
    """Read prefixes with the encoder and canvases after them with the decoder, as a fill does, layer by layer.

    A layer of the decoder runs right after the same one of the encoder, whose weights it shares: they are seen once.
    """
    config, declared = model.config, getattr(model.config, "infill", None) or {}
    num_canvas = min(int(config.canvas_length), _CANVAS_TOKENS, ids.shape[1] // 2)
    prefix, canvas = ids[:, :-num_canvas], ids[:, -num_canvas:]
    kv_cache = DynamicCache(config=config.text_config)
    mask_id = declared.get("mask_token_id") if declared.get("noise") == "mask" else None
    decoder = model.model.decoder
    embedded = decoder.embed_tokens(noised(canvas, mask_id, int(config.text_config.vocab_size)))
    hidden = decoder.self_conditioning(embedded, torch.zeros_like(embedded))
    places = torch.arange(prefix.shape[1], ids.shape[1], device=ids.device)[None]
    rotations = {kind: decoder.rotary_emb(hidden, places, kind) for kind in decoder.unique_layer_types}

    def follow(index: int) -> None:
        nonlocal hidden
        rotation = rotations[decoder.text_config.layer_types[index]]
        layer = decoder.layers[index]
        hidden = layer(hidden, position_embeddings=rotation, attention_mask=None, past_key_values=kv_cache)

    encoder = model.model.encoder.language_model
    hooks = [
        layer.register_forward_hook(lambda *_, index=index: follow(index)) for index, layer in enumerate(encoder.layers)
    ]
    try:
        expecting = encoder(input_ids=prefix, past_key_values=kv_cache).last_hidden_state
    finally:
        for hook in hooks:
            hook.remove()
    return [expecting[:, -hidden.shape[1] :], decoder.norm(hidden)]  # The head counts both by halves.


def _read_masked(model: Any, ids: Tensor, folder: Path) -> Sequence[Tensor]:
    """Read rows in both directions, with masks at their ends."""
    base, num_canvas = model.model, ids.shape[1] // 2
    mask_id = special_ids(folder, config_of(folder)).mask
    ids = torch.cat([ids[:, :-num_canvas], noised(ids[:, -num_canvas:], mask_id, int(model.config.vocab_size))], dim=1)
    hidden = base.embed_tokens(ids)
    rotation = base.rotary_emb(hidden, torch.arange(ids.shape[1], device=ids.device)[None])
    for layer in base.layers:
        layer.self_attn.is_causal = False
        hidden = layer(hidden, attention_mask=None, position_embeddings=rotation)
    return [base.norm(hidden)]


def _read_causal(model: Any, ids: Tensor, folder: Path) -> Sequence[Tensor]:
    return [model.base_model(input_ids=ids, use_cache=False).last_hidden_state]


_READERS = {"diffusion_gemma": _read_gemma, "masked": _read_masked, "causal": _read_causal}
