"""People who sit and talk around four microphones in a simulated room, and who speaks when and from where.

A circle of 4.5 cm radius, turned at random, anywhere in the room but at its walls; talkers 1 to 3.5 m away with their
mouths up to 0.4 m higher, at least 20 degrees apart, each with phrases and pauses of a second or so; two steady noises,
one near the array (the robot's own fans and motors), one in the room, and a little noise of each microphone itself.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyroomacoustics
from talk import steady

from dvae.arrays.angles import wrap
from dvae.arrays.positions import Positions
from dvae.signal.audio_file import read_mono
from dvae.signal.audio_folder import list_audio
from dvae.signal.level import active_frames
from dvae.signal.stft import STFT

RATE, RADIUS, APART = 16000, 0.045, np.radians(20.0)
MAX_ORDER = 40  # of the images: where a room has more, the last of its reverberation is cut off
MICROPHONE_NOISE = 1e-3  # of each microphone, relative to the speech


@dataclass(frozen=True)
class Split:
    """Speakers and noises that belong together."""

    speech: str
    noise: str


TUNE = Split("speech/valid", "noise/valid")
REPORT = Split("speech/test_other", "noise/test")


@dataclass(frozen=True)
class StaticScene:
    """samples: (4, S). positions: (4, 3), m. azimuths: (N,), rad. active: (N, T) at times (T,), s."""

    samples: np.ndarray
    positions: Positions
    azimuths: np.ndarray
    times: np.ndarray
    active: np.ndarray


def simulate(
    data: Path, split: Split, seed: int, num_talkers: int, snr_db: float, reverberation: float, seconds: float = 10.0
) -> StaticScene:
    """One scene; the same for the same arguments. snr_db: of one talker's phrases to all noise, at a microphone."""
    rng = np.random.default_rng((seed, num_talkers, round(snr_db), round(100 * reverberation)))
    size = rng.uniform([5.0, 5.0, 2.5], [8.0, 7.0, 3.2])
    centre = np.array([*rng.uniform([1.5, 1.5], size[:2] - 1.5), rng.uniform(1.0, 1.4)])
    corners = rng.uniform(-np.pi, np.pi) + np.pi / 2 * np.arange(4)
    positions = RADIUS * np.stack([np.cos(corners), np.sin(corners), np.zeros(4)], axis=1)
    azimuths = apart(rng, num_talkers)
    dry = [talk(rng, list_audio(data / split.speech), round(seconds * RATE)) for _ in azimuths]
    places = [mouth(rng, centre, azimuth, size) for azimuth in azimuths]
    near = centre + np.array([*rng.uniform(-0.2, 0.2, 2), -rng.uniform(0.25, 0.5)])
    noises = [path for path in list_audio(data / split.noise) if steady(path)]
    rest = [excerpt(rng, noises, round(seconds * RATE)) for _ in range(2)]
    room = (size, reverberation, centre + positions)
    voices = [level(rng) * heard(room, place, signal) for place, signal in zip(places, dry, strict=True)]
    noise = sum(normal(heard(room, place, signal)) for place, signal in zip([near, size * 0.15], rest, strict=True))
    noise = normal(noise) * 10 ** (-snr_db / 20)
    mixture = sum(voices, noise) + MICROPHONE_NOISE * rng.normal(size=noise.shape)
    delays = [np.linalg.norm(place - centre) / 343.0 for place in places]
    times, active = activity(dry, delays, seconds)
    scale = 10 ** (rng.uniform(-36, -24) / 20)
    return StaticScene((scale * mixture).astype(np.float32).clip(-1, 1), positions, azimuths, times, active)


def apart(rng: np.random.Generator, count: int) -> np.ndarray:
    """Azimuths that are APART from one another."""
    while True:
        found = rng.uniform(-np.pi, np.pi, count)
        gaps = np.abs(wrap(found[:, None] - found)) + 9 * np.eye(count)
        if count == 0 or gaps.min() > APART:
            return found


def mouth(rng: np.random.Generator, centre: np.ndarray, azimuth: float, size: np.ndarray) -> np.ndarray:
    """A place of the room in that direction, not at a wall."""
    direction = np.array([np.cos(azimuth), np.sin(azimuth)])
    walls = np.where(direction > 0, size[:2] - 0.4 - centre[:2], centre[:2] - 0.4) / np.maximum(np.abs(direction), 1e-9)
    distance = rng.uniform(1.0, min(3.5, walls.min()))
    return centre + np.array([*(distance * direction), rng.uniform(0.0, 0.4)])


def talk(rng: np.random.Generator, files: list[Path], num: int) -> np.ndarray:
    """Phrases of one speaker with pauses between them, (S,), their own level 1."""
    voice = excerpt(rng, files, num)
    gate, at = np.zeros(num), round(rng.uniform(0.0, 1.5) * RATE)
    while at < num:
        length = round(rng.uniform(0.8, 3.0) * RATE)
        gate[at : at + length] = 1.0
        at += length + round(rng.uniform(0.5, 2.0) * RATE)
    ramp = np.hanning(321) / np.hanning(321).sum()
    return voice * np.convolve(gate, ramp, mode="same")


def excerpt(rng: np.random.Generator, files: list[Path], num: int) -> np.ndarray:
    """A random piece of a random file, (S,), repeated where it is too short; root mean square 1."""
    recording = read_mono(files[int(rng.integers(len(files)))], RATE)
    piece = np.roll(np.tile(recording, -(-num // recording.size)), -int(rng.integers(recording.size)))[:num]
    return piece / (piece.std() + 1e-9)


def heard(room: tuple[np.ndarray, float, np.ndarray], place: np.ndarray, signal: np.ndarray) -> np.ndarray:
    """What the microphones hear of a source, (C, S), at the level of a metre's distance."""
    size, reverberation, microphones = room
    absorption, order = pyroomacoustics.inverse_sabine(reverberation, size)
    material = pyroomacoustics.Material(absorption)
    box = pyroomacoustics.ShoeBox(size, fs=RATE, materials=material, max_order=min(order, MAX_ORDER))
    box.add_source(place, signal=signal)
    box.add_microphone_array(microphones.T)
    box.simulate()
    delay = 40  # of pyroomacoustics' fractional delays
    samples = box.mic_array.signals[:, delay : delay + signal.size]
    return 4 * np.pi * np.linalg.norm(place - microphones.mean(axis=0)) * samples


def level(rng: np.random.Generator) -> float:
    """Some talk louder than others."""
    return float(10 ** (rng.uniform(-3, 3) / 20))


def normal(samples: np.ndarray) -> np.ndarray:
    """Root mean square 1."""
    return samples / np.sqrt(np.square(samples).mean() + 1e-12)


def activity(dry: list[np.ndarray], delays: list[float], seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Times (T,) of frames in s, and in which each talker is active there (N, T), as it reaches the array."""
    stft = STFT()
    times = np.arange(0.0, seconds, stft.hop_length / RATE)
    rows = []
    for signal, delay in zip(dry, delays, strict=True):
        late = np.concatenate([np.zeros(round(delay * RATE)), signal])
        active = active_frames(np.square(np.abs(stft.analyse(late))).mean(axis=-1))
        middle = (np.arange(active.size) + 1) * stft.hop_length / RATE - 0.5 * stft.n_fft / RATE
        rows.append(active[np.clip(np.rint(np.interp(times, middle, np.arange(active.size))).astype(int), 0, None)])
    return times, np.array(rows, dtype=bool).reshape(len(rows), times.size)


def program(description: str | None) -> argparse.ArgumentParser:
    """The options of a benchmark that needs the data sets: --data, by default the environment variable DVAE_DATA."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    folder = os.environ.get("DVAE_DATA")
    parser.add_argument("--data", type=Path, default=Path(folder) if folder else None, required=not folder)
    return parser
