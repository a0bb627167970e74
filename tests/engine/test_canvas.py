"""How a hole and the suffix head become a canvas, and what no canvas may be."""

from __future__ import annotations

import pytest
import torch

from engine.canvas import Canvas, hole_canvas


def check_layout(width: int, suffix_ids: list[int], expect: str, *, batch_size: int = 1) -> None:
    """Assert the layout of every row; `.` is a free position, a digit a known token."""
    canvas = hole_canvas(width, suffix_ids, batch_size=batch_size)
    rows = zip(canvas.known.tolist(), canvas.known_ids.tolist(), strict=True)
    written = ["".join(str(token) if known else "." for known, token in zip(*row, strict=True)) for row in rows]
    assert written == [expect] * batch_size
    assert torch.equal(canvas.free, ~canvas.known)
    noise = torch.full(canvas.known.shape, 9)
    assert canvas.with_known(noise).tolist() == [[9] * width + suffix_ids] * batch_size
    assert (noise == 9).all(), "the ids that were handed in changed"


def test_the_hole_comes_before_the_suffix_head() -> None:
    check_layout(4, [7, 8], "....78")
    check_layout(1, [], ".")
    check_layout(3, [5], "...5", batch_size=3)


@pytest.mark.parametrize("width", [0, -1])
def test_a_hole_without_a_position_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match="at least one position"):
        hole_canvas(width, [1, 2])


def test_a_row_without_a_free_position_is_refused() -> None:
    known = torch.tensor([[True, False], [True, True]])
    with pytest.raises(ValueError, match="free position"):
        Canvas(known_ids=torch.zeros(2, 2, dtype=torch.int64), known=known)


def test_shapes_and_types_that_do_not_fit_are_refused() -> None:
    ids, known = torch.zeros(1, 2, dtype=torch.int64), torch.zeros(1, 2, dtype=torch.bool)
    with pytest.raises(ValueError, match="known must be"):
        Canvas(known_ids=ids, known=ids)
    with pytest.raises(ValueError, match="known must be"):
        Canvas(known_ids=ids[0], known=known[0])
    with pytest.raises(ValueError, match="of the shape of known"):
        Canvas(known_ids=ids[:, :1], known=known)
    with pytest.raises(ValueError, match="int64"):
        Canvas(known_ids=ids.int(), known=known)
    with pytest.raises(ValueError, match="of the shape of known"):
        Canvas(known_ids=ids, known=known, canvas_ids=ids.repeat(2, 1))
