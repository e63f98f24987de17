"""Cost of who speaks, single-threaded: the audio-visual tracker for each video frame, and all of it for a stream.

python bench/audiovisual/speed.py [--people 10] [--voices 3] [--seconds 24]        reads speech and noise in DVAE_DATA
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import numpy as np
import torch
from chains import bearing_map
from simulate import TUNE, SceneConfig, SimulatedScene, simulate
from talk import MICROPHONES, RATE

from dvae.audiovisual.config import OF_TRACKS
from dvae.audiovisual.geometry import CalibratedMap
from dvae.audiovisual.hearing import Hearing
from dvae.audiovisual.scene import Heard
from dvae.audiovisual.speakers import SpeakerFinder
from dvae.audiovisual.tracker import AudioVisualTracker
from dvae.evaluation.table import Table
from dvae.tracking.config import TrackerConfig
from dvae.tracking.online import OnlineTracker

FPS, HEARD_RATE = 30.0, 31.25  # images and frames of directions a second
Array = np.ndarray


def walkers(num_people: int, seconds: float, size: tuple[int, int], rng: np.random.Generator) -> tuple[Array, Array]:
    """Boxes (T, N, 4) of people who walk to and fro, with a detector's noise, and where they are detected (90 %)."""
    t = np.arange(round(seconds * FPS))[:, None] / FPS
    phase, pace = rng.uniform(0, 2 * np.pi, num_people), rng.uniform(0.2, 0.6, num_people)
    height = rng.uniform(0.4, 0.7, num_people) * size[1] + 0.0 * t
    middle = size[0] * (0.5 + 0.4 * np.sin(phase + pace * t))
    top = np.full_like(middle, 0.2 * size[1])
    boxes = np.stack([middle - 0.2 * height, top, middle + 0.2 * height, top + height], axis=-1)
    return boxes + rng.normal(0, 2.0, boxes.shape), rng.random(boxes.shape[:2]) < 0.9


def voices_of(boxes: Array, bearings: CalibratedMap, num_voices: int, rng: np.random.Generator) -> list[Heard]:
    """What is heard when the first of them speak without end, and a direction at random in every other frame."""
    found = []
    for index in range(int(len(boxes) / FPS * HEARD_RATE)):
        now = index / HEARD_RATE
        azimuth = bearings.bearings(boxes[int(now * FPS), :num_voices]).azimuth + rng.normal(0, 0.08, num_voices)
        azimuth = np.append(azimuth, rng.uniform(-np.pi, np.pi, index % 2))
        found.append(Heard(now, azimuth, np.full(len(azimuth), 0.8), 0.95))
    return found


def per_image(step: Callable[[int], object], count: int) -> tuple[float, float]:
    """p50 and p99 in ms, on the clock of the thread."""
    times = []
    for t in range(count):
        began = time.thread_time()
        step(t)
        times.append(time.thread_time() - began)
    p50, p99 = 1e3 * np.percentile(times[10:], [50, 99])
    return float(p50), float(p99)


def tracker_rows(
    scene: SimulatedScene, num_people: int, num_voices: int, seconds: float
) -> list[tuple[str, float, float]]:
    """What a video frame costs: the visual tracker, ours without sound, ours with sound."""
    rng, size, bearings = np.random.default_rng(0), scene.lens.size, bearing_map(scene.lens)
    boxes, seen = walkers(num_people, seconds, size, rng)
    heard = voices_of(boxes, bearings, num_voices, rng)
    given = [boxes[t][seen[t]] for t in range(len(boxes))]
    when = np.searchsorted([each.time for each in heard], np.arange(-1, len(boxes)) / FPS, side="right")

    def fresh() -> OnlineTracker:
        return OnlineTracker.load("motion_srnn", TrackerConfig(), size)

    visual, silent, both = fresh(), AudioVisualTracker(fresh(), bearings), AudioVisualTracker(fresh(), bearings)
    steps: dict[str, Callable[[int], object]] = {
        "boxes, the visual tracker": lambda t: visual.update(given[t], t / FPS),
        "boxes, the audio-visual tracker": lambda t: silent.update(given[t], t / FPS),
        "boxes and directions": lambda t: both.update(given[t], t / FPS, heard=heard[when[t] : when[t + 1]]),
    }
    return [(name, *per_image(step, len(boxes))) for name, step in steps.items()]


def stream(scene: SimulatedScene, num_people: int) -> tuple[float, float]:
    """Samples of four microphones and boxes to scenes, as the node runs it: seconds of computing for a second, of the
    sound to directions, and of all together."""
    size, seconds = scene.lens.size, scene.samples.shape[1] / RATE
    boxes, _ = walkers(num_people, seconds, size, np.random.default_rng(0))
    tracker = AudioVisualTracker(OnlineTracker.load("motion_srnn", OF_TRACKS, size), bearing_map(scene.lens))
    hearing, finder = Hearing(MICROPHONES), SpeakerFinder(Hearing(MICROPHONES), tracker)
    ids, hop = np.arange(1, num_people + 1), round(RATE / FPS)

    def step(t: int) -> tuple[float, float]:
        chunk, began = scene.samples[:, t * hop : (t + 1) * hop], time.thread_time()
        hearing.feed(chunk)
        heard = time.thread_time()
        finder.hear(chunk, t * hop / RATE)
        finder.see(boxes[t], t / FPS, ids)
        return heard - began, time.thread_time() - heard

    times = np.array([step(t) for t in range(len(boxes))])[round(FPS) :]  # the first second compiles
    sound, everything = times.mean(axis=0) * FPS
    return float(sound), float(everything)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Times who speaks on one thread.")
    parser.add_argument("--people", type=int, default=10, help="in the image (default: %(default)s)")
    parser.add_argument("--voices", type=int, default=3, help="at once (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=24.0, help="of sound and video (default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    config = SceneConfig(number=arguments.voices, overlap=0.5, seconds=arguments.seconds, part=TUNE)
    scene = simulate(config, 0, Path(os.environ.get("DVAE_DATA", "data")))
    table = Table("{per video frame:34}{p50 ms:>9.2f}{p99 ms:>9.2f}")
    print(f"{arguments.people} people, {arguments.voices} voices, {FPS:g} images a second, one thread")
    print(table.header)
    tracker_rows(scene, arguments.people, arguments.voices, 2.0)  # compiles
    for row in tracker_rows(scene, arguments.people, arguments.voices, arguments.seconds):
        print(table.row(*row), flush=True)
    sound, everything = stream(scene, arguments.people)
    print(f"real-time factor: four microphones to directions {sound:.3f}, samples and boxes to scenes {everything:.3f}")


if __name__ == "__main__":
    main()
