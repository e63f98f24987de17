"""Simulated scenes: two to four people who walk in a room and talk, seen by a camera and heard by four microphones.

What is simulated and how: `walk.py` (paths, camera, the faults of a detector) and `talk.py` (turns, rooms, noise). All
of a scene follows from its settings and its seed; it takes about a tenth of the time that it lasts.

python bench/audiovisual/simulate.py [--seed 0] [--number 2] [--angle 30] ...    describes a scene and writes it as FLAC
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from talk import (
    FRAME,
    HOP,
    MICROPHONES,
    RATE,
    SPEECH_LEVEL,
    Turn,
    draw_room,
    draw_turns,
    heard_walking,
    noise_at_microphones,
    speaking_times,
    voices,
)
from walk import MICROPHONE_HEIGHT, Array, Boxes, Lens, Walks, detect, draw_lens, draw_walks, true_boxes

from dvae.signal.audio_file import write_audio

REPORT, TUNE = "test", "tune"


@dataclass(frozen=True)
class SceneConfig:
    """What a scene is like; what is drawn is drawn from the seed."""

    number: int = 2  # people
    angle: float = 30.0  # degrees between neighbours who are in view
    reverberation: float = 0.4  # s, RT60
    snr: float = 10.0  # dB, speech while anybody speaks, against noise, at the first microphone
    outside: int = 0  # how many of them stand where the camera does not look
    leaving: bool = False  # one walks out of the view and comes back
    talking: bool = True  # False: only noise
    missed: float | None = None  # part of the time in which who is in view is not detected; None: 0.1 to 0.3
    overlap: float = 0.25  # probability that a turn begins before the last one ends
    seconds: float = 24.0
    rate: float = 15.0  # images a second
    part: str = REPORT  # "test": speech/test_other, noise/test; "tune": speech/valid, noise/valid


class SimulatedScene(NamedTuple):
    """What the sensors give, and what is true."""

    samples: NDArray[np.float32]  # (4, S) at 16 kHz
    frames: list[Boxes]  # of each image; the clock is that of the samples, both begin at 0 s
    lens: Lens
    turns: list[Turn]
    speaking: NDArray[np.bool_]  # (P, S / 320): whether each person speaks in each 20 ms
    azimuth: Array  # (P, T), rad: of their mouths, from the microphones, at each image
    true_boxes: Array  # (T, P, 4), NaN for who is not in view


def simulate(config: SceneConfig, seed: int, data: Path) -> SimulatedScene:
    """The scene of this seed, from the folder of data sets `data`."""
    draw, draw_sound = (np.random.default_rng((config.part == TUNE, seed, stream)) for stream in (0, 1))
    inside, angle = config.number - config.outside, np.radians(config.angle)
    lens = draw_lens(draw, (inside - 1) * angle + np.radians(24.0))
    time = np.arange(round(config.seconds * config.rate)) / config.rate
    grid = np.arange(round(config.seconds * RATE / HOP) + 2) * HOP / RATE
    both = np.unique(np.concatenate([time, grid]))
    everywhere = draw_walks(draw, both, config.number, angle, lens.view, config.outside, config.leaving)
    walks, paths = at_times(everywhere, both, time), at_times(everywhere, both, grid).mouths()
    truth = true_boxes(walks, lens)
    missed = float(draw.uniform(0.1, 0.3)) if config.missed is None else config.missed
    frames = detect(draw, truth, walks.distance, time, lens, missed, float(draw.uniform(0.03, 0.08)))
    sound = make_sound(config, draw_sound, paths, data)
    mouths = walks.mouths()
    azimuth = np.arctan2(mouths[..., 1], mouths[..., 0])
    return SimulatedScene(sound.samples, frames, lens, sound.turns, sound.speaking, azimuth, truth)


class Sound(NamedTuple):
    """The half of a scene that is heard; as in `SimulatedScene`."""

    samples: NDArray[np.float32]
    turns: list[Turn]
    speaking: NDArray[np.bool_]


def make_sound(config: SceneConfig, draw: np.random.Generator, paths: Array, data: Path) -> Sound:
    """What people on paths (P, T, 3), a place each HOP samples, say, and what of it the microphones hear."""
    num_samples = round(config.seconds * RATE)
    turns = draw_turns(draw, config.number, config.seconds, config.overlap) if config.talking else []
    speech, noise = ("test_other", "test") if config.part == REPORT else ("valid", "valid")
    said = voices(draw, data / "speech" / speech, config.number, turns, num_samples)
    said *= 10 ** (draw.uniform(-1.5, 1.5, (config.number, 1)) / 20)
    speaking = np.array([speaking_times(voice) for voice in said])
    room = draw_room(draw, config.reverberation, MICROPHONE_HEIGHT)
    gains = 10 ** (draw.uniform(-0.5, 0.5, (len(MICROPHONES), 1)) / 20)  # microphones are not alike
    heard = np.sum([heard_walking(voice, path, room) for voice, path in zip(said, paths, strict=True)], axis=0)
    around = noise_at_microphones(draw, data / "noise" / noise, room, num_samples)
    spoken = np.repeat(speaking.any(axis=0), FRAME)
    level = float(heard[0, : len(spoken)][spoken].std()) if spoken.any() else 1.0
    samples = SPEECH_LEVEL * gains * (heard / level + around * 10 ** (-config.snr / 20))
    return Sound(samples.astype(np.float32), turns, speaking)


def at_times(walks: Walks, known: Array, wanted: Array) -> Walks:
    """The walks at some of the times at which they are known."""
    at = np.searchsorted(known, wanted)
    return Walks(walks.azimuth[:, at], walks.distance[:, at], walks.height)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("DVAE_DATA"), required="DVAE_DATA" not in os.environ
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("out/bench/audiovisual/scene.flac"))
    for field in fields(SceneConfig):
        kind = type(field.default) if field.default is not None else float
        if kind is bool:
            parser.add_argument(f"--{field.name}", action=argparse.BooleanOptionalAction, default=field.default)
        else:
            parser.add_argument(f"--{field.name}", type=kind, default=field.default)
    arguments = vars(parser.parse_args())
    config = replace(SceneConfig(), **{field.name: arguments[field.name] for field in fields(SceneConfig)})
    scene = simulate(config, arguments["seed"], Path(arguments["data"]))
    print(config)
    print(f"camera {scene.lens.size}, {np.degrees(scene.lens.view):.0f} degrees")
    for person, speaks in enumerate(scene.speaking):
        seen = np.isfinite(scene.true_boxes[:, person, 0])
        found = np.array([person in frame.person for frame in scene.frames])
        azimuth = np.degrees(scene.azimuth[person])
        print(
            f"person {person}: azimuth {azimuth.min():.0f} to {azimuth.max():.0f}, in view {100 * seen.mean():.0f} %, "
            f"detected {100 * found.mean():.0f} %, speaks {100 * speaks.mean():.0f} %"
        )
    print("turns:", *(f"{turn.person}: {turn.start:.1f}-{turn.end:.1f}" for turn in scene.turns))
    arguments["output"].parent.mkdir(parents=True, exist_ok=True)
    write_audio(arguments["output"], scene.samples, RATE)
    print(f"{arguments['output']}: four channels, {scene.samples.shape[1] / RATE:.1f} s")


if __name__ == "__main__":
    main()
