"""Task `speech_prior`: any model of the family on clean speech, maximising its ELBO (X. Lin, 2024, eqs 6.6, 7.10)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dvae.data.crops import AudioCrops
from dvae.models.dvae import DVAE
from dvae.models.store.registry import build_family, load_model
from dvae.signal.stft import STFT, power_of
from dvae.training.recipe import Recipe
from dvae.training.recipe_data import SpeechPriorData, audio_files
from dvae.training.task import Batch, Datasets, SeededBatches, Task, start_from

VALID_BATCHES = 8


class SpeechPrior(Task):
    """Fits a DVAE; validation is the bound with the final beta whatever the warm-up, and where there is scheduled
    sampling, in generation mode from the first epoch on."""

    model: DVAE[Any]

    def train_loss(self, batch: Batch) -> dict[str, Tensor]:
        return self._loss(batch, self.beta, self.sampling)

    def valid_loss(self, batch: Batch) -> dict[str, Tensor]:
        return self._loss(batch, self.optimisation.beta, 1.0 if self.optimisation.sampling_end_epoch else 0.0)

    def _loss(self, batch: Batch, beta: float, own_fraction: float) -> dict[str, Tensor]:
        power, seed = batch
        noise = self.noise(self.model.noise_shape(*power.shape[:2]), int(seed))
        keep_own = self.chosen(power.shape[:2], own_fraction, int(seed)) if own_fraction else None
        passes = self.optimisation.sampling_passes if self.trainer.training else 0
        value = self.model.elbo(power, noise, beta, keep_own, passes)
        return {"loss": -value.elbo, "reconstruction": value.reconstruction, "kl": value.kl}


class SpeechBatches(SeededBatches):
    """Batch i of epoch e holds power spectra (B, T, F) of crops of mean power 1, up to a gain of -12 to +3 dB: the
    enhancer shows the prior speech that is quieter than the mixture by which the level is set."""

    def __init__(self, crops: AudioCrops, recipe: Recipe, stft: STFT, num_batches: int, seed: int) -> None:
        super().__init__(num_batches, seed)
        self.crops, self.options, self.stft = crops, recipe.optimisation, stft

    def draw(self, index: int, seed: int) -> Batch:
        rng = np.random.default_rng(seed)
        num_samples = self.options.num_frames * self.stft.hop_length + self.stft.overlap
        waveforms = np.stack([self.crops.draw_active(num_samples, rng) for _ in range(self.options.batch_size)])
        first = self.stft.overlap // self.stft.hop_length  # frames before this one start in the padding
        spectrogram = self.stft.analyse(waveforms)[:, first : first + self.options.num_frames]
        power = torch.from_numpy(power_of(spectrogram))
        gain = 10 ** (torch.from_numpy(rng.uniform(-1.2, 0.3, size=(len(power), 1, 1))).float())
        return power / power.mean((1, 2), keepdim=True).clamp_min(1e-12) * gain, torch.tensor(seed)


def build(recipe: Recipe, data_root: Path | None) -> tuple[SpeechPrior, Datasets]:
    """The task and its data, from the recipe. With `data.start`, a trained model of the same configuration,
    training goes on from its weights: a second stage, or an adaptation to other speech."""
    data = recipe.data
    assert isinstance(data, SpeechPriorData)
    stft = STFT(synthesis_length=data.synthesis_length or None)
    model = build_family(recipe.model)
    if data.start:
        start_from(model, load_model(data.start))
    train, valid = (
        AudioCrops(audio_files(data_root, data, key), stft.sample_rate, trim_db=30.0)
        for key in ("speech_train", "speech_valid")
    )
    batches = recipe.optimisation.batches_per_epoch
    return SpeechPrior(model, recipe.optimisation), Datasets(
        SpeechBatches(train, recipe, stft, batches, seed=recipe.optimisation.seed * 1_000_000),
        SpeechBatches(valid, recipe, stft, VALID_BATCHES, seed=7),
    )
