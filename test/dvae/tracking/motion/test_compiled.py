from __future__ import annotations

import numpy as np
import pytest
import torch
from people import random_model, still_model

from dvae.tracking.motion.compiled import CompiledMotion
from dvae.tracking.motion.rollout import (
    Birth,
    EncoderInput,
    Evidence,
    Noise,
    as_tensors,
    fresh_state,
    roll_out_torch,
    zero_noise,
)
from dvae.tracking.motion.trajectories import draw_trajectories


@pytest.mark.parametrize("coordinates", ["absolute", "relative"])
@pytest.mark.parametrize("propagate", [False, True])
def test_compiled_roll_out_equals_the_reference(coordinates: str, propagate: bool, rng: np.random.Generator) -> None:
    model, num_frames, num_tracks = random_model(coordinates), 9, 4
    config = model.config
    boxes = draw_trajectories(num_tracks, num_frames, rng)
    first = boxes[:, 0].copy()
    precision = rng.uniform(1e3, 1e4, size=boxes.shape) * (rng.random((num_tracks, num_frames, 1)) < 0.7)
    birth = Birth(np.array([-1, 0, 3, 8]), first, rng.uniform(0.01, 0.1, size=(num_tracks, 4)))
    state = fresh_state(num_tracks, config.hidden_size, 4, 4)
    state = state._replace(
        source=first, hidden=rng.normal(size=state.hidden.shape), variance=np.full((num_tracks, 4), 0.01)
    )
    evidence = Evidence(precision, precision * boxes)
    encoder = EncoderInput(boxes, rng.random((num_tracks, num_frames)) < 0.6)
    noise = Noise(rng.normal(size=(num_tracks, num_frames, 4)), 0.1 * rng.normal(size=boxes.shape))
    rate = rng.uniform(0.5, 3.0, size=num_frames) if coordinates == "relative" else np.ones(num_frames)
    found = CompiledMotion(model).roll_out(state, birth, evidence, encoder, noise, rate, propagate)
    like = next(model.parameters())
    with torch.no_grad():
        bundles = (as_tensors(part, like) for part in (state, birth, evidence, encoder, noise))
        expected = roll_out_torch(model, *bundles, rate, propagate)
    exists = np.arange(num_frames) >= birth.frame[:, None]
    for name in ("mean", "variance", "predicted_mean", "predicted_variance", "kl"):
        ours, reference = getattr(found, name), getattr(expected, name).numpy()
        np.testing.assert_allclose(ours[exists], reference[exists], rtol=1e-9, atol=1e-12, err_msg=name)
    for name in found.states._fields:
        ours, reference = getattr(found.states, name), getattr(expected.states, name).numpy()
        np.testing.assert_allclose(ours[exists], reference[exists], rtol=1e-9, atol=1e-12, err_msg=name)


def test_roll_out_is_a_kalman_filter_for_a_random_walk(rng: np.random.Generator) -> None:
    log_var, unit = 0.4, 0.05
    model = still_model("relative", log_var)
    num_frames = 30
    # boxes of size 1 that jitter so little that their size, the unit of the walk, stays 1
    boxes = np.array([0.0, 0.0, 1.0, 1.0]) + 1e-4 * rng.normal(size=(1, num_frames, 4))
    phi = 0.02
    evidence = Evidence(np.full(boxes.shape, 1 / phi), boxes / phi)
    birth = Birth(np.zeros(1, dtype=np.int64), boxes[:, 0].copy(), np.full((1, 4), 1e6))
    roll = CompiledMotion(model).roll_out(
        fresh_state(1, 8, 4, 4), birth, evidence, EncoderInput(boxes, np.zeros((1, num_frames), dtype=bool)),
        zero_noise(1, num_frames, 4, 4), np.ones(num_frames), propagate=True,
    )  # fmt: skip
    mean, variance, walk = boxes[0, 0, 0], 1 / (1 / phi + 1e-6), unit**2 * np.exp(log_var)
    for t in range(1, num_frames):
        predicted = variance + walk
        gain = predicted / (predicted + phi)
        mean, variance = mean + gain * (boxes[0, t, 0] - mean), (1 - gain) * predicted
        assert roll.mean[0, t, 0] == pytest.approx(mean, abs=1e-6)
        assert roll.variance[0, t, 0] == pytest.approx(variance, rel=1e-3)
