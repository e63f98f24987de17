from __future__ import annotations

import math

import pytest
import torch

from dvae.models.trajectory_srnn import TrajectorySRNN, TrajectorySRNNConfig


@pytest.mark.parametrize("coordinates", ["absolute", "relative"])
def test_srnn_elbo_gradient_against_finite_differences(coordinates: str, generator: torch.Generator) -> None:
    model = TrajectorySRNN(TrajectorySRNNConfig(coordinates=coordinates)).double()
    corner = torch.rand(2, 4, 2, generator=generator, dtype=torch.float64)
    boxes = torch.cat([corner, corner + 0.3], dim=-1)
    noise = torch.randn(2, 4, 4, generator=generator, dtype=torch.float64)
    weight = model.recurrence.lstm.weight_ih_l0
    model.elbo(boxes, noise).elbo.backward()
    with torch.no_grad():
        values = []
        for change in (1e-5, -1e-5):
            weight[3, 1] += change
            values.append(float(model.elbo(boxes, noise).elbo))
            weight[3, 1] -= change
    assert weight.grad is not None
    assert float(weight.grad[3, 1]) == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-4, abs=1e-7)


@torch.no_grad()
def test_relative_srnn_does_not_care_where_and_how_large(generator: torch.Generator) -> None:
    model = TrajectorySRNN(TrajectorySRNNConfig(coordinates="relative")).double()
    corner = torch.cumsum(torch.rand(1, 5, 2, generator=generator, dtype=torch.float64) * 0.01, 1)
    boxes = torch.cat([corner, corner + 0.3], dim=-1)
    noise = torch.zeros(1, 5, 4, dtype=torch.float64)
    plain, moved = model.elbo(boxes, noise), model.elbo(10.0 * boxes + 3.0, noise)
    assert float(moved.kl) == pytest.approx(float(plain.kl))
    assert float(moved.reconstruction) == pytest.approx(float(plain.reconstruction) - 4 * math.log(10.0))


def test_srnn_generates_boxes(generator: torch.Generator) -> None:
    boxes = TrajectorySRNN(TrajectorySRNNConfig()).generate(torch.tensor([[0.0, 0.0, 1.0, 2.0]]), 5, generator)
    assert boxes.shape == (1, 5, 4)
    assert boxes.isfinite().all()


@pytest.mark.parametrize("coordinates", ["absolute", "relative"])
def test_srnn_over_a_sequence_is_its_steps(coordinates: str, generator: torch.Generator) -> None:
    torch.manual_seed(3)
    model = TrajectorySRNN(TrajectorySRNNConfig(coordinates=coordinates)).double()
    corner = 0.3 + 0.02 * torch.randn(2, 7, 2, generator=generator, dtype=torch.float64)
    source = torch.cat([corner, corner + 0.2], dim=-1)
    noise = torch.randn(2, 7, 4, generator=generator, dtype=torch.float64)
    whole = model.teacher_forced(source, noise)
    state = model.initial_state(source[:, 0])
    for t in range(1, 7):
        one = model.step(state, source[:, t], noise[:, t])
        for name in ("posterior", "prior", "emission"):
            for found, expected in zip(getattr(whole, name), getattr(one, name), strict=True):
                torch.testing.assert_close(found[:, t - 1], expected)
        state = model.advance(state, one, source[:, t])
    never = torch.zeros(2, 7, dtype=torch.bool)  # scheduled sampling that never samples
    for found, expected in zip(model.elbo(source, noise), model.elbo(source, noise, keep_own=never), strict=True):
        torch.testing.assert_close(found, expected)
