"""A day of audio and a million frames as fast as they go: memory stays flat, nothing is lost; how long it takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import odd
from outcome import Effort, Outcome, memory
from storm_enhancer import Case, EnhancerStorm, bytes_message, coded
from storm_tracker import STEP, PipelineStorm, detection, frame_of, walkers
from tqdm import tqdm

from dvae.signal.audio_clock import NANOSECONDS
from dvae_nodes.lifecycle.pipeline import Settings
from dvae_nodes.pipelines.enhancer import EnhancerNodeConfig
from dvae_nodes.pipelines.tracker import TrackerNodeConfig

MAX_GROWTH = 6.0  # MiB after the first tenth
AUDIO = Case("a day", Settings(EnhancerNodeConfig(preset="low_latency", sample_rate=16000)))


def day_of_audio(effort: Effort, seconds: float) -> Outcome:
    """Speech in chunks of 10 to 100 ms whose stamps jitter and drift by 50 ppm, through the pipeline."""
    began, rng = time.perf_counter(), np.random.default_rng([effort.seed, 6])
    storm, start = EnhancerStorm(effort, AUDIO), 1000 * NANOSECONDS
    sent = received = 0
    warm, end = memory(), int(16000 * seconds)
    with tqdm(total=round(seconds / 3600, 3), desc="hours of audio", unit="h") as bar:
        while sent < end:
            count = int(rng.integers(160, 1600))
            samples = storm.piece(rng, count / 16000, 16000, 1)
            stamp = start + round(sent / 16000 * (1 + 5e-5) * NANOSECONDS) + int(rng.normal(0, 5e5))
            message = bytes_message(coded(samples, "S16LE"), odd.stamp_of(stamp))
            storm.call("on_audio", message, stamp)
            received += sum(each.size for each in storm.sound)
            storm.sound.clear()
            sent += len(samples)
            bar.update(len(samples) / 16000 / 3600)
            storm.meter.times.clear()
            warm = memory() if sent < end // 10 else warm
    received += sum(each.size for each in storm.hearing.samples(storm.pipeline.flush()))
    growth, took = memory() - warm, time.perf_counter() - began
    failed = storm.failed + faults(effort, "endurance audio", growth, f"{received} samples", f"{sent} samples")
    facts = f"{sent:,} samples in, {received:,} out; memory {growth:+.1f} MiB; real-time factor {took / seconds:.4f}"
    length = f"{seconds / 3600:g} h" if seconds >= 3600 else f"{seconds / 60:g} minutes"
    what = f"{length} of audio through the enhancer's pipeline"
    return Outcome("endurance", what, 1, int(bool(failed)), f"{facts}; 24 h take {24 * took / seconds:.1f} h", took)


def faults(effort: Effort, label: str, growth: float, got: str, expected: str) -> int:
    """How many of the two are wrong: memory after a long run (`growth` in MiB), and what came of it."""
    wrong = []
    if growth > MAX_GROWTH:
        wrong.append(f"expected flat memory, got {growth:.1f} MiB more after the first tenth")
    if got != expected:
        wrong.append(f"expected {expected}, got {got}")
    for text in wrong:
        effort.fail(label, text)
    return len(wrong)


def crowd(rng: odd.Rng, frame: int) -> Any:
    """Four who stay, and each ten seconds another who passes; a tenth of the boxes are missing."""
    boxes = walkers(frame)[rng.random(4) > 0.1]
    message = frame_of(odd.stamp_of(1000 * NANOSECONDS + frame * STEP), boxes + rng.normal(0, 1.5, size=boxes.shape))
    if frame % 300 < 150:
        x = 10.0 * (frame % 300) + 40
        message.detections.append(detection([x, 700.0, 60.0, 160.0], name=f"person {frame // 300 % 3}"))
    return message


def million_frames(effort: Effort, count: int) -> Outcome:
    """Frames of people who stay and people who pass, through the pipeline."""
    began, rng = time.perf_counter(), np.random.default_rng([effort.seed, 7])
    settings = Settings(TrackerNodeConfig(image_width=1920, image_height=1080, smoothing_lag=5))
    storm, warm, results, last = PipelineStorm(effort, settings, "a million frames"), memory(), 0, 0
    for frame in tqdm(range(count), desc="frames", unit="frame"):
        storm.frame = frame
        for output in storm.send(crowd(rng, frame)):
            if output.topic == "tracks":
                results += 1
                last = max([last, *(track.id for track in output.message.tracks)])
        storm.meter.times.clear()
        warm = memory() if frame < count // 10 else warm
    growth, took = memory() - warm, time.perf_counter() - began
    failed = storm.failed + faults(effort, "endurance frames", growth, f"{results} results", f"{count} results")
    facts = f"{results:,} results, last id {last}; memory {growth:+.1f} MiB; {1e3 * took / count:.2f} ms a frame"
    what = f"{count:,} frames through the tracker's pipeline"
    facts += f"; 1,000,000 take {took / count / 3.6e-3:.1f} h"
    return Outcome("endurance", what, 1, int(bool(failed)), facts, took)


def outcomes(effort: Effort) -> Iterator[Outcome]:
    """Both."""
    yield day_of_audio(effort, effort.count(24 * 3600, 600))
    yield million_frames(effort, effort.count(1_000_000, 10_000))
