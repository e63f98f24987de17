"""Noisy speech with known parts, made on the fly from a folder of speech and a folder of noise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.signal import lfilter

from dvae.data.crops import AudioCrops
from dvae.signal.audio_file import Audio


class Mixture(NamedTuple):
    """mixture = speech + noise, each (S,), peak of the mixture at a random level below full scale."""

    mixture: Audio
    speech: Audio


def mix_at_snr(speech: Audio, noise: Audio, snr_db: float) -> Mixture:
    """Scale the noise so that the power ratio over the whole signals is `snr_db`; silence is left as it is."""
    speech_power, noise_power = float(np.square(speech).mean()), float(np.square(noise).mean())
    gain = np.sqrt(speech_power / max(noise_power, 1e-12) / 10 ** (snr_db / 10))
    return Mixture((speech + gain * noise).astype(np.float32), speech)


class Colour:
    """A random second-order filter, mild and stable: microphones and rooms colour what they record."""

    def __init__(self, rng: np.random.Generator, strength: float = 0.375) -> None:
        self._zeros = [1.0, *rng.uniform(-strength, strength, 2)]
        self._poles = [1.0, *rng.uniform(-strength, strength, 2)]

    def __call__(self, waveform: Audio) -> Audio:
        """Filter (S,)."""
        return np.asarray(lfilter(self._zeros, self._poles, waveform), dtype=np.float32)


class MixtureSource:
    """Draws mixtures: random speech, one or two noises, random colour, SNR and level.

    snr_db: range of the uniform SNR; one mixture in ten is nearly clean (25 to 40 dB), so that clean speech passes.
    """

    def __init__(self, speech: AudioCrops, noise: AudioCrops, snr_db: tuple[float, float]) -> None:
        self.speech, self.noise, self.snr_db = speech, noise, snr_db

    def draw(self, num_samples: int, rng: np.random.Generator) -> Mixture:
        """One mixture (S,)."""
        speech = Colour(rng)(self.speech.draw_active(num_samples, rng))
        noise = Colour(rng)(self.noise.draw(num_samples, rng))
        if rng.random() < 0.3:
            second = self.noise.draw(num_samples, rng)
            noise = mix_at_snr(noise, second, rng.uniform(-10, 10)).mixture
        snr_db = rng.uniform(25, 40) if rng.random() < 0.1 else rng.uniform(*self.snr_db)
        mixture, speech = mix_at_snr(speech, noise, snr_db)
        gain = 10 ** (rng.uniform(-30, 0) / 20) / max(float(np.abs(mixture).max()), 1e-6)
        return Mixture((gain * mixture).astype(np.float32), (gain * speech).astype(np.float32))
