"""The linear-Gaussian motion of the Variational Kalman Filter, with the interface of the deep motion models.

The baseline of X. Lin (2024), section 4.4.5, after Ban et al., "Variational Bayesian inference for audio-visual
tracking of multiple speakers" (TPAMI 2019): p(s_t | s_{t-1}) = N(s_{t-1}, Lambda), the same E-W as MixDVAE. E-S is
exact: a Kalman filter and a Rauch-Tung-Striebel smoother over the sequence, after which Lambda follows its M step. We
estimate one Lambda for each source and coordinate; one for each frame as well, as the text writes it, has as many
parameters as data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dvae.distributions.gaussian import product
from dvae.tracking.boxes import observation_variance
from dvae.tracking.motion.rollout import Array, Birth, EncoderInput, Evidence, MotionState, Noise, RollOut

LEAST_VARIANCE = 1e-10  # of Lambda, in fractions of the image, squared


@dataclass(frozen=True)
class LinearGaussian:
    """In place of a trained model; start_ratio: standard deviation of a step before the first M step, in box sizes."""

    start_ratio: float = 0.04
    latent_size: int = 0
    hidden_size: int = 0


class Chain(NamedTuple):
    """What the smoother knows beside means and variances, frames first: the prior of the first frame, E[(s_t -
    s_{t-1})^2] and the variance of q(s_t | s_{t-1}), both (T - 1, N, 4)."""

    first: Birth
    squared_step: Array
    conditional: Array


class KalmanMotion:
    """E-S for all sources at once. Keeps Lambda (N, 4) between calls."""

    def __init__(self, config: LinearGaussian) -> None:
        self.config = config
        self.step_variance: Array | None = None  # Lambda
        self._chain: Chain | None = None

    def roll_out(
        self,
        state: MotionState,
        birth: Birth,
        evidence: Evidence,
        encoder: EncoderInput,
        noise: Noise,
        rate: Array,
        propagate: bool,
    ) -> RollOut:
        """Smooth, then step Lambda. All sources must begin in the first frame; only birth and evidence are read."""
        precision, information = (np.ascontiguousarray(part.swapaxes(0, 1)) for part in evidence)  # frames first
        num_frames = len(precision)
        walk = self.step_variance
        if walk is None:
            walk = observation_variance(birth.mean, self.config.start_ratio)
        mean, variance = np.zeros_like(precision), np.zeros_like(precision)
        predicted_mean, predicted = np.zeros_like(mean), np.zeros_like(mean)
        for t in range(num_frames):
            predicted_mean[t] = mean[t - 1] if t else birth.mean
            predicted[t] = variance[t - 1] + walk if t else birth.variance
            mean[t], variance[t] = product(predicted_mean[t], predicted[t], precision[t], information[t])
        covariance = np.zeros((num_frames - 1, *mean.shape[1:]))
        for t in range(num_frames - 2, -1, -1):
            gain = variance[t] / predicted[t + 1]
            mean[t] = mean[t] + gain * (mean[t + 1] - predicted_mean[t + 1])
            variance[t] = variance[t] + np.square(gain) * (variance[t + 1] - predicted[t + 1])
            covariance[t] = gain * variance[t + 1]
        squared_step = np.square(np.diff(mean, axis=0)) + variance[1:] + variance[:-1] - 2.0 * covariance
        self._chain = Chain(birth, squared_step, variance[1:] - np.square(covariance) / variance[:-1])
        self.step_variance = np.maximum(squared_step.mean(axis=0), LEAST_VARIANCE) if num_frames > 1 else walk
        nothing = np.zeros((num_frames, len(birth.mean), 0))
        states = (nothing, nothing, nothing, mean, np.zeros_like(mean), variance, np.zeros(mean.shape[:2]))
        main = (mean, variance, predicted_mean, predicted, np.zeros(mean.shape[:2]))
        swapped = MotionState._make(part.swapaxes(0, 1) for part in states)
        return RollOut._make([*(part.swapaxes(0, 1) for part in main), swapped])

    def source_kl(self, roll: RollOut) -> float:
        """KL(q(s_{1:T}) || p(s_{1:T})) of the chains of the last roll-out, at the new Lambda, in nats."""
        assert self.step_variance is not None
        assert self._chain is not None
        before, squared_step, conditional = self._chain
        squared = np.square(roll.mean[:, 0] - before.mean) + roll.variance[:, 0]
        first = np.log(before.variance / roll.variance[:, 0]) + squared / before.variance - 1.0
        later = np.log(self.step_variance / conditional) + squared_step / self.step_variance - 1.0
        return float(0.5 * (first.sum() + later.sum()))
