"""Task `motion`: an SRNN on synthetic trajectories, with scheduled sampling and KL warm-up (X. Lin, 2024, 4.3).

In absolute coordinates this is the paper: teacher forcing that gives way, frame by frame, to the model's own output.

In relative coordinates the scheduled sampling goes one step further: the recurrence is shown what a tracker shows it. A
simulated detector adds noise to the true positions and misses some; the E-S step fuses the prediction with the
detection (dvae.tracking.motion.rollout, the very loop of the tracker); the posterior means go back in. What is
maximised is the density of the true position under the tracker's prediction, so that its variance is calibrated in use.
The fraction of missed frames ramps up like the sampling probability of the paper: a missed frame is one where the model
is shown its own prediction. Trajectories also get a random wander and speeds of up to `data.max_speed` times, because
people are less smooth than parabolas and cameras differ in frame rate.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dvae.distributions.gaussian import Gaussian, gaussian_log_likelihood
from dvae.models.elbo import ELBO
from dvae.models.module import configured
from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.boxes import sizes
from dvae.tracking.motion.rollout import Birth, EncoderInput, Evidence, Noise, as_tensors, fresh_state, roll_out_torch
from dvae.tracking.motion.trajectories import draw_trajectories
from dvae.training.recipe import Optimisation, Recipe
from dvae.training.recipe_data import MotionData
from dvae.training.task import Batch, Datasets, SeededBatches, Task

Array = NDArray[np.float64]
UNCERTAIN = 1e6  # prior variance of a first position, in units of Phi: the first detection decides


class MotionTask(Task):
    """Fits a TrajectorySRNN. Validation is at the end of the sampling ramp, whatever the epoch."""

    model: TrajectorySRNN

    def __init__(self, model: TrajectorySRNN, optimisation: Optimisation, observation_ratio: float) -> None:
        super().__init__(model, optimisation)
        self.observation_ratio = observation_ratio

    def train_loss(self, batch: Batch) -> dict[str, Tensor]:
        return self._loss(batch, self.beta, self.sampling)

    def valid_loss(self, batch: Batch) -> dict[str, Tensor]:
        return self._loss(batch, self.optimisation.beta, 1.0)

    def _loss(self, batch: Batch, beta: float, own_fraction: float) -> dict[str, Tensor]:
        source, observed, missed, seed = batch
        noise = self.noise((*source.shape[:2], self.model.config.latent_size), int(seed))
        own = self.chosen(source.shape[:2], own_fraction, int(seed))
        if self.model.config.coordinates == "relative":
            value = self._tracking_elbo(source, observed, ~(missed & own), noise, beta)
        else:
            value = self.model.elbo(source, noise, beta, own)
        return {"loss": -value.elbo, "reconstruction": value.reconstruction, "kl": value.kl}

    def _tracking_elbo(self, source: Tensor, observed: Tensor, seen: Tensor, noise: Tensor, beta: float) -> ELBO:
        """Density of the true positions (B, T, 4) under predictions from detections `observed` where `seen` (B, T)."""
        size = torch.cat([observed[..., 2:] - observed[..., :2]] * 2, dim=-1)
        phi = (self.observation_ratio * size).square()
        precision = torch.where(seen[..., None], 1.0 / phi, torch.zeros_like(phi))
        evidence = Evidence(precision, precision * observed)
        (count, num_frames), config, like = seen.shape, self.model.config, source.new_zeros
        state = as_tensors(fresh_state(count, config.hidden_size, config.latent_size, config.data_size), source)
        birth = Birth(like(count, dtype=torch.long), observed[:, 0], UNCERTAIN * phi[:, 0])
        rate, off, still = [1.0] * num_frames, torch.zeros_like(seen), like(source.shape)
        with torch.no_grad():  # the iteration before, which gives the encoder something to read
            means = Noise(like(noise.shape), still)
            before = roll_out_torch(
                self.model, state, birth, evidence, EncoderInput(observed, off), means, rate, propagate=True
            )
        encode = off
        if noise.shape[-1]:
            encode = seen & (noise[..., 0] > 0)  # every second frame: prior and posterior predictions both matter
        encoder = EncoderInput(before.mean, encode)
        roll = roll_out_torch(self.model, state, birth, evidence, encoder, Noise(noise, still), rate, propagate=True)
        predicted = Gaussian(roll.predicted_mean[:, 1:], roll.predicted_variance[:, 1:].log())
        reconstruction = gaussian_log_likelihood(source[:, 1:], predicted).sum(-1).mean()
        kl = roll.kl[:, 1:].mean()
        return ELBO(reconstruction - beta * kl, reconstruction, kl)


def ar1(shape: tuple[int, ...], correlation: Array, rng: np.random.Generator, tails: float = np.inf) -> Array:
    """Unit-variance AR(1) noise along axis 1 of `shape` (B, T, D), correlation (B, 1). With finite `tails` > 2 it is
    driven by Student's t of so many degrees of freedom: now and then a jump."""
    noise = rng.normal(size=shape)
    if np.isfinite(tails):
        noise = rng.standard_t(tails, size=shape) * np.sqrt((tails - 2.0) / tails)
    for t in range(1, shape[1]):
        noise[:, t] = correlation * noise[:, t - 1] + np.sqrt(1 - correlation**2) * noise[:, t]
    return noise


class TrajectoryBatches(SeededBatches):
    """A fixed set of trajectories, reshuffled and observed anew each epoch: true and detected positions (B, T, 4) and
    where the detector misses (B, T)."""

    def __init__(self, data: MotionData, options: Optimisation, number: int, seed: int, shuffle: bool) -> None:
        super().__init__(number // options.batch_size, seed)
        self.data, rng = data, np.random.default_rng(seed)
        trajectories = draw_trajectories(number, options.num_frames, rng)
        size = trajectories[..., 2:] - trajectories[..., :2]
        fastest = np.abs(np.diff(trajectories[..., :2], axis=1) / size[:, 1:]).max((1, 2))[:, None, None]
        speed = np.exp(rng.uniform(0.0, np.log(self.data.max_speed), size=(number, 1, 1)))
        speed = np.minimum(speed, self.data.max_step / np.maximum(fastest, 1e-9))
        top_left = trajectories[:, :1, :2] + speed * (trajectories[..., :2] - trajectories[:, :1, :2])
        strength = self.data.max_wander * 10 ** rng.uniform(-2.0, 0.0, size=(number, 1, 1))
        persistence = rng.uniform(0.5, 0.95, size=(number, 1))
        wander = strength * ar1((number, options.num_frames, 4), persistence, rng, self.data.wander_tails)
        deformation = rng.uniform(0.1, 0.7, size=(number, 1, 1))
        size = size * np.exp(np.cumsum(deformation * wander[..., 2:], axis=1))
        top_left = top_left + np.cumsum(wander[..., :2] * size, axis=1)
        self.source = np.concatenate([top_left, top_left + size], axis=-1)
        self.batch_size, self.shuffle = options.batch_size, shuffle

    def draw(self, index: int, seed: int) -> Batch:
        order = np.arange(len(self.source))
        if self.shuffle:
            np.random.default_rng((self.seed, self.epoch)).shuffle(order)
        source = self.source[order[index * self.batch_size : (index + 1) * self.batch_size]]
        rng = np.random.default_rng((1, seed))
        count, num_frames = source.shape[:2]
        noise = ar1(source.shape, rng.uniform(0.0, 0.8, size=(count, 1)), rng)
        observed = source + noise * sizes(source) * rng.uniform(0.01, self.data.max_noise, size=(count, 1, 1))
        # misses: single ones at a random rate, and one occlusion in half of the sequences
        missed = rng.random((count, num_frames)) < rng.uniform(0.0, 0.3, size=(count, 1))
        first = rng.integers(3, num_frames, size=(count, 1))
        last = first + rng.integers(1, num_frames, size=(count, 1)) * (rng.random((count, 1)) < 0.5)
        frames = np.arange(num_frames)
        missed = (missed | ((frames >= first) & (frames < last))) & (frames > 0)
        tensors = (torch.from_numpy(x).float() for x in (source, observed))
        return (*tensors, torch.from_numpy(missed), torch.tensor(seed))


def build(recipe: Recipe, data_root: Path | None) -> tuple[MotionTask, Datasets]:
    """The task and its synthetic data, from the recipe; no data folder is needed."""
    data, options = recipe.data, recipe.optimisation
    assert isinstance(data, MotionData)
    model = configured(TrajectorySRNN, recipe.model)
    return MotionTask(model, options, data.observation_ratio), Datasets(
        TrajectoryBatches(data, options, data.num_train, options.seed * 1_000_000, shuffle=True),
        TrajectoryBatches(data, options, data.num_valid, 7, shuffle=False),
    )
