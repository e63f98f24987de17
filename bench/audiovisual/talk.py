"""What the microphones of a simulated scene hear: people who talk in turns while they walk in a room, a robot at work
and the steady sounds of the place.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing
from scipy.signal import lfilter, oaconvolve

from dvae.signal.audio_file import read_mono
from dvae.signal.audio_folder import list_audio

RATE = 16000
FRAME = 320  # samples: 20 ms
RADIUS = 0.045  # m
MICROPHONES = RADIUS * np.array([[np.cos(a), np.sin(a), 0.0] for a in np.pi / 4 + np.pi / 2 * np.arange(4)])
HOP = 1600  # samples (100 ms): between two impulse responses of who walks; the sound is crossfaded between them
STEP = 0.03  # m: who moved less than this keeps the impulse response
HANGOVER = 0.3  # s: shorter pauses are part of speech, as in the evaluations of NIST
SILENT_DB = -30.0  # 20 ms of a clean voice below this, relative to its level when it speaks, are silence
SPEECH_LEVEL = 0.05  # root mean square at the microphones while somebody speaks, of full scale (-26 dB)
LARGEST_ORDER = 25  # of reflections: 1 % of the energy at RT60 0.7 s is left out, nothing at 0.4 s

Array = NDArray[np.float64]


class Turn(NamedTuple):
    """Who talks from when to when, in s."""

    person: int
    start: float
    end: float


def draw_turns(rng: np.random.Generator, people: int, seconds: float, overlap: float) -> list[Turn]:
    """Turns of 1.5 to 4.5 s. The next begins before the end of the last (by 0.3 to 1.2 s) with probability `overlap`,
    else after a pause of 0.2 to 1.5 s. Everybody has the word about equally often.
    """
    turns: list[Turn] = []
    start, order = float(rng.uniform(0.5, 1.5)), list(rng.permutation(people))
    while start < seconds - 1.5:
        if not order:
            order = list(rng.permutation(people))
            if people > 1 and order[0] == turns[-1].person:
                order.append(order.pop(0))
        end = min(start + float(rng.uniform(1.5, 4.5)), seconds - 0.3)
        turns.append(Turn(int(order.pop(0)), start, end))
        pause = -rng.uniform(0.3, 1.2) if people > 1 and rng.random() < overlap else rng.uniform(0.2, 1.5)
        start = end + float(pause)
        mine = [turn.end for turn in turns if order and turn.person == order[0]]
        start = max([start, *(last + 0.3 for last in mine)])
    return turns


def voices(rng: np.random.Generator, folder: Path, people: int, turns: Sequence[Turn], num_samples: int) -> Array:
    """(P, S): each person has the voice of one reader, whose sentences fill the turns; unit level while it sounds."""
    readers: dict[str, list[Path]] = {}
    for path in list_audio(folder):
        readers.setdefault(path.name.split("-")[0], []).append(path)
    chosen = rng.choice(sorted(readers), people, replace=False)
    sound = np.zeros((people, num_samples))
    fade = np.sin(np.linspace(0, np.pi / 2, 160)) ** 2
    for person, reader in enumerate(chosen):
        files = readers[str(reader)]
        said = np.concatenate([_trimmed(read_mono(files[i], RATE)) for i in rng.permutation(len(files))])
        at = 0
        for turn in (turn for turn in turns if turn.person == person):
            first, last = round(turn.start * RATE), round(turn.end * RATE)
            part = np.take(said, np.arange(at, at + last - first), mode="wrap")
            at += last - first
            part[:160] *= fade
            part[-160:] *= fade[::-1]
            sound[person, first:last] += part
        loud = sound[person][np.repeat(_loud(sound[person]), FRAME)]
        sound[person] /= max(1e-9, float(loud.std())) if loud.size else 1.0
    return sound


def _loud(voice: Array) -> NDArray[np.bool_]:
    """20 ms frames that are not much below the others."""
    power = np.square(voice[: len(voice) // FRAME * FRAME].reshape(-1, FRAME)).mean(axis=1)
    level = np.mean(power[power > 0.1 * power.max()]) if power.max(initial=0.0) > 0 else 1.0
    loud: NDArray[np.bool_] = power > level * 10 ** (SILENT_DB / 10)
    return loud


def _trimmed(speech: Array) -> Array:
    """Without the silence at both ends."""
    sounding = np.flatnonzero(_loud(speech))
    return np.asarray(speech[sounding[0] * FRAME : (sounding[-1] + 1) * FRAME], dtype=np.float64)


def speaking_times(voice: Array) -> NDArray[np.bool_]:
    """Clean voice (S,) -> whether they speak, for every 20 ms: not below SILENT_DB, pauses under HANGOVER filled."""
    span = round(HANGOVER * RATE / FRAME)
    padded = np.pad(_loud(voice), span)
    return np.asarray(binary_closing(padded, np.ones(span, dtype=bool))[span:-span], dtype=bool)


class Room(NamedTuple):
    """A shoebox: its size in m, where the microphones are in it and how they are turned (rad), RT60 in s."""

    size: Array
    microphones: Array
    yaw: float
    reverberation: float

    def responses(self, places: Array) -> list[Array]:
        """Impulse responses from places (N, 3), in m from the microphones: each (4, taps)."""
        import pyroomacoustics

        absorption, order = pyroomacoustics.inverse_sabine(self.reverberation, self.size)
        room = pyroomacoustics.ShoeBox(
            self.size,
            fs=RATE,
            materials=pyroomacoustics.Material(absorption),
            max_order=min(order, LARGEST_ORDER if self.reverberation > 0.5 else 20),
        )
        for place in self.inside(places):
            room.add_source(place)
        room.add_microphone_array((self.microphones + self._turned(MICROPHONES)).T)
        room.compute_rir()
        together = [[room.rir[m][n] for m in range(len(MICROPHONES))] for n in range(len(places))]
        longest = max(len(response) for one in together for response in one)
        return [np.array([np.pad(r, (0, longest - len(r))) for r in one]) for one in together]

    def inside(self, places: Array) -> Array:
        """From the frame of the microphones to that of the room, at least 0.2 m from its walls."""
        return np.clip(self.microphones + self._turned(places), 0.2, self.size - 0.2)

    def _turned(self, places: Array) -> Array:
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return places @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])


def draw_room(rng: np.random.Generator, reverberation: float, height: float) -> Room:
    """6 to 8 m by 6 to 7 m, the robot near the middle of a wall and 1.8 m from it, turned a little."""
    size = rng.uniform([6.0, 6.0, 2.5], [8.0, 7.0, 3.2])
    place = np.array([rng.uniform(1.6, 2.0), size[1] / 2 + rng.uniform(-0.3, 0.3), height])
    return Room(size, place, float(rng.uniform(-0.12, 0.12)), reverberation)


def heard_walking(voice: Array, path: Array, room: Room) -> Array:
    """Voice (S,) of who is at `path` (T, 3), one place each HOP samples -> at the microphones (4, S)."""
    out = np.zeros((len(MICROPHONES), len(voice) + RATE))
    ramp = np.sin(np.linspace(0, np.pi / 2, HOP, endpoint=False)) ** 2
    window = np.concatenate([ramp, 1.0 - ramp])  # neighbours sum to one
    parts, at = [], []
    padded = np.pad(voice, (HOP, 2 * HOP))
    for index in range(len(voice) // HOP + 2):
        part = padded[index * HOP : index * HOP + 2 * HOP]
        if part.any():
            parts.append(part * window[: len(part)])
            at.append(index)
    if not parts:
        return out[:, : len(voice)]
    places = path[np.minimum(at, len(path) - 1)]
    grid = [0]
    for i in range(1, len(places)):
        grid.append(i if np.linalg.norm(places[i] - places[grid[-1]]) > STEP else grid[-1])
    kept = sorted(set(grid))
    responses = dict(zip(kept, room.responses(places[kept]), strict=True))
    for part, index, use in zip(parts, at, grid, strict=True):
        sound = oaconvolve(part[None], responses[use], axes=1)
        first = (index - 1) * HOP
        cut = max(0, -first)
        sound = sound[:, cut : cut + out.shape[1] - (first + cut)]
        out[:, first + cut : first + cut + sound.shape[1]] += sound
    return out[:, : len(voice)]


def steady(path: Path) -> bool:
    """Whether a recording is a fan, a motor, a hum: its level over 100 ms deviates by 3 dB at most. (Among the others
    are crowds and announcements, whose speech would be in no truth.)
    """
    sound = read_mono(path, RATE)
    power = np.square(sound[: len(sound) // HOP * HOP].reshape(-1, HOP)).mean(axis=1)
    return bool(np.std(10 * np.log10(power + 1e-9)) <= 3.0)


def robot_noise(num_samples: int, rng: np.random.Generator) -> Array:
    """A robot at work: two motors whose speed and load wander, and a fan; unit level."""
    time = np.arange(num_samples) / RATE
    fan = lfilter([1.0], [1.0, -0.9], rng.normal(size=num_samples))
    motors = np.zeros(num_samples)
    for base in rng.uniform(80.0, 200.0, 2):
        slow = np.cumsum(lfilter([1e-4], [1.0, -0.9999], rng.normal(size=num_samples)))
        phase = 2 * np.pi * (base * time + 0.02 * slow)
        load = 1.0 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.2, 0.6) * time + rng.uniform(0, 6))
        motors += load * sum(np.sin(k * phase + rng.uniform(0, 6)) / k**0.7 for k in range(1, 25))
    mixed = fan / fan.std() + motors / motors.std()
    return np.asarray(mixed / mixed.std(), dtype=np.float64)


def noise_at_microphones(rng: np.random.Generator, folder: Path, room: Room, num_samples: int) -> Array:
    """(4, S), unit level: the robot's motors and fan 0.4 m below the microphones, and, as loud together, steady
    recordings from three far places of the room.
    """
    files = [path for path in list_audio(folder) if steady(path)]
    places = [np.array([-0.1, rng.uniform(-0.1, 0.1), -0.4])]
    sounds = [robot_noise(num_samples, rng)]
    for place in rng.uniform(0.08, 0.92, (3, 3)) * room.size - room.microphones:
        recording = read_mono(files[int(rng.integers(len(files)))], RATE)
        recording = np.roll(np.tile(recording, -(-num_samples // len(recording)))[:num_samples], rng.integers(RATE))
        places.append(place)
        sounds.append(recording / max(1e-9, float(recording.std())))
    heard = [oaconvolve(sound[None], response, axes=1)[:, :num_samples]
             for sound, response in zip(sounds, room.responses(np.array(places)), strict=True)]  # fmt: skip
    near, far = heard[0], np.sum(heard[1:], axis=0)
    both = near / near.std() + far / far.std()
    return np.asarray(both / both.std(), dtype=np.float64)
