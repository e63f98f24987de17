"""SI-SDR, PESQ and ESTOI of enhancers on the fixed mixtures of speech and noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from dvae.evaluation.fixed_mixtures import SAMPLE_RATE, FixedMixture
from dvae.evaluation.metrics.speech import SpeechScores, speech_scores
from dvae.signal.audio_file import Audio


class Enhanced(NamedTuple):
    """Estimates, one for each mixture; iterations for each (0 where nothing iterates); seconds of CPU time for all."""

    estimates: list[Audio]
    iterations: float
    seconds: float


Method = Callable[[Sequence[FixedMixture]], Enhanced]


class EnhancementRow(NamedTuple):
    """scores: SNR -> means over its mixtures; iterations: mean over the SNRs, 0 where nothing iterates."""

    scores: dict[int, SpeechScores]
    real_time_factor: float
    iterations: float


def score_enhancement(method: Method, mixtures: Sequence[FixedMixture], name: str = "") -> EnhancementRow:
    """The mixtures of each SNR as one batch through the method, and its scores; name: for the progress bar."""
    scores: dict[int, SpeechScores] = {}
    seconds, iterations = 0.0, list[float]()
    for snr in dict.fromkeys(mixture.snr for mixture in mixtures):
        batch = [mixture for mixture in mixtures if mixture.snr == snr]
        found = method(batch)
        seconds, iterations = seconds + found.seconds, [*iterations, found.iterations]
        pairs = zip(tqdm(batch, desc=f"{name} {snr:+d} dB", leave=False), found.estimates, strict=True)
        rows = [speech_scores(mixture.clean, estimate, SAMPLE_RATE) for mixture, estimate in pairs]
        scores[snr] = SpeechScores(*np.nanmean(rows, axis=0).tolist())
    factor = seconds / (sum(mixture.noisy.size for mixture in mixtures) / SAMPLE_RATE)
    return EnhancementRow(scores, factor, float(np.mean(iterations)))
