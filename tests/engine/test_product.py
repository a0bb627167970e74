"""A product whose weights are laid out once says what the plain one says, and there is always one that does."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.models import product
from engine.models.product import Product


def _random(*shape: int, dtype: torch.dtype) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape))).to(dtype)


@settings(max_examples=30, deadline=None)
@given(
    leading=st.lists(st.integers(1, 9), min_size=1, max_size=2),
    shape=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    dtype=st.sampled_from([torch.bfloat16, torch.float32]),
)
def test_it_is_the_plain_product(leading: list[int], shape: tuple[int, int], dtype: torch.dtype):
    weight, x = _random(*shape, dtype=dtype), _random(*leading, shape[1], dtype=dtype)
    torch.testing.assert_close(Product(weight)(x), F.linear(x, weight), rtol=0.02, atol=0.05)


@pytest.mark.parametrize("broken", ["gone", "refusing", "wrong"])
def test_what_torch_no_longer_has_or_has_otherwise_is_not_used(monkeypatch: pytest.MonkeyPatch, broken: str):
    def multiplied(x: torch.Tensor, laid_out: torch.Tensor) -> torch.Tensor:
        if broken == "gone":
            raise AttributeError("no such operation")
        if broken == "refusing":
            raise RuntimeError("not for these types")
        return torch.zeros(*x.shape[:-1], 8, dtype=x.dtype)

    monkeypatch.setattr(product, "_multiplied", multiplied)
    weight, x = _random(8, 16, dtype=torch.bfloat16), _random(3, 16, dtype=torch.bfloat16)
    assert torch.equal(Product(weight)(x), F.linear(x, weight))
