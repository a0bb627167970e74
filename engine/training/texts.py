"""Texts to packed token ids and back: what needs no knowledge of where the texts came from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tokenizers import Tokenizer

from engine.training.data.pack import Packed
from engine.training.tokenizer import BOS, EOS


def packed(texts: Sequence[str], tokenizer: Tokenizer) -> Packed:
    """Return the texts one after another, each as `<bos> text <eos>`. Raises: ValueError when there is no text."""
    if not texts:
        raise ValueError("there is no text to learn from; give at least one file")
    rows = [np.array([BOS, *row.ids, EOS], np.uint16) for row in tokenizer.encode_batch(list(texts))]
    return Packed(np.concatenate(rows), np.cumsum([0, *(len(row) for row in rows)]))


def text_of(packed: Packed, tokenizer: Tokenizer) -> list[str]:
    """Return the files that were packed, as text."""
    bounds = zip(packed.starts[:-1], packed.starts[1:], strict=True)
    return tokenizer.decode_batch([[i for i in packed.ids[a:b].tolist() if i not in (BOS, EOS)] for a, b in bounds])
