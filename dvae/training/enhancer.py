"""Task `enhancer`: posterior and noise model of the enhancer on mixtures with known speech, the prior kept.

The objective is the ELBO of the complete data, log p(s | z) + log p(n | x, z) - KL, an Itakura-Saito term for each,
plus what is wanted of the Wiener estimate: its signal-to-noise ratio in dB and the distance of compressed magnitudes,
which listeners and PESQ weigh more than energy. (The thesis trains on noisy speech alone, eq. 6.16, and names
training with known speech as the next step.)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dvae.configuration import from_mapping
from dvae.data.crops import AudioCrops
from dvae.data.mixtures import MixtureSource
from dvae.enhancement.model import Enhancer, EnhancerConfig
from dvae.models.checkpoint import load_model
from dvae.models.divergence import itakura_saito, kl_to_standard_normal
from dvae.models.rvae import RVAE
from dvae.signal.level import LevelTracker
from dvae.signal.stft import STFT
from dvae.training.recipe import Recipe, data_folder
from dvae.training.task import Batch, Datasets, SeededBatches, Task

VALID_BATCHES = 8
COMPRESSION = 0.3


class EnhancerTask(Task):
    """Fits everything of the enhancer but its prior."""

    model: Enhancer

    def train_loss(self, batch: Batch) -> dict[str, Tensor]:
        mixture, speech, seed = batch
        frames = mixture.shape[1] - self.model.config.lookahead_frames
        noise = self.noise((len(mixture), frames, self.model.config.latent_size), int(seed))
        return self._loss(mixture, speech, noise, self.beta)

    def valid_loss(self, batch: Batch) -> dict[str, Tensor]:
        return self._loss(batch[0], batch[1], None, self.optimisation.beta)

    def _loss(self, mixture: Tensor, speech: Tensor, noise: Tensor | None, beta: float) -> dict[str, Tensor]:
        """Complex spectrograms (B, T + lookahead, F) -> the terms of the loss, each a mean over the batch."""
        variances = self.model(mixture.abs().square(), noise)
        num_frames = variances.speech_var.shape[1]
        mixture, speech = mixture[:, :num_frames], speech[:, :num_frames]
        floor = self.model.config.floor
        fit = itakura_saito(speech.abs().square() + floor, variances.speech_var)
        fit = fit + itakura_saito((mixture - speech).abs().square() + floor, variances.noise_var)
        kl = kl_to_standard_normal(variances.posterior).sum(-1).mean() / mixture.shape[-1]
        estimate = variances.wiener_gain * mixture
        error = (estimate - speech).abs().square().sum((1, 2))
        snr_db = 10 * torch.log10(speech.abs().square().sum((1, 2)) / error)
        compressed = (compress(estimate) - compress(speech)).square().mean()
        loss = 0.1 * fit.mean() + beta * kl - snr_db.mean() + 40.0 * compressed
        return {"loss": loss, "fit": fit.mean(), "kl": kl, "snr_db": snr_db.mean(), "compressed": compressed}


def compress(spectrogram: Tensor) -> Tensor:
    """|X|^0.3, with a gradient that stays finite at zero."""
    return (spectrogram.abs().square() + 1e-6) ** (COMPRESSION / 2)


class MixtureBatches(SeededBatches):
    """Batch i of epoch e: complex spectrograms (B, T + lookahead, F) of mixtures and their speech, both divided by the
    running level of the mixture, as the streaming enhancer does."""

    def __init__(self, source: MixtureSource, recipe: Recipe, lookahead: int, num_batches: int, seed: int) -> None:
        super().__init__(num_batches, seed)
        self.source, self.options, self.stft = source, recipe.optimisation, STFT()
        self.num_frames = recipe.optimisation.num_frames + lookahead

    def draw(self, index: int, seed: int) -> Batch:
        rng = np.random.default_rng(seed)
        num_samples = self.num_frames * self.stft.hop_length
        drawn = [self.source.draw(num_samples, rng) for _ in range(self.options.batch_size)]
        pairs = torch.from_numpy(np.stack([np.stack([d.mixture, d.speech]) for d in drawn]))  # (B, 2, S)
        spectrogram = self.stft.analyse(pairs)[..., : self.num_frames].transpose(-1, -2)  # (B, 2, T, F)
        frame_power = spectrogram[:, 0].abs().square().mean(-1).double().numpy()
        level = torch.from_numpy(LevelTracker().track(frame_power)).float()  # (B, T)
        spectrogram = spectrogram / level.sqrt()[:, None, :, None]
        return spectrogram[:, 0], spectrogram[:, 1], torch.tensor(seed)


def build(recipe: Recipe, data_root: Path | None) -> tuple[EnhancerTask, Datasets]:
    """The task and its data, from the recipe; `data.prior` is the folder of the trained RVAE."""
    config = from_mapping(EnhancerConfig, recipe.model)
    prior = load_model(RVAE, Path(recipe.data["prior"]))
    model = Enhancer(config)
    model.emission.load_state_dict(prior.emission.state_dict())
    model.emission.requires_grad_(False)
    speeds = {"train": (0.9, 1.0, 1.1), "valid": (1.0,)}
    datasets = []
    for split, batches, seed in (
        ("train", recipe.optimisation.batches_per_epoch, recipe.optimisation.seed * 1_000_000),
        ("valid", VALID_BATCHES, 7),
    ):
        speech = AudioCrops(data_folder(data_root, recipe, f"speech_{split}"), 16000, 30.0, speeds[split])
        noise = AudioCrops(data_folder(data_root, recipe, f"noise_{split}"), 16000, None, speeds[split])
        source = MixtureSource(speech, noise, snr_db=(-5.0, 15.0))
        datasets.append(MixtureBatches(source, recipe, config.lookahead_frames, batches, seed))
    return EnhancerTask(model, recipe.optimisation), Datasets(*datasets)
