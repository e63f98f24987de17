from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from people import crossing, random_model

from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.motion.compiled import CompiledMotion
from dvae.tracking.motion.rollout import (
    Birth,
    EncoderInput,
    Evidence,
    fresh_state,
    zero_noise,
)
from dvae.tracking.motion.trajectories import draw_trajectories
from dvae.tracking.sequence.fine_tuning import FineTunedMotion
from dvae.tracking.sequence.mixdvae import SequenceConfig, track_sequence


def test_fine_tuning_raises_its_objective_and_leaves_the_model_alone(shipped: TrajectorySRNN) -> None:
    before = {name: value.clone() for name, value in shipped.state_dict().items()}
    frames = list(crossing(20))
    plain = SequenceConfig(iterations=12, sample_z=False)
    histories = [
        track_sequence(shipped, frames, frames[0], config).history
        for config in (plain, replace(plain, fine_tune_rate=1e-3))
    ]
    assert histories[0][0] != histories[1][0]  # the blocks of the initialisation were fine-tuned already
    assert histories[1][-1] > histories[0][-1]
    assert all(torch.equal(value, before[name]) for name, value in shipped.state_dict().items())


def test_a_fine_tuning_step_without_rate_is_the_compiled_roll_out(rng: np.random.Generator) -> None:
    model = random_model("relative")
    boxes = draw_trajectories(2, 6, rng)
    birth = Birth(np.zeros(2, dtype=np.int64), boxes[:, 0].copy(), np.full((2, 4), 1e-5))
    arguments = (
        fresh_state(2, 5, 4, 4),
        birth,
        Evidence(np.full(boxes.shape, 1e4), 1e4 * boxes),
        EncoderInput(boxes, np.ones((2, 6), dtype=bool)),
        zero_noise(2, 6, 4, 4),
        np.ones(6),
        False,
    )
    found, expected = FineTunedMotion(model, 1e-3).roll_out(*arguments), CompiledMotion(model).roll_out(*arguments)
    np.testing.assert_allclose(found.mean, expected.mean)
