"""Speech enhancement scores: SI-SDR, PESQ (package `pesq`) and ESTOI (package `pystoi`)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from dvae.signal.audio_file import Audio


class SpeechScores(NamedTuple):
    """SI-SDR in dB, PESQ wide band and narrow band (MOS-LQO), ESTOI in [0, 1]; NaN where one cannot be computed."""

    si_sdr: float
    pesq_wb: float
    pesq_nb: float
    estoi: float


def si_sdr(reference: Audio, estimate: Audio) -> float:
    """Scale-invariant signal-to-distortion ratio in dB, both (S,), as in Le Roux et al. (2019), means removed."""
    if reference.shape != estimate.shape:
        raise ValueError(f"expected equally long signals, got {reference.shape} and {estimate.shape}")
    reference = np.asarray(reference - reference.mean(), dtype=np.float64)
    estimate = np.asarray(estimate - estimate.mean(), dtype=np.float64)
    energy = float(reference @ reference)
    if energy == 0.0:
        return math.nan
    target = (estimate @ reference) / energy * reference
    residual = float(np.square(estimate - target).sum())
    return 10.0 * math.log10(float(target @ target) / residual) if residual > 0 and target.any() else math.nan


def speech_scores(reference: Audio, estimate: Audio, sample_rate: int = 16000) -> SpeechScores:
    """All scores of an estimate (S,) against the clean reference (S,)."""
    from pesq import NoUtterancesError, pesq
    from pystoi import stoi

    try:
        wide, narrow = (float(pesq(sample_rate, reference, estimate, mode)) for mode in ("wb", "nb"))
    except NoUtterancesError:
        wide = narrow = math.nan
    estoi = float(stoi(reference, estimate, sample_rate, extended=True))
    return SpeechScores(si_sdr(reference, estimate), wide, narrow, estoi)
