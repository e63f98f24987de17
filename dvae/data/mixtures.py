"""Noisy speech with known parts, made on the fly from a folder of speech and a folder of noise."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.signal import fftconvolve

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


def equalise(waveform: Audio, rng: np.random.Generator, strength_db: float, knots: int = 7) -> Audio:
    """A random smooth gain over frequency, up to `strength_db` up or down: microphones and rooms colour what they
    record. (S,) -> (S,)."""
    spectrum = fft.rfft(waveform)
    knot, share = _positions(spectrum.size, knots)
    gains = (rng.uniform(-strength_db, strength_db, knots) * np.log(10) / 20).astype(np.float32)
    spectrum *= np.exp(gains[knot] + share * np.diff(gains)[knot])
    return np.asarray(fft.irfft(spectrum, n=waveform.size), dtype=np.float32)


@lru_cache(maxsize=4)
def _positions(num_bins: int, knots: int) -> tuple[NDArray[np.intp], Audio]:
    """The knot before each bin and how far it is on the way to the next: finer at low frequencies."""
    position = (knots - 1) * np.linspace(0.0, 1.0, num_bins) ** 0.5
    knot = np.minimum(position.astype(np.intp), knots - 2)
    return knot, (position - knot).astype(np.float32)


def random_room(rng: np.random.Generator, sample_rate: int = 16000) -> Audio:
    """A random impulse response: the direct sound and an exponentially decaying tail of white noise (J.-D. Polack,
    1988), with a reverberation time of 0.15 to 0.6 s and a direct-to-reverberant ratio of 0 to 12 dB. -> (S,)."""
    seconds = rng.uniform(0.15, 0.6)
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    tail = rng.standard_normal(time.size) * 10 ** (-3.0 * time / seconds)
    tail[: int(0.002 * sample_rate)] = 0.0
    tail *= 10 ** (-rng.uniform(0.0, 12.0) / 20) / np.sqrt(np.square(tail).sum())
    tail[0] = 1.0
    return tail.astype(np.float32)


def reverberate(waveform: Audio, room: Audio) -> Audio:
    """`waveform` (S,) in a room with the impulse response `room` (R,), whose first sample is the direct sound, as loud
    as before. -> (S,)."""
    return np.asarray(fftconvolve(waveform, room / max(float(np.abs(room).max()), 1e-9))[: waveform.size], np.float32)


class MixtureSource:
    """Draws mixtures: random speech in a random room, one or two noises, random colour, SNR and level.

    snr_db: range of the uniform SNR; `clean_fraction` of the mixtures is nearly clean (25 to 40 dB), so that clean
    speech passes. augment: rooms, equalisers, reversed noises, stationary noise and babble of many voices too; without
    it a mixture is speech and noise as they were recorded. `room_fraction` of the augmented speech is in a room, one of
    `rooms` (impulse responses) or a random one where there are none. The reverberant speech is what should come out: a
    room is not removed.
    """

    def __init__(
        self,
        speech: AudioCrops,
        noise: AudioCrops,
        snr_db: tuple[float, float],
        augment: bool,
        clean_fraction: float = 0.1,
        room_fraction: float = 0.2,
        rooms: Sequence[Audio] = (),
    ) -> None:
        self.speech, self.noise, self.snr_db, self.augment = speech, noise, snr_db, augment
        self.clean_fraction, self.room_fraction, self.rooms = clean_fraction, room_fraction, rooms

    def draw(self, num_samples: int, rng: np.random.Generator) -> Mixture:
        """One mixture (S,)."""
        speech = self.speech.draw_active(num_samples, rng)
        if self.augment:
            speech = equalise(speech, rng, 5.0)
            if rng.random() < self.room_fraction:
                speech = reverberate(speech, self._draw_room(rng))
        noise = self._draw_noise(num_samples, rng)
        if rng.random() < 0.4:
            noise = mix_at_snr(noise, self._draw_noise(num_samples, rng), rng.uniform(-10, 10)).mixture
        snr_db = rng.uniform(25, 40) if rng.random() < self.clean_fraction else rng.uniform(*self.snr_db)
        mixture, speech = mix_at_snr(speech, noise, snr_db)
        gain = 10 ** (rng.uniform(-30, 0) / 20) / max(float(np.abs(mixture).max()), 1e-6)
        return Mixture((gain * mixture).astype(np.float32), (gain * speech).astype(np.float32))

    def _draw_room(self, rng: np.random.Generator) -> Audio:
        return self.rooms[int(rng.integers(len(self.rooms)))] if self.rooms else random_room(rng)

    def _draw_noise(self, num_samples: int, rng: np.random.Generator) -> Audio:
        kind = rng.random() if self.augment else 1.0
        if kind < 0.06:  # stationary noise of any colour
            return equalise(rng.standard_normal(num_samples).astype(np.float32), rng, 20.0)
        if kind < 0.12:  # babble
            voices = [self.speech.draw_active(num_samples, rng) for _ in range(int(rng.integers(5, 10)))]
            return np.asarray(sum(v / np.sqrt(np.square(v).mean() + 1e-9) for v in voices), dtype=np.float32)
        noise = self.noise.draw(num_samples, rng)
        if not self.augment:
            return noise
        return equalise(noise[::-1] if rng.random() < 0.25 else noise, rng, 8.0)
