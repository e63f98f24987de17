"""Tracking and association on AV16.3: what sight, hearing and both know of who is where and who speaks.

Heads and directions are those of the annotations, made worse: see pooled.py. Sequence 24 is where settings were
compared; 25 and 30 were only scored. Right speaker: percent of the images with a speaker in view in which the box of
the one who is named is at that person's head; by sight alone the nearest person is named. Its truth is made of the
labels of the very directions that are given, so it measures association, and no detection of speech.

DVAE_DATA=... python bench/audiovisual/av163.py [--quick] [--sequences 25 30] [--dropped 0 0.4 0.8] [--map learned]
    [--seed N] [--maps]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import numpy as np
from pooled import (
    EVERY,
    Scores,
    bearing_map,
    by_clusters,
    follow,
    learned_map,
    loudest,
    make_scene,
    right_speaker,
    score,
    with_errors,
)

from dvae.arrays.angles import wrap
from dvae.audiovisual.cluster_association import Kind
from dvae.audiovisual.scene import BearingMap
from dvae.data.av163 import Recording, read_recording
from dvae.evaluation.table import Table

SEQUENCES = (24, 25, 30)  # settings were compared on the first
DROPPED, CLUTTER = (0.0, 0.2, 0.4, 0.6, 0.8), (0.0, 2.0)
QUICK_DROPPED, QUICK_CLUTTER = (0.4, 0.8), (0.0, 2.0)
ASSOCIATION = ((0.0, 0.0), (0.4, 2.0), (0.8, 2.0))  # dropped, clutter
KINDS = get_args(Kind)
MODES = ("vision", "audio", "both")
BETTER = np.array([1.0, 1.0, -1.0, 1.0])  # the sign of better of each score


class Runs:
    """Scores of each recording, each method once for what it is given."""

    def __init__(self, recordings: Sequence[Recording], maps: Sequence[BearingMap], seed: int):
        self._recordings, self._maps, self._seed = recordings, maps, seed
        self._known: dict[tuple[object, ...], Scores] = {}
        self.associations: dict[tuple[float, float], list[list[float]]] = {setting: [] for setting in ASSOCIATION}

    def scores(self, dropped: float, clutter: float) -> np.ndarray:
        """(recordings, modes, 4)."""
        numbers = range(len(self._recordings))
        return np.array([[self._score(n, mode, dropped, clutter) for mode in MODES] for n in numbers])

    def _score(self, number: int, mode: str, dropped: float, clutter: float) -> Scores:
        key = (number, mode, None if mode == "audio" else dropped, None if mode == "vision" else clutter)
        if key not in self._known:
            scene = make_scene(self._recordings[number], dropped, clutter, self._seed + number)
            result = follow(scene, mode, self._maps[number])
            self._known[key] = score(scene, result, mode)
            if mode == "both" and (dropped, clutter) in self.associations:
                named = [[loudest(mass) for mass in result.mass], *(by_clusters(scene, result, kind) for kind in KINDS)]
                rates = [right_speaker(scene, result, each, EVERY) for each in named]
                self.associations[dropped, clutter].append(rates)
        return self._known[key]


def half_interval(values: np.ndarray) -> float:
    """Of the mean over recordings, 95 %, by Student's t."""
    from scipy.stats import t

    return float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


def tracking_table(runs: Runs, dropped: Sequence[float], clutter: Sequence[float]) -> None:
    """Print a row for each setting."""
    head = Table("{dropped:>7}{clutter:>8}" + "   {:34}" * 4)
    print(head.row("", "", "MOTA: vision, audio, both", "IDF1", "OSPA-T, px", "right speaker"))
    table = Table("{dropped:6.0f}%{clutter:8.0f}" + ("   {:7.1f}{:7.1f}{:7.1f} +-{:5.1f}{:5}") * 4)
    worse, count = 0, 0
    for drop in dropped:
        for each in clutter:
            scores = runs.scores(drop, each)
            count = len(scores)
            mean = np.nanmean(scores, axis=0)
            cells: list[object] = [100.0 * drop, each]
            for s in range(4):
                gain = BETTER[s] * (scores[:, 2, s] - scores[:, :2, s].T)  # (2, recordings)
                is_better = bool((gain.mean(axis=1) > 0.0).all())
                worse += not is_better
                best = int((BETTER[s] * mean[:2, s]).argmax())
                cells += [*mean[:, s], half_interval(gain[best]), "" if is_better else "  (-)"]
            print(table.row(*cells), flush=True)
    rows = len(dropped) * len(clutter)
    print(f"+-: 95 % interval of the gain over the better one alone, over {count} recordings; (-): no gain")
    print(f"both above each alone in {4 * rows - worse} of {4 * rows} comparisons")


def association_table(runs: Runs) -> None:
    """Print who is named by E-W and by clustering, from the same tracks and directions."""
    columns = "".join(f"{{{kind}:>14.1f}}" for kind in KINDS)
    table = Table("{dropped:6.0f}%{clutter:8.0f}{E-W (ours):>13.1f} +-{:5.1f}" + columns)
    print("\nright speaker, %, by association\n" + table.header)
    for (drop, clutter), rates in runs.associations.items():
        if rates:
            found = np.array(rates)
            mean = found.mean(axis=0)
            print(table.row(100.0 * drop, clutter, mean[0], half_interval(found[:, 0]), *mean[1:]), flush=True)


def maps_table(recordings: Sequence[Recording], others: Sequence[Sequence[Recording]]) -> None:
    """Print how far azimuths of heads in view are from those of the mouths, as measured: median and 90 % in degrees."""
    print("azimuth of a head, error in degrees: median, 90 %")
    table = Table("{recording:12}" + "   {:6.1f}{:6.1f}  {:10}" * 4)
    for recording, rest in zip(recordings, others, strict=True):
        heads, azimuths, rng = recording.heads(), recording.azimuths(), np.random.default_rng(0)
        known = np.isfinite(heads[..., 0])
        boxes, truth, exact = heads[known], azimuths[known], bearing_map(recording)
        maps = {"calibrated": (exact, boxes), "8 % errors": (exact, with_errors(boxes, rng))}
        maps |= {f"learned, {n}": (learned_map(rest, n), boxes) for n in (8, 1)}
        cells: list[object] = []
        for name, (found, given) in maps.items():
            error = np.degrees(np.abs(wrap(found.bearings(given).azimuth - truth)))
            cells += [*np.percentile(error, [50, 90]), name]
        print(table.row(recording.name, *cells), flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--maps", action="store_true", help="only how right azimuths of heads are")
    parser.add_argument("--quick", action="store_true", help="one sequence, fewer settings")
    parser.add_argument("--sequences", type=int, nargs="+", default=None)
    parser.add_argument("--dropped", type=float, nargs="+", default=None, help="parts of the time without a head")
    parser.add_argument(
        "--map", choices=("calibrated", "learned"), default="calibrated", help="learned: from the others"
    )
    parser.add_argument("--seed", type=int, default=1000)
    arguments = parser.parse_args()
    if "DVAE_DATA" not in os.environ:
        sys.exit("expected DVAE_DATA to be the folder that holds av163/, it is not set")
    folder = Path(os.environ["DVAE_DATA"]) / "av163"
    sequences = arguments.sequences or ([30] if arguments.quick else list(SEQUENCES))
    dropped, clutter = (QUICK_DROPPED, QUICK_CLUTTER) if arguments.quick else (DROPPED, CLUTTER)
    dropped = tuple(arguments.dropped or dropped)
    learnt_from = SEQUENCES if arguments.maps or arguments.map == "learned" else ()
    try:
        every = {(q, c): read_recording(folder, q, c) for q in (*sequences, *learnt_from) for c in (1, 2, 3)}
    except ValueError as error:
        sys.exit(str(error))
    numbers = [(sequence, camera) for sequence in sequences for camera in (1, 2, 3)]
    recordings = [every[number] for number in numbers]
    others = [[every[key] for key in every if key[1] == camera and key[0] != sequence] for sequence, camera in numbers]
    if arguments.maps:
        return maps_table(recordings, others)
    maps: list[BearingMap] = [bearing_map(recording) for recording in recordings]
    if arguments.map == "learned":
        maps = [learned_map(rest) for rest in others]
    runs = Runs(recordings, maps, arguments.seed)
    tracking_table(runs, dropped, clutter)
    association_table(runs)


if __name__ == "__main__":
    main()
