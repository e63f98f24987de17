"""Task `enhancer`: posterior and noise model of the enhancer on mixtures with known speech, the prior kept.

The objective is the ELBO of the complete data, log p(s | z) + log p(n | x, z) - KL, an Itakura-Saito term for each,
plus what is wanted of the Wiener estimate: its signal-to-noise ratio in dB and the distance of compressed magnitudes,
which listeners and PESQ weigh more than energy. (The thesis trains on noisy speech alone, eq. 6.16, and names
training with known speech as the next step.)
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import load as load_tensors
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from dvae.data.mixtures import MixtureSource
from dvae.distributions.gaussian import kl_to_standard_normal
from dvae.distributions.itakura_saito import itakura_saito
from dvae.enhancement.config import EnhancerConfig
from dvae.enhancement.model import Enhancer
from dvae.models.module import configured
from dvae.models.rvae import RVAE
from dvae.models.store.checkpoint import load_as
from dvae.models.store.find import find_model
from dvae.models.store.weights import read_description
from dvae.signal.level import LevelTracker, active_frames
from dvae.signal.stft import STFT, power_of
from dvae.training.mixtures import mixture_sources
from dvae.training.recipe import EnhancerLoss, Optimisation, Recipe
from dvae.training.recipe_data import EnhancerData
from dvae.training.task import Batch, Datasets, SeededBatches, Task, load_into, start_from

VALID_BATCHES = 8
COMPRESSION = 0.3


class EnhancerTask(Task):
    """Fits everything of the enhancer but its prior."""

    model: Enhancer

    def __init__(self, model: Enhancer, optimisation: Optimisation, loss: EnhancerLoss) -> None:
        super().__init__(model, optimisation)
        self.loss = loss

    def train_loss(self, batch: Batch) -> dict[str, Tensor]:
        *powers, active, seed = batch
        frames = active.shape[1] - self.model.config.lookahead_frames
        noise = self.noise((len(active), frames, self.model.config.latent_size), int(seed))
        return self._loss(Powers(*powers), active, noise, self.beta)

    def valid_loss(self, batch: Batch) -> dict[str, Tensor]:
        *powers, active, _ = batch
        return self._loss(Powers(*powers), active, None, self.optimisation.beta)

    def _loss(self, powers: Powers, active: Tensor, noise: Tensor | None, beta: float) -> dict[str, Tensor]:
        """What was mixed and the truth of activity (B, T + lookahead) -> the terms of the loss, each a mean over the
        batch."""
        variances = self.model(powers.mixture, noise)
        num_frames = variances.speech_var.shape[1]
        powers = Powers(*(power[:, :num_frames] for power in powers))
        activity = binary_cross_entropy_with_logits(variances.activity, active[:, :num_frames])
        gain, floor = variances.wiener_gain, self.model.config.floor
        error = error_power(gain, powers).sum((1, 2))
        snr_db = 10 * torch.log10(powers.speech.sum((1, 2)) / error).mean()
        if not self.model.activity.weight.requires_grad:  # the filter is as it is
            return {"loss": activity, "snr_db": snr_db}
        fit = itakura_saito(powers.speech + floor, variances.speech_var)
        fit = fit + itakura_saito(powers.noise + floor, variances.noise_var)
        fit = fit.mean() / gain.shape[-1]
        kl = kl_to_standard_normal(variances.posterior).sum(-1).mean() / gain.shape[-1]
        compressed = (compress(gain.square() * powers.mixture) - compress(powers.speech)).square().mean()
        weights = self.loss
        loss = weights.fit * fit + beta * kl - weights.snr * snr_db + weights.compressed * compressed
        loss = loss + weights.activity * activity
        return {"loss": loss, "fit": fit, "kl": kl, "snr_db": snr_db, "compressed": compressed, "activity": activity}


class Powers(NamedTuple):
    """|x|^2, |s|^2 and |n|^2 of a mixture x = s + n, each (B, T, F): all that real gains and variances need."""

    mixture: Tensor
    speech: Tensor
    noise: Tensor


def error_power(gain: Tensor, powers: Powers) -> Tensor:
    """|g x - s|^2 = |g n - (1 - g) s|^2 of a real gain, (B, T, F)."""
    mixture, speech, noise = powers
    lost = 1.0 - gain
    return gain.square() * noise + lost.square() * speech - gain * lost * (mixture - speech - noise)  # 2 Re(n s*)


def compress(power: Tensor) -> Tensor:
    """|X|^0.3 from |X|^2, with a gradient that stays finite at zero."""
    return torch.exp(COMPRESSION / 2 * torch.log(power + 1e-6))  # half the time of a power


class MixtureBatches(SeededBatches):
    """Batch i of epoch e: powers (B, T + lookahead, F) of mixtures, of their speech and of their noise, divided by the
    running level of the mixture, as the streaming enhancer does, and where there is speech (B, T + lookahead)."""

    def __init__(
        self, source: MixtureSource, options: Optimisation, config: EnhancerConfig, num_batches: int, seed: int
    ) -> None:
        super().__init__(num_batches, seed)
        self.source, self.options = source, options
        self.stft = STFT(synthesis_length=config.synthesis_length)
        self.num_frames = options.num_frames + config.lookahead_frames

    def draw(self, index: int, seed: int) -> Batch:
        rng = np.random.default_rng(seed)
        num_samples = self.num_frames * self.stft.hop_length
        drawn = [self.source.draw(num_samples, rng) for _ in range(self.options.batch_size)]
        pairs = np.stack([np.stack([d.mixture, d.speech]) for d in drawn])  # (B, 2, S)
        mixture, speech = self.stft.analyse(pairs)[:, :, : self.num_frames].swapaxes(0, 1)  # (B, T, F)
        powers = [power_of(part) for part in (mixture, speech, mixture - speech)]
        level = LevelTracker().track(powers[0].mean(-1)).astype(np.float32)  # (B, T)
        # truth of activity from the speech as it was, before the running level moves
        active = torch.from_numpy(active_frames(powers[1].mean(-1))).float()
        for part in powers:
            part /= level[..., None]
        return *map(torch.from_numpy, powers), active, torch.tensor(seed)


def build(recipe: Recipe, data_root: Path | None) -> tuple[EnhancerTask, Datasets]:
    """The task and its data, from the recipe. `data.prior` is a trained RVAE. With `data.start`, a trained enhancer,
    training goes on from its weights; with `data.enhancer`, only the speech detector is fitted, to that enhancer.
    """
    data, loss, options = recipe.data, recipe.loss, recipe.optimisation
    assert isinstance(data, EnhancerData)
    assert isinstance(loss, EnhancerLoss)
    model = configured(Enhancer, recipe.model)
    if data.start:
        start_from(model, load_as(Enhancer, data.start))
    prior = load_as(RVAE, data.prior)
    load_into(model.emission, prior.emission.state_dict(), f"data.prior {data.prior}")
    model.emission.requires_grad_(False)
    if data.enhancer:
        keep_filter(model, find_model(data.enhancer))
    train, valid = mixture_sources(data, data_root, augment=True)
    return EnhancerTask(model, options, loss), Datasets(
        MixtureBatches(train, options, model.config, options.batches_per_epoch, options.seed * 1_000_000),
        MixtureBatches(valid, options, model.config, VALID_BATCHES, 7),
    )


def keep_filter(model: Enhancer, folder: Path) -> None:
    """Give `model` the filter of the enhancer in `folder`, as it is, and leave its speech detector to be fitted."""
    _, data = read_description(folder, "Enhancer")
    kept = {name: value for name, value in load_tensors(data).items() if not name.startswith("detector.")}
    load_into(model, model.state_dict() | kept, f"data.enhancer {folder}")
    model.requires_grad_(False)
    model.detector.requires_grad_(True)
