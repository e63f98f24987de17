"""Cost of the tracker, single-threaded: the online step by number of people, the whole EM of a sequence, and the
compiled roll-out against its torch reference; memory over a long run.

python bench/tracking/speed.py [--peers]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import numpy as np
import torch

from dvae.evaluation.table import Table
from dvae.models.store.checkpoint import load_as
from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.motion.compiled import CompiledMotion
from dvae.tracking.motion.rollout import (
    Birth,
    EncoderInput,
    Evidence,
    as_tensors,
    fresh_state,
    roll_out_torch,
    zero_noise,
)
from dvae.tracking.motion.trajectories import draw_trajectories
from dvae.tracking.online import OnlineTracker
from dvae.tracking.sequence.mixdvae import PAPER, track_sequence


def scene(num_people: int, num_frames: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (T, N, 4) in pixels of people who walk, with detector noise, and where they are detected (90 %)."""
    start = rng.uniform([0, 200], [1800, 700], size=(num_people, 2))
    velocity = rng.normal(0, [2.0, 0.5], size=(num_people, 2))
    corner = start + velocity * np.arange(num_frames)[:, None, None]
    corner[..., 0] %= 1800
    size = np.broadcast_to(rng.uniform(0.8, 1.2, size=(num_people, 1)) * [60.0, 160.0], corner.shape)
    boxes = np.concatenate([corner, corner + size], axis=-1)
    return boxes + rng.normal(0, 2.0, size=boxes.shape), rng.random((num_frames, num_people)) < 0.9


Step = Callable[[np.ndarray, float], object]


def step_times(step: Step, num_people: int, num_frames: int = 600) -> tuple[float, float]:
    """p50 and p99 of a step in ms, on the clock of the thread."""
    boxes, seen = scene(num_people, num_frames, np.random.default_rng(0))
    steps = []
    for t in range(num_frames):
        given = np.column_stack([boxes[t, seen[t]], np.full(seen[t].sum(), 0.9)])
        began = time.thread_time()
        step(given, t / 30)
        steps.append(time.thread_time() - began)
    p50, p99 = 1e3 * np.percentile(steps[10:], [50, 99])
    return p50, p99


def our_step(model: TrajectorySRNN) -> Step:
    """A step of a fresh tracker of ours."""
    tracker = OnlineTracker(model, image_size=(1920, 1080))
    return lambda given, time: tracker.update(given[:, :4], time, given[:, 4])


def peer_step(make: Callable[[], Callable[[np.ndarray], object]]) -> Step:
    """A step of a fresh peer."""
    peer = make()
    return lambda given, time: peer(given)


def sequence(model: TrajectorySRNN, fine_tune_rate: float) -> float:
    """Seconds for T = 60, N = 3: cascade initialisation and 70 iterations."""
    boxes = draw_trajectories(3, 60, np.random.default_rng(1)).transpose(1, 0, 2)
    config = replace(PAPER, fine_tune_rate=fine_tune_rate)
    track_sequence(model, list(boxes[:5]), boxes[0], config)
    began = time.thread_time()
    track_sequence(model, list(boxes), boxes[0], config)
    return time.thread_time() - began


def resident_mib() -> float:
    """Memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def memory(model: TrajectorySRNN, num_frames: int) -> tuple[float, float]:
    """Resident MiB after a tenth of the frames and after all of them, 10 people at a time who come and go."""
    boxes, seen = scene(10, 3000, np.random.default_rng(0))
    step, early = our_step(model), 0.0
    for t in range(num_frames):
        row = t % 3000
        step(np.column_stack([boxes[row, seen[row]], np.full(seen[row].sum(), 0.9)]), t / 30)
        if t == num_frames // 10:
            early = resident_mib()
    return early, resident_mib()


def roll_outs(model: TrajectorySRNN, num_people: int = 3, num_frames: int = 60) -> tuple[float, float]:
    """ms of one roll-out: torch reference, compiled."""
    boxes = draw_trajectories(num_people, num_frames, np.random.default_rng(2))  # (N, T, 4)
    config = model.config
    precision = np.full(boxes.shape, 1e4)
    birth = Birth(np.zeros(num_people, dtype=np.int64), boxes[:, 0].copy(), np.full((num_people, 4), 1e-5))
    state = fresh_state(num_people, config.hidden_size, config.latent_size, 4)
    evidence, noise = Evidence(precision, precision * boxes), zero_noise(num_people, num_frames, config.latent_size, 4)
    encoder = EncoderInput(boxes, np.ones((num_people, num_frames), dtype=bool))
    rate, compiled = np.ones(num_frames), CompiledMotion(model)
    like = next(model.parameters())
    tensors = tuple(as_tensors(part, like) for part in (state, birth, evidence, encoder, noise))

    def reference() -> None:
        with torch.inference_mode():
            roll_out_torch(model, *tensors, rate, False)

    def fast() -> None:
        compiled.roll_out(state, birth, evidence, encoder, noise, rate, False)

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
    parser = argparse.ArgumentParser(description="Times the tracker; with --peers others too (see setup.sh).")
    parser.add_argument("--peers", action="store_true", help="also the peers, in the benchmark's environment")
    parser.add_argument("--frames", type=int, default=100_000, help="of the memory test (default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = load_as(TrajectorySRNN, "motion_srnn")
    makers: dict[str, Callable[[], Step]] = {"ours": lambda: our_step(model)}
    if arguments.peers:
        from peers import PEERS

        makers |= {name: partial(peer_step, make) for name, make in PEERS.items()}
    crowds = (3, 10, 30, 100)
    table = Table("{online step, p50 / p99 ms:32}" + "".join(f"{{{n} people:>18}}" for n in crowds))
    print(table.header)
    step_times(our_step(model), 10, 50)  # compiles
    for name, make in makers.items():
        times = (step_times(make(), number) for number in crowds)
        print(table.row(name, *(f"{p50:.2f} / {p99:.2f}" for p50, p99 in times)), flush=True)
    plain, tuned = sequence(model, 0.0), sequence(model, 1e-4)
    print("\nsequence, T = 60, N = 3, cascade + 70 iterations:")
    print(f"  {plain:.3f} s, with fine-tuning {tuned:.2f} s")
    reference, fast = roll_outs(model)
    ratio = reference / fast
    print(f"one roll-out, T = 60, N = 3: torch {reference:.2f} ms, compiled {fast:.2f} ms, ratio {ratio:.0f}")
    early, late = memory(model, arguments.frames)
    few = arguments.frames // 10
    print(f"resident memory after {few} frames {early:.1f} MiB, after {arguments.frames} frames {late:.1f} MiB")


if __name__ == "__main__":
    main()
