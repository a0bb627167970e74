"""From logits to tokens: temperatures, entropies, forbidden ids, and the noise that stands for what is not decided."""

from __future__ import annotations

import math

import pytest
import torch

from engine.renoise import mask_noise, uniform_noise
from engine.sampling import predict
from engine.schedule import temperature

CPU = torch.device("cpu")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_entropy_and_log_probabilities_are_those_of_the_distribution() -> None:
    logits = torch.tensor([[0.0, 0.0, 0.0, 0.0], [math.log(3.0), 0.0, -torch.inf, -torch.inf], [50.0, 0.0, 0.0, 0.0]])
    predictions = predict(logits, 1.0, None, True, generator())
    two_thirds = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    torch.testing.assert_close(predictions.entropy, torch.tensor([math.log(4), two_thirds, 0.0]))
    torch.testing.assert_close(predictions.argmax_log_probs, torch.tensor([math.log(0.25), math.log(0.75), 0.0]))


def test_temperature_changes_what_is_sampled_but_not_the_score() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.0]])
    warm, cold = (predict(logits, value, None, True, generator()) for value in (1.0, 0.5))
    assert float(cold.entropy) < float(warm.entropy)
    torch.testing.assert_close(cold.argmax_log_probs, warm.argmax_log_probs)
    torch.testing.assert_close(cold.logits, logits * 2)


def test_forbidden_ids_get_nothing() -> None:
    forbidden = torch.tensor([True, False, False])
    predictions = predict(torch.tensor([[90.0, 0.0, 0.0]] * 50), 1.0, forbidden, False, generator())
    assert (predictions.argmax_ids == 1).all()
    assert set(predictions.sampled_ids.tolist()) == {1, 2}
    torch.testing.assert_close(predictions.entropy, torch.full((50,), math.log(2)))
    torch.testing.assert_close(predictions.sampled_log_probs, torch.full((50,), math.log(0.5)))


def test_samples_follow_the_probabilities() -> None:
    logits = torch.tensor([[math.log(0.9), math.log(0.1)]]).repeat(2000, 1)
    sampled = predict(logits, 1.0, None, False, generator(1)).sampled_ids
    # Five standard deviations of a binomial: one false alarm in some two million seeds, and this seed is fixed.
    assert abs(int(sampled.sum()) - 200) < 5 * math.sqrt(2000 * 0.09)


def test_no_row_is_no_trouble() -> None:
    for greedy in (True, False):
        predictions = predict(torch.zeros(0, 5), 0.7, None, greedy, generator())
        assert predictions.sampled_ids.shape == predictions.entropy.shape == (0,)


def test_greedy_draws_nothing_from_the_generator() -> None:
    source = generator()
    before = source.get_state()
    predict(torch.randn(4, 5, generator=generator(2)), 1.0, None, True, source)
    assert torch.equal(source.get_state(), before)


@pytest.mark.parametrize(("step", "expect"), [(1, 0.8), (2, 0.7), (3, 0.6), (4, 0.5)])
def test_the_temperature_falls_from_t_max_towards_t_min(step: int, expect: float) -> None:
    assert temperature(step, 4, 0.4, 0.8) == pytest.approx(expect)


def test_uniform_noise_is_every_allowed_id_and_no_other() -> None:
    drawn = uniform_noise(6, {0, 4}, CPU).draw((50, 4), generator())
    assert drawn.shape == (50, 4)
    assert set(drawn.flatten().tolist()) == {1, 2, 3, 5}


def test_mask_noise_is_the_mask_and_draws_nothing() -> None:
    source = generator()
    before = source.get_state()
    assert mask_noise(6, 3).draw((2, 2), source).tolist() == [[3, 3], [3, 3]]
    assert torch.equal(source.get_state(), before)
