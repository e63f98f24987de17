"""Speech through the latent variables of a model and back (X. Lin, 2024, section 7.5.1), and speech from nothing.

The posterior means are decoded to variances; their square roots get the phases of the original. An autoregressive model
reads its own past output (generation mode) or the original's past (teacher forcing).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from dvae.evaluation.griffin_lim import griffin_lim
from dvae.models.dvae import DVAE
from dvae.models.networks.emission import expectation
from dvae.signal.audio_file import Audio
from dvae.signal.stft import STFT, Array


def normalised_power(spectrogram: Array) -> tuple[Array, float]:
    """|S|^2 of mean 1, which is what the models know, and the mean that was."""
    power = np.square(np.abs(spectrogram))
    level = max(float(power.mean()), 1e-12)
    return power / level, level


@torch.inference_mode()
def resynthesise(
    model: DVAE[Any], waveforms: Sequence[Audio], stft: STFT, teacher_forcing: bool = False, piece_frames: int = 0
) -> list[Audio]:
    """Each waveform (S,) through the latent variables and back, with its own phases.

    piece_frames: cut the spectrograms into pieces of so many frames, each on its own, as in training (0: whole).
    """
    spectrograms = [stft.analyse(waveform) for waveform in waveforms]
    powers = [normalised_power(spectrogram) for spectrogram in spectrograms]
    places = [  # (waveform, first frame, last frame)
        (i, first, min(first + (piece_frames or len(power)), len(power)))
        for i, (power, _) in enumerate(powers)
        for first in range(0, len(power), piece_frames or len(power))
    ]
    found = [np.zeros_like(power) for power, _ in powers]
    for length in sorted({last - first for _, first, last in places}):  # pieces of one length are one batch
        batch = [place for place in places if place[2] - place[1] == length]
        data = torch.from_numpy(np.stack([powers[i][0][first:last] for i, first, last in batch]))
        latents = model.encode(data)
        density = model.decode(latents.z, data if teacher_forcing else None, latents.w)
        for (i, first, last), variance in zip(batch, expectation(density).numpy(), strict=True):
            found[i][first:last] = variance
    results = []
    for waveform, spectrogram, (_, level), variance in zip(waveforms, spectrograms, powers, found, strict=True):
        phase = spectrogram / np.maximum(np.abs(spectrogram), 1e-12)
        results.append(stft.synthesise(np.sqrt(variance * level) * phase, waveform.size).astype(np.float32))
    return results


def generate_speech(model: DVAE[Any], number: int, num_frames: int, stft: STFT, seed: int) -> Array:
    """Waveforms (number, S) from the prior: variances, then phases by Griffin and Lim."""
    variance = model.generate(number, num_frames, torch.Generator().manual_seed(seed)).numpy()
    return griffin_lim(np.sqrt(variance), stft, np.random.default_rng(seed))
