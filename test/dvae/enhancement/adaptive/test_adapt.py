"""The loop of the adaptive methods: what must hold whatever the weights are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dvae.enhancement.adaptive.adapt import adapt, is_done
from dvae.enhancement.adaptive.config import AdaptationConfig
from dvae.enhancement.adaptive.langevin import LangevinEM
from dvae.enhancement.adaptive.method import Method
from dvae.enhancement.adaptive.noise_adaptation import NoiseAdaptation
from dvae.enhancement.adaptive.noise_networks import NoisySpeech, NoisySpeechConfig
from dvae.enhancement.adaptive.utterances import Utterances
from dvae.enhancement.adaptive.vem import VariationalEM
from dvae.inference.variational_em import Step

SMALL = {"num_bins": 20, "latent_size": 3, "hidden_size": 6}
DEPENDENCIES = ["LV", "NO", "NOLV"]


def make(kind: str, utterances: Utterances, config: AdaptationConfig) -> Method:
    torch.manual_seed(4)
    model = NoisySpeech(NoisySpeechConfig(**SMALL, dependency=kind if kind in DEPENDENCIES else "LV"))  # type: ignore[arg-type]
    if kind in DEPENDENCIES:
        return NoiseAdaptation(model.rvae, model.noise, utterances, config)
    return {"VEM": VariationalEM, "LDEM": LangevinEM}[kind](model.rvae, utterances, config)


@pytest.mark.parametrize("kind", ["VEM", "LDEM", *DEPENDENCIES])
def test_adaptation_raises_the_bound_and_stops_by_it(kind: str, utterances: Utterances) -> None:
    config = AdaptationConfig(max_iterations=150, learning_rate=1e-2, tolerance=0.3)
    found = adapt(make(kind, utterances, config), utterances, config)
    assert found.gain.shape == utterances.power.shape
    assert ((found.gain >= 0) & (found.gain <= 1)).all()
    assert (found.gain[1, 7:] == 0).all()  # padding
    for b in range(3):
        count = int(found.iterations[b])
        bounds = found.bounds[:count, b]
        assert config.min_iterations <= count <= config.max_iterations
        assert torch.isfinite(bounds).all()
        assert torch.isnan(found.bounds[count:, b]).all()
        assert bounds[-10:].mean() > bounds[:5].mean() + 1
    assert found.iterations.min() < config.max_iterations  # somebody was done before the end


@pytest.mark.parametrize("kind", ["VEM", "NOLV"])
def test_an_utterance_that_leaves_does_not_disturb_the_others(kind: str, utterances: Utterances) -> None:
    """Leaving the batch keeps weights and Adam's memory of the others: the bound goes on without a jump."""
    config = AdaptationConfig(max_iterations=60, min_iterations=60, learning_rate=1e-3)
    method = make(kind, utterances, config)
    bounds = []
    for i in range(60):
        for step in method.steps():
            step.update()
        bounds.append(method.bound()[-1])
        if i == 30:
            method.select(torch.tensor([0, 2]))
    steps = np.abs(np.diff(torch.stack(bounds).numpy()))
    assert steps[30:33].max() < 3 * np.quantile(steps[20:30], 0.9) + 0.5


class Ramps(Method):
    """Bounds that rise by one an iteration up to a knee, another for each utterance."""

    def __init__(self, knees: list[int]) -> None:
        self.knees, self.number = torch.tensor(knees), 0

    def steps(self) -> list[Step]:
        return [Step("E-Z", self.e_z)]

    def e_z(self) -> None:
        self.number += 1

    def bound(self) -> torch.Tensor:
        return self.knees.clamp_max(self.number).float()

    def gain(self) -> torch.Tensor:
        """Says whose it is, and when: every bin is knee + iteration / 1000."""
        return (self.knees + self.number / 1000.0)[:, None, None].expand(-1, 12, 20)

    def select(self, kept: torch.Tensor) -> None:
        self.knees = self.knees[kept]


def last_iteration(knee: int, config: AdaptationConfig) -> int:
    """By the rule as it is stated, iteration by iteration."""
    for number in range(config.min_iterations, config.max_iterations):
        bounds = [min(knee, i) for i in range(1, number + 1)]
        if number >= 2 * config.patience:
            recent = np.mean(bounds[-config.patience :]) - np.mean(bounds[-2 * config.patience : -config.patience])
            if recent < config.tolerance:
                return number
    return config.max_iterations


@pytest.mark.parametrize("minimum", [1, 9, 14])
def test_an_utterance_is_done_when_its_bound_has_stopped_rising(utterances: Utterances, minimum: int) -> None:
    config = AdaptationConfig(max_iterations=20, min_iterations=minimum, patience=4, tolerance=1.5)
    knees = [16, 3, 6]
    found = adapt(Ramps(knees), utterances, config)
    expected = [last_iteration(knee, config) for knee in knees]
    assert found.iterations.tolist() == expected
    assert len(found.bounds) == max(expected)
    for b, (knee, number) in enumerate(zip(knees, expected, strict=True)):
        assert found.bounds[:number, b].tolist() == [min(knee, i) for i in range(1, number + 1)]
        assert found.bounds[number:, b].isnan().all()
        length = utterances.lengths[b]
        torch.testing.assert_close(found.gain[b, :length], torch.full((int(length), 20), knee + number / 1000.0))
        assert not found.gain[b, length:].any()


def test_the_last_iteration_is_the_end_for_all(utterances: Utterances) -> None:
    config = AdaptationConfig(max_iterations=5, min_iterations=1, patience=10)
    found = adapt(Ramps([9, 9, 9]), utterances, config)
    assert found.iterations.tolist() == [5, 5, 5]
    assert (found.gain[0] > 9).all()


def test_a_rise_of_just_the_tolerance_goes_on() -> None:
    config = AdaptationConfig(max_iterations=9, min_iterations=1, patience=2, tolerance=2.0)
    bounds = torch.arange(8.0)[:, None] * torch.tensor([1.0, 0.999])  # rise by 2 and by 1.998 over two iterations
    assert is_done(bounds, config).tolist() == [False, True]
    assert is_done(bounds[:3], config).tolist() == [False, False]
    assert is_done(bounds[:4], config).tolist() == [False, True]


def test_a_bound_that_is_not_finite_stops(utterances: Utterances) -> None:
    method = Ramps([1, 1, 1])
    method.bound = lambda: torch.tensor([1.0, torch.nan, 1.0])  # type: ignore[method-assign]
    with pytest.raises(FloatingPointError, match="iteration 1: expected a finite objective, got nan"):
        adapt(method, utterances, AdaptationConfig())


def test_the_objective_is_the_mean_of_the_bounds() -> None:
    method = Ramps([1, 5, 9])
    method.number = 7
    assert method.objective() == pytest.approx((1 + 5 + 7) / 3)
