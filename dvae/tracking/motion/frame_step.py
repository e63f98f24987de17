"""One frame of the roll-out: what the online tracker needs of a motion model. z comes from its prior, without noise."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dvae.tracking.boxes import Boxes, BoxEstimate
from dvae.tracking.motion.rollout import (
    Array,
    Birth,
    EncoderInput,
    Evidence,
    Motion,
    MotionState,
    Noise,
    RollOut,
    fresh_state,
    zero_noise,
)


@lru_cache(maxsize=256)
def nothing_more(num_tracks: int, latent_size: int) -> tuple[Birth, EncoderInput, Noise]:
    """No birth, nothing shown to the encoder, no noise, for one frame; never written to."""
    birth = Birth(np.full(num_tracks, -1), np.zeros((num_tracks, 4)), np.ones((num_tracks, 4)))
    encoder = EncoderInput(np.zeros((num_tracks, 1, 4)), np.zeros((num_tracks, 1), dtype=bool))
    return birth, encoder, zero_noise(num_tracks, 1, latent_size, 4)


class FrameStep:
    """Predict, update and begin N tracks, one frame at a time. rate: time step in frames of the training data."""

    def __init__(self, motion: Motion) -> None:
        self._motion, self._config = motion, motion.config

    def fresh(self, num_tracks: int) -> MotionState:
        """The state of tracks that have not begun."""
        return fresh_state(num_tracks, self._config.hidden_size, self._config.latent_size, 4)

    def predict(self, state: MotionState, rate: float) -> BoxEstimate:
        """Where the tracks are expected, (N, 4) each."""
        nothing = np.zeros((len(state.z), 4))
        roll = self._roll_out(state, nothing, nothing, rate)
        return BoxEstimate(roll.predicted_mean[:, 0], roll.predicted_variance[:, 0])

    def update(
        self, state: MotionState, precision: Array, information: Array, rate: float
    ) -> tuple[MotionState, Boxes]:
        """The state after detections with that Evidence (N, 4), and the posterior mean of the boxes (N, 4)."""
        roll = self._roll_out(state, precision, information, rate)
        return last(roll), roll.mean[:, 0]

    def begin(self, boxes: Boxes, variance: Array, rate: float) -> MotionState:
        """The state of tracks that begin at detections (M, 4)."""
        birth, nothing = Birth(np.zeros(len(boxes), dtype=np.int64), boxes, variance), np.zeros((len(boxes), 4))
        roll = self._roll_out(self.fresh(len(boxes)), nothing, nothing, rate, birth)
        return last(roll)._replace(missed=np.zeros(len(boxes)))

    def _roll_out(
        self, state: MotionState, precision: Array, information: Array, rate: float, birth: Birth | None = None
    ) -> RollOut:
        no_birth, encoder, noise = nothing_more(len(state.z), self._config.latent_size)
        evidence = Evidence(precision[:, None], information[:, None])
        return self._motion.roll_out(
            state, birth or no_birth, evidence, encoder, noise, np.array([rate]), propagate=True
        )


def last(roll: RollOut) -> MotionState:
    """The state after the last frame."""
    return MotionState._make(part[:, -1] for part in roll.states)
