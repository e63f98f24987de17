"""Cost of the tracker, single-threaded: the online step by number of people, the whole EM of a sequence, and the
compiled roll-out against its torch reference.

python bench/tracking/speed.py
"""

from __future__ import annotations

import time

import numpy as np
import torch

from dvae.models.checkpoint import load_model
from dvae.models.srnn import SRNN
from dvae.models.store import find_model
from dvae.tracking.compiled import CompiledMotion
from dvae.tracking.online import OnlineTracker
from dvae.tracking.rollout import Birth, Evidence, as_tensors, fresh_state, roll_out_torch, zero_noise
from dvae.tracking.sequence import track_sequence
from dvae.tracking.tracks import TrackState
from dvae.tracking.trajectories import draw_trajectories


def scene(num_people: int, num_frames: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (T, N, 4) in pixels of people who walk, with detector noise, and where they are detected (90 %)."""
    start = rng.uniform([0, 200], [1800, 700], size=(num_people, 2))
    velocity = rng.normal(0, [2.0, 0.5], size=(num_people, 2))
    corner = start + velocity * np.arange(num_frames)[:, None, None]
    corner[..., 0] %= 1800
    size = np.broadcast_to(rng.uniform(0.8, 1.2, size=(num_people, 1)) * [60.0, 160.0], corner.shape)
    boxes = np.concatenate([corner, corner + size], axis=-1)
    return boxes + rng.normal(0, 2.0, size=boxes.shape), rng.random((num_frames, num_people)) < 0.9


def online(model: SRNN, num_people: int, num_frames: int = 600) -> tuple[float, float, int]:
    """p50 and p99 of a step in ms, and the mean number of confirmed tracks."""
    boxes, seen = scene(num_people, num_frames, np.random.default_rng(0))
    tracker, steps, count = OnlineTracker(model, image_size=(1920, 1080)), [], 0
    for t in range(num_frames):
        began = time.perf_counter()
        tracks = tracker.update(boxes[t, seen[t]], t / 30)
        steps.append(time.perf_counter() - began)
        count += int((tracks.state != TrackState.TENTATIVE).sum())
    p50, p99 = 1e3 * np.percentile(steps[10:], [50, 99])
    return p50, p99, round(count / num_frames)


def sequence(model: SRNN) -> float:
    """Seconds for T = 60, N = 3: cascade initialisation and 70 iterations."""
    boxes = draw_trajectories(3, 60, np.random.default_rng(1)).transpose(1, 0, 2)
    track_sequence(model, list(boxes[:5]), boxes[0])
    began = time.perf_counter()
    track_sequence(model, list(boxes), boxes[0])
    return time.perf_counter() - began


def roll_outs(model: SRNN, num_people: int = 3, num_frames: int = 60) -> tuple[float, float]:
    """ms of one roll-out: torch reference, compiled."""
    boxes = draw_trajectories(num_people, num_frames, np.random.default_rng(2)).transpose(1, 0, 2)
    config = model.config
    precision = np.full(boxes.shape, 1e4)
    birth = Birth(np.zeros(num_people, dtype=np.int64), boxes[0], np.full((num_people, 4), 1e-5))
    state = fresh_state(num_people, config.hidden_size, config.latent_size, 4)
    evidence, noise = Evidence(precision, precision * boxes), zero_noise(num_frames, num_people, config.latent_size, 4)
    encode, rate, compiled = np.ones((num_frames, num_people), dtype=bool), np.ones(num_frames), CompiledMotion(model)
    like = next(model.parameters())
    tensors = (*(as_tensors(part, like) for part in (state, birth, evidence)), torch.as_tensor(boxes, dtype=like.dtype))

    def reference() -> None:
        with torch.inference_mode():
            roll_out_torch(model, *tensors, torch.as_tensor(encode), as_tensors(noise, like), [1.0] * num_frames, False)

    def fast() -> None:
        compiled.roll_out(state, birth, evidence, boxes, encode, noise, rate, False)

    times = []
    for function in (reference, fast):
        function()
        began = time.perf_counter()
        for _ in range(20):
            function()
        times.append(1e3 * (time.perf_counter() - began) / 20)
    return times[0], times[1]


def main() -> None:
    """Print the tables."""
    torch.set_num_threads(1)
    model = load_model(SRNN, find_model("motion_srnn"))
    print(f"{'people':>8} {'tracks':>8} {'p50 ms':>8} {'p99 ms':>8}   online step, 600 frames")
    for num_people in (3, 10, 30, 100):
        p50, p99, tracks = online(model, num_people)
        print(f"{num_people:8d} {tracks:8d} {p50:8.2f} {p99:8.2f}")
    print(f"\nsequence, T = 60, N = 3, cascade + 70 iterations: {sequence(model):.3f} s")
    reference, fast = roll_outs(model)
    print(
        f"one roll-out, T = 60, N = 3: torch {reference:.2f} ms, compiled {fast:.2f} ms, ratio {reference / fast:.0f}"
    )


if __name__ == "__main__":
    main()
