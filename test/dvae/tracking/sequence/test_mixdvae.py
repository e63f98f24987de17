from __future__ import annotations

import numpy as np
import pytest
from people import crossing, still_model

from dvae.models.networks.layers import num_parameters
from dvae.models.store.checkpoint import load_as
from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.motion.compiled import CompiledMotion
from dvae.tracking.motion.kalman import LinearGaussian
from dvae.tracking.sequence.mixdvae import PAPER, SequenceConfig, SequenceProblem, track_sequence


def test_elbo_never_falls_when_the_updates_are_exact(rng: np.random.Generator) -> None:
    # an emission that does not depend on the past makes E-S, like E-W, the exact maximiser of the bound
    model = still_model("absolute", log_var=np.log(0.02), mean=0.5)
    observations = [rng.uniform(0.3, 0.7, size=(rng.integers(1, 4), 4)) + [0, 0, 0.5, 0.5] for _ in range(20)]
    start = observations[0][:1].repeat(2, axis=0) + [[0.0], [0.05]]
    config = SequenceConfig(iterations=15, block_iterations=0, tempering=1.0, sample_z=False, observation_ratio=0.3)
    history = track_sequence(model, observations, start, config).history
    assert len(history) == 15
    assert (np.diff(history) >= -1e-9).all()
    assert history[-1] > history[0]


def test_elbo_of_the_variational_kalman_filter_never_falls(rng: np.random.Generator) -> None:
    frames = [boxes + 0.01 * rng.normal(size=boxes.shape) for boxes in crossing(30)]
    frames[10:14] = [boxes[:1] for boxes in frames[10:14]]
    config = SequenceConfig(iterations=20, block_iterations=0)
    history = track_sequence(LinearGaussian(), frames, frames[0], config).history
    assert (np.diff(history) >= -1e-9 * np.abs(history[-1])).all()
    assert history[-1] > history[0]


def test_deep_ar_has_no_latent_variable_and_runs_compiled(rng: np.random.Generator) -> None:
    model = load_as(TrajectorySRNN, "motion_deep_ar_absolute")
    assert num_parameters(model) == num_parameters(model.recurrence) + num_parameters(model.emission)
    truth = crossing()[:20]  # before they meet
    result = track_sequence(model, list(truth), truth[0], SequenceConfig(iterations=5))
    assert np.abs(result.mean.swapaxes(0, 1) - truth).max() < 0.03


def test_sequence_keeps_two_people_who_cross_apart(shipped: TrajectorySRNN, rng: np.random.Generator) -> None:
    truth = crossing()
    frames = []
    for t, boxes in enumerate(truth):
        seen = [n for n in range(2) if not (n == 1 and 35 <= t < 41)]  # the far one is hidden at the crossing
        frames.append(boxes[rng.permutation(seen)] + 0.001 * rng.normal(size=(len(seen), 4)))
    for config in (SequenceConfig(), PAPER):
        result = track_sequence(shipped, frames, truth[0], config)
        assert result.mean.shape == (2, 60, 4)
        assert np.abs(result.mean[:, -1] - truth[-1]).max() < 0.03
        present = np.array([len(boxes) for boxes in frames])
        np.testing.assert_allclose(result.responsibilities.sum((1, 2)), present, rtol=1e-6)


def test_sequence_same_seed_same_result(shipped: TrajectorySRNN) -> None:
    frames = list(crossing(20))
    results = [track_sequence(shipped, frames, frames[0], SequenceConfig(iterations=3), seed=5) for _ in range(2)]
    assert np.array_equal(results[0].mean, results[1].mean)


def test_e_s_step_is_equation_3_18_and_3_19(rng: np.random.Generator) -> None:
    model = still_model("absolute", log_var=np.log(0.02), mean=0.5)
    boxes = rng.uniform(0.3, 0.4, size=(4, 2, 4)) + [0, 0, 0.3, 0.3]
    config = SequenceConfig(tempering=1.0, sample_z=False)
    problem = SequenceProblem(CompiledMotion(model), list(boxes), boxes[0], config, rng)
    problem.e_w()
    problem.e_z_and_e_s()
    eta, t, n = problem.assignment.responsibilities, 2, 1
    weights = eta[t, :, n, None] / problem.phi[t]
    variance = 1.0 / (weights.sum(0) + 1.0 / 0.02)
    np.testing.assert_allclose(problem.variance[n, t], variance)
    np.testing.assert_allclose(problem.mean[n, t], variance * ((weights * boxes[t]).sum(0) + 0.5 / 0.02))


def test_m_step_is_equation_3_26(shipped: TrajectorySRNN, rng: np.random.Generator) -> None:
    frames = list(crossing(8))
    problem = SequenceProblem(CompiledMotion(shipped), frames, frames[0], SequenceConfig(estimate_phi=True), rng)
    problem.e_w()
    problem.e_z_and_e_s()
    problem.m_step()
    eta, t, k = problem.assignment.responsibilities, 5, 1
    difference = frames[t][k] - problem.mean[:, t]
    expected = (eta[t, k, :, None] * (difference**2 + problem.variance[:, t])).sum(0)
    np.testing.assert_allclose(problem.phi[t, k], expected, atol=2e-8)


def test_sequence_refuses_nothing(shipped: TrajectorySRNN) -> None:
    with pytest.raises(ValueError, match="expected at least one frame and one source, got 0 and 1"):
        track_sequence(shipped, [], np.zeros((1, 4)))
