"""Task `noisy_speech`: the configuration ND, encoder and noise network on noisy speech alone (X. Lin, 2024, eq. 6.16).

No clean speech is used, neither in the objective nor to choose the weights: recordings of noisy speech, or mixtures
made on the fly, of which what they were made of is thrown away. Validation is the same bound on other speakers and
noises.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dvae.data.crops import AudioCrops
from dvae.data.mixtures import MixtureSource
from dvae.enhancement.adaptive.noise_networks import NoisySpeech, noisy_speech_elbo
from dvae.models.module import configured
from dvae.models.rvae import RVAE
from dvae.models.store.checkpoint import load_as
from dvae.signal.audio_file import Audio
from dvae.signal.stft import STFT, power_of
from dvae.training.mixtures import SAMPLE_RATE, mixture_sources
from dvae.training.recipe import Optimisation, Recipe
from dvae.training.recipe_data import NoisySpeechData, audio_files
from dvae.training.task import Batch, Datasets, SeededBatches, Task, load_into

VALID_BATCHES = 8
DrawNoisy = Callable[[int, np.random.Generator], Audio]


class NoisySpeechTask(Task):
    """Fits the encoder and the noise network; the decoder stays as it was trained on clean speech."""

    model: NoisySpeech

    def train_loss(self, batch: Batch) -> dict[str, Tensor]:
        return self._loss(batch)

    def valid_loss(self, batch: Batch) -> dict[str, Tensor]:
        return self._loss(batch)

    def _loss(self, batch: Batch) -> dict[str, Tensor]:
        power, seed = batch
        noise = self.noise((*power.shape[:2], self.model.config.latent_size), int(seed))
        speech_var, noise_var, posterior = self.model.variances(power, noise)
        floor = self.model.config.floor
        return {"loss": -noisy_speech_elbo(power, speech_var, noise_var, posterior, floor).mean()}


class NoisyBatches(SeededBatches):
    """Batch i of epoch e: power (B, T, F) of noisy speech, each of mean 1. draw_noisy: (samples, rng) -> (S,)."""

    def __init__(self, draw_noisy: DrawNoisy, options: Optimisation, num_batches: int, seed: int) -> None:
        super().__init__(num_batches, seed)
        self.draw_noisy, self.options, self.stft = draw_noisy, options, STFT()

    def draw(self, index: int, seed: int) -> Batch:
        rng = np.random.default_rng(seed)
        num_frames, first = self.options.num_frames, self.stft.overlap // self.stft.hop_length
        num_samples = num_frames * self.stft.hop_length + self.stft.overlap
        noisy = np.stack([self.draw_noisy(num_samples, rng) for _ in range(self.options.batch_size)])
        power = power_of(self.stft.analyse(noisy)[:, first : first + num_frames])
        power /= np.maximum(power.mean((1, 2), keepdims=True), 1e-12)
        return torch.from_numpy(power), torch.tensor(seed)


def noisy_sources(data: NoisySpeechData, data_root: Path | None) -> list[DrawNoisy]:
    """For training and validation: recordings of noisy speech where there are folders of them, else mixtures."""
    if data.noisy_train:
        files = [audio_files(data_root, data, f"noisy_{split}") for split in ("train", "valid")]
        return [AudioCrops(paths, SAMPLE_RATE, trim_db=30.0).draw for paths in files]

    def from_mixtures(source: MixtureSource) -> DrawNoisy:
        return lambda num_samples, rng: source.draw(num_samples, rng).mixture

    return [from_mixtures(source) for source in mixture_sources(data, data_root, augment=False)]


def build(recipe: Recipe, data_root: Path | None) -> tuple[NoisySpeechTask, Datasets]:
    """The task and its data, from the recipe; `data.prior` is a trained RVAE."""
    data, options = recipe.data, recipe.optimisation
    assert isinstance(data, NoisySpeechData)
    model = configured(NoisySpeech, recipe.model)
    prior = load_as(RVAE, data.prior)
    load_into(model.rvae, prior.state_dict(), f"data.prior {data.prior}")
    model.rvae.emission.requires_grad_(False)
    train, valid = noisy_sources(data, data_root)
    return NoisySpeechTask(model, options), Datasets(
        NoisyBatches(train, options, options.batches_per_epoch, options.seed * 1_000_000),
        NoisyBatches(valid, options, VALID_BATCHES, 7),
    )
