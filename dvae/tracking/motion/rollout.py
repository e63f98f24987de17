"""The hot loop of the tracker: roll the motion model over time and fuse its predictions with the detections.

For each frame in turn: encode z_t, decode p(s_t | s_{1:t-1}, z_t), update q(s_t) by eqs 3.18 and 3.19 of X. Lin
(2024). It exists twice: `roll_out_torch`, the differentiable reference for any device, and `CompiledMotion.roll_out`
(dvae.tracking.motion.compiled), the same on a CPU in compiled code; a test holds them equal.

Beside the paper's form, where the prediction of frame t has the decoder's variance v alone, `propagate` adds the
variance of q(s_{t-1}): the density of s_t given the past *detections* rather than given a past position. After a frame
without detection the standard deviations are added instead, because the error is then the same wrong velocity again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dvae.distributions.gaussian import kl_divergence, product
from dvae.models.trajectory_srnn import TrajectorySRNN, TrajectoryState

Array = NDArray[np.float64]
Values = Any  # a numpy array in the compiled form, a tensor in the reference


class MotionState(NamedTuple):
    """The recurrent state of N tracks after a frame."""

    hidden: Values  # (N, H)
    cell: Values  # (N, H)
    z: Values  # (N, L)
    source: Values  # (N, D), s of the last frame
    step_input: Values  # (N, D), see TrajectoryState
    variance: Values  # (N, D), of q(s) of the last frame
    missed: Values  # (N,), 1 where the last frame had no detection


class Birth(NamedTuple):
    """Where tracks begin inside the window: before `frame` (N,) a track does not exist, at it q(s) combines the
    detections with N(mean, variance), both (N, D). frame = -1: the track goes on from the given state."""

    frame: Values
    mean: Values
    variance: Values


class Evidence(NamedTuple):
    """What the detections say: sums over k of eta / Phi and of eta o / Phi, each (N, T, D), or (N, D) of one frame
    (eqs 3.18, 3.19)."""

    precision: Values
    information: Values


class EncoderInput(NamedTuple):
    """What the encoder is shown: s of the iteration before, (N, T, D); mask (N, T): false where z comes from the prior
    instead."""

    source: Values
    mask: Values


class Noise(NamedTuple):
    """Standard normal draws for z (N, T, L) and s (N, T, D); zeros give the means."""

    z: Values
    s: Values


class RollOut(NamedTuple):
    """Posterior and prediction of s (N, T, D), KL of z (N, T), and the state after each frame, axes (N, T, ...)."""

    mean: Values
    variance: Values
    predicted_mean: Values
    predicted_variance: Values
    kl: Values
    states: MotionState


class Motion(Protocol):
    """How people move, for E-S: a trained model compiled, one that is fine-tuned as it goes, or a Kalman smoother."""

    config: Any  # with hidden_size and latent_size

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
        """See `roll_out_torch`."""

    def source_kl(self, roll: RollOut) -> float:
        """KL(q(s) || p(s)) of a roll-out, in nats."""


def source_kl(roll: RollOut) -> float:
    """Sum over frames of KL(q(s_t) || p(s_t | s_{1:t-1}, z_t)), in nats."""
    variance, predicted = roll.variance, roll.predicted_variance
    difference = np.square(roll.mean - roll.predicted_mean) / predicted
    return float(0.5 * (np.log(predicted / variance) + variance / predicted + difference - 1.0).sum())


Bundle = TypeVar("Bundle", MotionState, Birth, Evidence, EncoderInput, Noise, RollOut)


def zero_noise(num_tracks: int, num_frames: int, latent_size: int, data_size: int) -> Noise:
    """Noise that makes every draw its mean."""
    return Noise(np.zeros((num_tracks, num_frames, latent_size)), np.zeros((num_tracks, num_frames, data_size)))


def fresh_state(num_tracks: int, hidden_size: int, latent_size: int, data_size: int) -> MotionState:
    """All zeros; tracks that are born in the window overwrite it."""
    shapes = [hidden_size, hidden_size, latent_size, data_size, data_size, data_size]
    return MotionState._make([*(np.zeros((num_tracks, size)) for size in shapes), np.zeros(num_tracks)])


def as_tensors(bundle: Bundle, like: Tensor) -> Bundle:
    """The same with tensors of the type and device of `like` in place of arrays (frame numbers stay whole)."""
    parts = (torch.as_tensor(np.asarray(part), device=like.device) for part in bundle)
    return type(bundle)._make(part.to(like.dtype) if part.is_floating_point() else part for part in parts)


def spread(variance: Tensor, step_variance: Tensor, missed: Tensor) -> Tensor:
    """Variance of the prediction: variances add, or standard deviations after a frame without detection (N,)."""
    # a square root at zero has no gradient; the constant is far below any box noise
    coasting = ((variance + 1e-12).sqrt() + (step_variance + 1e-12).sqrt()).square()
    return torch.where(missed[:, None] > 0, coasting, variance + step_variance)


def roll_out_torch(
    model: TrajectorySRNN,
    state: MotionState,
    birth: Birth,
    evidence: Evidence,
    encoder: EncoderInput,
    noise: Noise,
    rate: Sequence[float],
    propagate: bool,
) -> RollOut:
    """The reference, on tensors, frames first inside. rate (T,): time steps in frames of the training data."""
    current = TrajectoryState((state.hidden, state.cell), state.z, state.source, state.step_input)
    variance, missed = state.variance, state.missed
    frames: list[tuple[Tensor, ...]] = []
    for t, step_rate in enumerate(rate):
        precision, information = evidence.precision[:, t], evidence.information[:, t]
        born, exists = birth.frame == t, birth.frame <= t
        going_on, starts = (exists & ~born)[:, None], born[:, None]
        # a track that does not exist yet has no size: give it one, its values are overwritten at birth
        current = current._replace(source=torch.where(going_on, current.source, birth.mean))
        densities = model.step(current, encoder.source[:, t], noise.z[:, t], encoder.mask[:, t], float(step_rate))
        step_variance = densities.emission.log_var.exp()
        step_variance = spread(variance, step_variance, missed) if propagate else step_variance
        predicted_mean = torch.where(starts, birth.mean, densities.emission.mean)
        predicted_var = torch.where(starts, birth.variance, step_variance)
        mean, variance = product(predicted_mean, predicted_var, precision, information)  # eqs 3.18 and 3.19
        drawn = mean + variance.sqrt() * noise.s[:, t]
        after, fresh = model.advance(current, densities, drawn, float(step_rate)), model.initial_state(drawn)
        current = TrajectoryState(
            (
                torch.where(starts, fresh.recurrence[0], after.recurrence[0]),
                torch.where(starts, fresh.recurrence[1], after.recurrence[1]),
            ),
            torch.where(starts, fresh.z, after.z),
            drawn,
            torch.where(starts, fresh.step_input, after.step_input),
        )
        missed = (precision.sum(-1) <= 0).to(mean.dtype)
        kl = kl_divergence(densities.posterior, densities.prior).sum(-1) * going_on[:, 0]
        state_now = (*current.recurrence, current.z, current.source, current.step_input, variance, missed)
        frames.append((mean, variance, predicted_mean, predicted_var, kl, *state_now))
    stacked = [torch.stack(parts).transpose(0, 1) for parts in zip(*frames, strict=True)]
    return RollOut._make([*stacked[:5], MotionState._make(stacked[5:])])
