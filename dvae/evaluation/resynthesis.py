"""Speech through the latent variables of a model and back (X. Lin, 2024, section 7.5.1), and how much of it is left.

The posterior means are decoded to variances; their square roots get the phases of the original. An autoregressive model
reads its own past output (generation mode) or the original's past (teacher forcing).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from dvae.evaluation.metrics.speech import speech_scores
from dvae.models.dvae import DVAE
from dvae.models.networks.emission import expectation
from dvae.models.networks.layers import num_parameters
from dvae.signal.audio_file import Audio
from dvae.signal.stft import STFT, Array


class ResynthesisRow(NamedTuple):
    """Means over all utterances; past: GEN (the model's own output), GT (the original's) or - where none is read."""

    model: str
    num_parameters: int
    past: str
    rmse: float
    si_sdr: float
    pesq_wb: float
    estoi: float
    real_time_factor: float


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


def score_resynthesis(
    models: Mapping[str, DVAE[Any]], speech: Sequence[Audio], piece_frames: int = 0
) -> Iterator[tuple[ResynthesisRow, list[Audio]]]:
    """For each model, and each past that it can read: the scores, and the resynthesised utterances (S,)."""
    stft = STFT()
    seconds = sum(waveform.size for waveform in speech) / stft.sample_rate
    for name, model in models.items():
        for past in ("GEN", "GT") if model.reads_past else ("-",):
            began = time.process_time()
            results = resynthesise(model, speech, stft, past == "GT", piece_frames)
            spent = time.process_time() - began
            rows = []
            for original, result in zip(tqdm(speech, desc=f"{name} {past}", leave=False), results, strict=True):
                scores = speech_scores(original, result)
                rmse = np.sqrt(np.square(original - result).mean())
                rows.append((rmse, scores.si_sdr, scores.pesq_wb, scores.estoi))
            rmse, si_sdr, pesq, estoi = np.nanmean(rows, axis=0).tolist()
            factor = spent / seconds
            yield ResynthesisRow(name, num_parameters(model), past, rmse, si_sdr, pesq, estoi, factor), results
