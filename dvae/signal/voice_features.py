"""The acoustic features of a voice that ROS4HRI names: zero crossings, loudness, pitch, harmonicity, MFCC."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from dvae.signal.audio_file import Audio

NUM_COEFFICIENTS, NUM_MELS = 13, 26
PITCH_HZ = (70.0, 400.0)
MIN_HARMONICITY = 0.45  # normalised autocorrelation below which there is no pitch


class VoiceFeatures(NamedTuple):
    """zcr: crossings per sample; rms: 0 to 1; pitch in Hz, 0 without voice; hnr in dB; mfcc (13,)."""

    zcr: float
    rms: float
    pitch: float
    hnr: float
    mfcc: NDArray[np.float32]


@lru_cache(maxsize=4)
def mel_filters(num_bins: int, sample_rate: int) -> NDArray[np.float64]:
    """Triangles (NUM_MELS, num_bins) equally wide on the mel scale of S. Stevens, 1127 ln(1 + f / 700)."""
    top = 1127.0 * np.log1p(0.5 * sample_rate / 700.0)
    corners = 700.0 * np.expm1(np.linspace(0.0, top, NUM_MELS + 2) / 1127.0)
    frequency = np.linspace(0.0, 0.5 * sample_rate, num_bins)
    low, centre, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    return np.clip(np.minimum((frequency - low) / (centre - low), (high - frequency) / (high - centre)), 0.0, None)


def voice_features(waveform: Audio, sample_rate: int) -> VoiceFeatures:
    """Features of one stretch of voice (S,), of 20 ms or more; pitch and harmonicity after P. Boersma (1993)."""
    if waveform.size < sample_rate // 50:
        waveform = np.pad(waveform, (0, sample_rate // 50 - waveform.size))
    centred = waveform - waveform.mean()
    rms = float(np.sqrt(np.square(centred).mean()))
    zcr = float((np.signbit(centred[1:]) != np.signbit(centred[:-1])).mean())
    window = np.hanning(centred.size)
    size = fft.next_fast_len(2 * centred.size, real=True)

    def autocorrelation(signal: NDArray[np.floating]) -> NDArray[np.float64]:
        return np.asarray(fft.irfft(np.square(np.abs(fft.rfft(signal, size))), size)[: centred.size])

    pitch = hnr = 0.0
    own, of_window = autocorrelation(centred * window), autocorrelation(window)
    first, last = int(sample_rate / PITCH_HZ[1]), min(int(sample_rate / PITCH_HZ[0]), centred.size // 2)
    if own[0] > 1e-12 and last > first:
        ratio = own[first:last] / own[0] * of_window[0] / np.maximum(of_window[first:last], 1e-9)
        best = int(np.argmax(ratio))
        strength = float(np.clip(ratio[best], 1e-3, 0.999))
        hnr = 10.0 * float(np.log10(strength / (1.0 - strength)))
        pitch = sample_rate / (first + best) if strength > MIN_HARMONICITY else 0.0
    power = np.square(np.abs(fft.rfft(centred * window)))
    mel = np.log(mel_filters(power.size, sample_rate) @ power + 1e-10)
    return VoiceFeatures(zcr, rms, pitch, hnr, fft.dct(mel, norm="ortho")[:NUM_COEFFICIENTS].astype(np.float32))


def median_pitch(waveform: Audio, sample_rate: int, frame_seconds: float = 0.04) -> float:
    """Median pitch in Hz of the frames of (S,) that have one and are within 30 dB of the loudest; NaN without any."""
    length = int(frame_seconds * sample_rate)
    frames = waveform[: waveform.size // length * length].reshape(-1, length)
    found = [voice_features(frame, sample_rate) for frame in frames]
    loudest = max((features.rms for features in found), default=0.0)
    pitches = [features.pitch for features in found if features.pitch and features.rms > loudest * 10 ** (-30 / 20)]
    return float(np.median(pitches)) if pitches else float("nan")
