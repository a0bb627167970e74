"""A quantised embedding table: rows by id, and the table's product with probabilities, which self-conditioning needs.

The output head of a model whose embedding is tied is a `QuantLinear` on the same `QuantWeight`.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.quantize.product import made_whole
from engine.models.quantize.reference import row_parts
from engine.models.quantize.weight import QuantWeight


class QuantEmbedding(nn.Module):
    """Stands for an `nn.Embedding`, or for one of the published classes that scale what they look up."""

    def __init__(self, quantized: QuantWeight, original: nn.Embedding) -> None:
        super().__init__()
        self.quantized = quantized
        self.num_embeddings, self.embedding_dim = quantized.shape
        self.padding_idx = original.padding_idx
        self.scalar_embed_scale = float(getattr(original, "scalar_embed_scale", 1.0))
        scale = getattr(original, "embed_scale", None)
        self.embed_scale: Tensor | None
        self.register_buffer("embed_scale", scale if isinstance(scale, Tensor) else None, persistent=False)

    @property
    def weight(self) -> Tensor:
        """Return the table, made anew each time: [V, H]. Large; use `expected` for products with it."""
        return self.quantized.dequantized()

    def forward(self, ids: Tensor) -> Tensor:
        """Look up rows: ids [...] -> [..., H] in the type of the weight that it stands for, scaled."""
        rows = self.quantized.packed[ids].dequantized(self.quantized.dtype)
        return rows if self.embed_scale is None else rows * self.embed_scale.to(rows.dtype)

    def expected(self, probs: Tensor) -> Tensor:
        """Return expected rows under probabilities, not scaled: probs [N, V] -> [N, H] in the type of probs."""
        total = torch.zeros(len(probs), self.embedding_dim, dtype=torch.float32, device=probs.device)
        first = 0
        for part in row_parts(self.quantized.packed):
            rows = made_whole(part, probs)
            total += (probs[:, first : first + len(rows)] @ rows).float()
            first += len(rows)
        return total.to(probs.dtype)


def expected_embeddings(embed_tokens: Any, logits: Tensor) -> Tensor:
    """Return the scaled embedding that is expected under a prediction: logits [N, V] -> [N, H].

    `embed_tokens` is a published embedding with `embed_scale`, or a `QuantEmbedding` in its place. Computed in the
    type of its weights, as the published decoder does.
    """
    is_quantized = isinstance(embed_tokens, QuantEmbedding)
    dtype = embed_tokens.quantized.dtype if is_quantized else embed_tokens.weight.dtype
    probs = F.softmax(logits.to(dtype), dim=-1, dtype=torch.float32).to(dtype)
    expected: Tensor = embed_tokens.expected(probs) if is_quantized else probs @ embed_tokens.weight
    expected *= embed_tokens.embed_scale.to(dtype)
    return expected
