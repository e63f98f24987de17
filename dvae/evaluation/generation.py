"""Speech out of nothing, and how far it is from real speech (X. Lin, 2024, table 7.3, by another distance)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from dvae.evaluation.griffin_lim import griffin_lim, num_samples_of
from dvae.evaluation.metrics.frechet import frechet_distance, mel_statistics
from dvae.evaluation.utterances import draw_utterances
from dvae.models.dvae import DVAE
from dvae.signal.stft import STFT, Array

REFERENCE_SEED = 99


class GenerationRow(NamedTuple):
    """Mean and standard deviation over the repeats of the Frechet distance to the reference."""

    name: str
    distance: float
    deviation: float


def generate_speech(model: DVAE[Any], number: int, num_frames: int, stft: STFT, seed: int) -> Array:
    """Waveforms (number, S) from the prior: variances, then phases by Griffin and Lim."""
    variance = model.generate(number, num_frames, torch.Generator().manual_seed(seed)).numpy()
    return griffin_lim(np.sqrt(variance), stft, np.random.default_rng(seed))


def score_generation(
    models: Mapping[str, DVAE[Any]], reference: Path, speech: Path, number: int, num_frames: int, repeats: int
) -> Iterator[tuple[GenerationRow, Array]]:
    """For real speech, the same with the phases of Griffin and Lim, and each model: the distance, and the utterances
    (number, S) of the first repeat.

    The reference is four times `number` crops of the files below `reference`, the real speech those below `speech`.
    """
    stft = STFT()
    num_samples = num_samples_of(num_frames, stft)
    target = mel_statistics(draw_utterances(reference, 4 * number, num_samples, REFERENCE_SEED), stft)

    def scored(name: str, sets: Sequence[Array]) -> tuple[GenerationRow, Array]:
        distances = [frechet_distance(mel_statistics(waveforms, stft), target) for waveforms in sets]
        return GenerationRow(name, float(np.mean(distances)), float(np.std(distances))), sets[0]

    seeds = range(1, repeats + 1)
    real = [draw_utterances(speech, number, num_samples, seed) for seed in seeds]
    yield scored("other speech, exact phase", real)
    magnitudes = [np.abs(stft.analyse(waveforms)) for waveforms in real]
    phaseless = [griffin_lim(m, stft, np.random.default_rng(i)) for i, m in enumerate(magnitudes)]
    yield scored("other speech, Griffin-Lim", phaseless)
    for name, model in tqdm(models.items(), desc="generate", leave=False):
        yield scored(name, [generate_speech(model, number, num_frames, stft, seed) for seed in seeds])
