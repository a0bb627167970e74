"""A linear layer on a quantised weight. Where its product is computed is chosen in `engine.models.quantize.product`."""

from __future__ import annotations

from torch import Tensor, nn

from engine.models.quantize.product import linear_product
from engine.models.quantize.weight import QuantWeight


class QuantLinear(nn.Module):
    """Stands for an `nn.Linear` of the same shape; `weight` makes the matrix it stands for."""

    def __init__(self, quantized: QuantWeight, bias: Tensor | None = None) -> None:
        super().__init__()
        self.quantized = quantized
        self.register_buffer("bias", None if bias is None else bias.detach())

    @property
    def weight(self) -> Tensor:
        """Return the matrix that it multiplies by, made anew each time: [O, K]."""
        return self.quantized.dequantized()

    @property
    def in_features(self) -> int:
        """Return K."""
        return self.quantized.shape[1]

    @property
    def out_features(self) -> int:
        """Return O."""
        return self.quantized.shape[0]

    def forward(self, x: Tensor) -> Tensor:
        """Multiply: [..., K] -> [..., O], in the type of x."""
        bias: Tensor | None = self._buffers["bias"]
        return linear_product(x, self.quantized.packed, bias)
