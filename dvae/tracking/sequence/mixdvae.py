"""MixDVAE on a whole recorded sequence with a known number of people: the paper's algorithm.

X. Lin (2024), algorithm 1 (eqs 3.17-3.27) with the settings of section 4.4: one batch holds all sources, Phi is fixed
and comes from each detection, initialisation is by cascade (algorithm 2). What the text leaves open follows the
authors' program: the encoder and the decoder's recurrence read posterior means, only z is sampled; at the first frame
the prediction is the starting box with a variance of 1e-5; E-W may be tempered. Off by default, as in the paper's main
experiments: fine-tuning of the motion model (E-Z by gradient ascent, eq. 3.27) and re-estimation of Phi (eq. 3.26).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from dvae.configuration import setting
from dvae.distributions.gaussian import log_volume
from dvae.inference.responsibilities import Assignment, independent, log_beta
from dvae.inference.variational_em import Step, run_variational_em
from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.admission import FRACTIONS, Rule, box_rules
from dvae.tracking.boxes import Boxes, as_boxes, observation_variance
from dvae.tracking.motion.compiled import CompiledMotion
from dvae.tracking.motion.kalman import KalmanMotion, LinearGaussian
from dvae.tracking.motion.rollout import Array, Birth, EncoderInput, Evidence, Motion, Noise, RollOut, fresh_state
from dvae.tracking.sequence.fine_tuning import FineTunedMotion

MIN_PHI = 1e-8  # in fractions of the image, squared


@dataclass(frozen=True)
class SequenceConfig:
    """Settings of the sequence algorithm. Defaults are what was best for our motion model
    (bench/tracking/ablation.py), the preset PAPER is what the thesis and its program use: they temper E-W, which
    suits absolute coordinates, where eq. 3.25 as printed is better with ours; and 20 iterations of means are as good
    as 70 of samples."""

    iterations: int = setting(20, "EM iterations over the whole sequence", minimum=0)
    block_frames: int = setting(30, "frames of a block of the cascade initialisation", unit="frames", minimum=1)
    block_iterations: int = setting(20, "EM iterations over each block", minimum=0)
    observation_ratio: float = setting(0.04, "r_Phi: standard deviation of boxes over their size", minimum=1e-3)
    tempering: float = setting(1.0, "factor of the exponent of E-W (1: eq. 3.25 as printed)", minimum=0.0)
    fine_tune_rate: float = setting(0.0, "step of Adam on eq. 3.27 in each iteration; 0: no fine-tuning", minimum=0.0)
    first_frame_variance: float = setting(
        1e-5, "variance around the start in the first frame, in fractions of the image, squared", minimum=1e-12
    )
    clutter_nats: float = setting(
        0.0, "how much worse than perfectly a detection may fit before clutter explains it; 0: no clutter", unit="nat"
    )
    propagate: bool = setting(False, "predictions carry the variance of where the source was, as in the online tracker")
    estimate_phi: bool = setting(False, "M step, eq. 3.26; the paper found that it diverges")
    sample_z: bool = setting(False, "draw z from its posterior; false takes its mean")


PAPER = SequenceConfig(iterations=70, tempering=0.008, sample_z=True)  # as in the thesis and the authors' program
PRESETS = {"default": SequenceConfig(), "paper": PAPER}


class SequenceResult(NamedTuple):
    """Posterior of s: mean and variance (N, T, 4); responsibilities (T, K, N), K the most detections in a frame; the
    objective after each iteration over the whole sequence, in nats."""

    mean: Array
    variance: Array
    responsibilities: Array
    history: list[float]


def motion_of(model: TrajectorySRNN | LinearGaussian, config: SequenceConfig) -> Motion:
    """MixDVAE, or Deep AR, or VKF, as the model says."""
    if isinstance(model, LinearGaussian):
        return KalmanMotion(model)
    return FineTunedMotion(model, config.fine_tune_rate) if config.fine_tune_rate else CompiledMotion(model)


def frames_inside(values: Array) -> Array:
    """(T, N, ...) <-> (N, T, ...), in C order: q(w) goes by frames, the motion by people."""
    return np.ascontiguousarray(values.swapaxes(0, 1))


class SequenceProblem:
    """The steps of EM over T frames for N sources, for `run_variational_em`. Boxes in fractions of the image."""

    def __init__(
        self,
        motion: Motion,
        frames: Sequence[Boxes],
        start: Boxes,
        config: SequenceConfig,
        rng: np.random.Generator,
    ) -> None:
        self.motion, self.config, self._rng = motion, config, rng
        self.num_frames, self.num_sources = len(frames), len(start)
        most = max([len(boxes) for boxes in frames] + [1])
        self.observations = np.zeros((self.num_frames, most, 4))
        self.present = np.zeros((self.num_frames, most), dtype=bool)
        self.phi = np.ones((self.num_frames, most, 4))
        for t, boxes in enumerate(frames):
            usable = np.flatnonzero(box_rules(boxes, FRACTIONS) == Rule.USED)
            self.observations[t, usable], self.present[t, usable] = boxes[usable], True
            self.phi[t, usable] = observation_variance(boxes[usable], config.observation_ratio)
        self.start = start
        self.mean = start[:, None].repeat(self.num_frames, axis=1)  # (N, T, 4)
        self.variance = observation_variance(start, config.observation_ratio)[:, None].repeat(self.num_frames, axis=1)
        self.roll: RollOut | None = None
        self.assignment = Assignment(
            np.zeros((self.num_frames, most, self.num_sources)), np.zeros((self.num_frames, most))
        )

    def steps(self) -> list[Step]:
        """E-W, E-Z and E-S; M where Phi is estimated."""
        steps = [Step("E-W", self.e_w), Step("E-Z and E-S", self.e_z_and_e_s)]
        return [*steps, Step("M", self.m_step)] if self.config.estimate_phi else steps

    def e_w(self) -> None:
        """Eqs 3.24 and 3.25; without clutter, unless asked: the paper's sequences have none."""
        log_clutter = np.full(self.present.shape, -np.inf)
        if self.config.clutter_nats:
            perfect = -0.5 * log_volume(self.phi)
            log_clutter[self.present] = (perfect - self.config.clutter_nats)[self.present]
        self.assignment = independent(self._log_beta(), log_clutter)

    def e_z_and_e_s(self) -> None:
        """Eqs 3.18 and 3.19 along the roll-out of the motion model, z drawn anew."""
        eta = self.assignment.responsibilities
        precision = frames_inside(np.einsum("tkn,tkd->tnd", eta, 1.0 / self.phi))
        information = frames_inside(np.einsum("tkn,tkd->tnd", eta, self.observations / self.phi))
        config, shape = self.motion.config, (self.num_sources, self.num_frames)
        noise = Noise(np.zeros((*shape, config.latent_size)), np.zeros((*shape, 4)))
        if self.config.sample_z:
            drawn = self._rng.standard_normal((self.num_frames, self.num_sources, config.latent_size))
            noise = noise._replace(z=frames_inside(drawn))
        first = np.full((self.num_sources, 4), self.config.first_frame_variance)
        roll = self.motion.roll_out(
            fresh_state(self.num_sources, config.hidden_size, config.latent_size, 4),
            Birth(np.zeros(self.num_sources, dtype=np.int64), self.start, first),
            Evidence(precision, information),
            EncoderInput(self.mean, np.ones(shape, dtype=bool)),
            noise,
            np.ones(self.num_frames),
            propagate=self.config.propagate,
        )
        self.roll, self.mean, self.variance = roll, roll.mean, roll.variance

    def m_step(self) -> None:
        """Phi follows eq. 3.26, for detections that somebody explains."""
        eta = self.assignment.responsibilities[..., None]
        mean, variance = frames_inside(self.mean), frames_inside(self.variance)
        spread = np.square(self.observations[:, :, None] - mean[:, None]) + variance[:, None]
        self.phi = np.where(self.present[..., None], (eta * spread).sum(2) + MIN_PHI, 1.0)

    def objective(self) -> float:
        """Eq. 3.10 at the present q(s) and q(z) and the best q(w): E-W evidence - KL(q(s) || p) - KL(q(z) || p)."""
        assert self.roll is not None
        log_beta_ = self._log_beta()
        evidence = float(np.logaddexp.reduce(log_beta_, axis=-1)[self.present].sum())
        return evidence - self.motion.source_kl(self.roll) - float(self.roll.kl.sum())

    def _log_beta(self) -> Array:
        mean, variance = frames_inside(self.mean), frames_inside(self.variance)
        values = log_beta(self.observations, self.phi, mean, variance, self.config.tempering)
        return np.where(self.present[..., None], values, -np.inf)


def track_sequence(
    model: TrajectorySRNN | LinearGaussian,
    frames: Sequence[Boxes],
    start: Boxes,
    config: SequenceConfig | None = None,
    seed: int = 0,
) -> SequenceResult:
    """Follow the N people that are at `start` (N, 4) in the first frame through `frames` (T arrays (K_t, 4)).

    Boxes are x1, y1, x2, y2 in fractions of the image; those that no image can hold (dvae.tracking.admission) explain
    nothing, their responsibilities are 0. Raises ValueError when there is nothing to track, or a start is such a box.
    """
    if not len(frames) or not len(start):
        raise ValueError(f"expected at least one frame and one source, got {len(frames)} and {len(start)}")
    frames, start = [as_boxes(boxes) for boxes in frames], as_boxes(start)
    wrong = start[box_rules(start, FRACTIONS) != Rule.USED]
    if len(wrong):
        raise ValueError(f"expected finite starts with a size, in fractions of the image, got {wrong[0].tolist()}")
    config, rng = config or SequenceConfig(), np.random.default_rng(seed)
    motion = motion_of(model, config)
    whole = SequenceProblem(motion, frames, np.asarray(start, dtype=np.float64), config, rng)
    block_start = whole.start
    for first in range(0, len(frames), config.block_frames):  # algorithm 2
        last = min(first + config.block_frames, len(frames))
        block = SequenceProblem(motion, frames[first:last], block_start, replace(config, iterations=0), rng)
        run_variational_em(block, config.block_iterations)
        whole.mean[:, first:last] = block.mean
        block_start = block.mean[:, -1]
    history = run_variational_em(whole, config.iterations)
    return SequenceResult(whole.mean, whole.variance, whole.assignment.responsibilities, history)
