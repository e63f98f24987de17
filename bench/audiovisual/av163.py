"""Tracking and association on AV16.3: what sight, hearing and both know of who is where and who speaks.

Heads and directions are those of the annotations, made worse: see pooled.py. Sequence 24 is where settings were
compared; 25 and 30 were only scored. Right speaker: percent of the images with a speaker in view in which the box of
the one who is named is at that person's head; by sight alone the nearest person is named. Its truth is made of the
labels of the very directions that are given, so it measures association, and no detection of speech.

DVAE_DATA=... python bench/audiovisual/av163.py [--quick] [--sequences 25 30] [--seed N]
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
from pooled import Scores, by_clusters, follow, loudest, make_scene, right_speaker, score

from dvae.audiovisual.cluster_association import Kind
from dvae.data.av163 import Recording, read_recording
from dvae.evaluation.table import Table

TUNED = 24
DROPPED, CLUTTER = (0.0, 0.2, 0.4, 0.6, 0.8), (0.0, 1.0, 2.0)
QUICK_DROPPED, QUICK_CLUTTER = (0.0, 0.4, 0.8), (0.0, 2.0)
MODES = ("vision", "audio", "both")
BETTER = np.array([1.0, 1.0, -1.0, 1.0])  # the sign of better of each score


class Runs:
    """Scores of each recording, each method once for what it is given."""

    def __init__(self, recordings: Sequence[Recording], seed: int):
        self._recordings, self._seed = recordings, seed
        self._known: dict[tuple[object, ...], Scores] = {}

    def scores(self, dropped: float, clutter: float) -> np.ndarray:
        """(recordings, modes, 4)."""
        return np.array([[self._score(n, m, dropped, clutter) for m in MODES] for n in range(len(self._recordings))])

    def _score(self, number: int, mode: str, dropped: float, clutter: float) -> Scores:
        key = (number, mode, None if mode == "audio" else dropped, None if mode == "vision" else clutter)
        if key not in self._known:
            scene = make_scene(self._recordings[number], dropped, clutter, self._seed + number)
            self._known[key] = score(scene, follow(scene, mode), mode)
        return self._known[key]


def half_interval(values: np.ndarray) -> float:
    """Of the mean over recordings, 95 %, by Student's t."""
    from scipy.stats import t

    return float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


def tracking_table(
    recordings: Sequence[Recording], dropped: Sequence[float], clutter: Sequence[float], seed: int
) -> bool:
    """Print a row for each setting; whether both is better than each alone in all of them."""
    head = Table("{dropped:>7}{clutter:>8}" + "   {:34}" * 4)
    print(head.row("", "", "MOTA: vision, audio, both", "IDF1", "OSPA-T, px", "right speaker"))
    table = Table("{dropped:6.0f}%{clutter:8.0f}" + ("   {:7.1f}{:7.1f}{:7.1f} +-{:5.1f}{:5}") * 4)
    worse, runs = 0, Runs(recordings, seed)
    for drop in dropped:
        for each in clutter:
            scores = runs.scores(drop, each)
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
    print(f"+-: 95 % interval of the gain over the better one alone, over {len(recordings)} recordings; (-): no gain")
    print(f"both above each alone in {4 * rows - worse} of {4 * rows} comparisons")
    return not worse


def association_table(recordings: Sequence[Recording], settings: Sequence[tuple[float, float]], seed: int) -> None:
    """Print who is named by E-W and by clustering, from the same tracks and directions."""
    kinds = get_args(Kind)
    columns = "".join(f"{{{kind}:>14.1f}}" for kind in kinds)
    table = Table("{dropped:6.0f}%{clutter:8.0f}{E-W (ours):>13.1f} +-{:4.1f}" + columns)
    print("\nright speaker, % by association" + "\n" + table.header)
    for drop, clutter in settings:
        rates = []
        for number, recording in enumerate(recordings):
            scene = make_scene(recording, drop, clutter, seed + number)
            result = follow(scene, "both")
            named = [[loudest(mass) for mass in result.mass], *(by_clusters(scene, result, kind) for kind in kinds)]
            rates.append([right_speaker(scene, result, each) for each in named])
        found = np.array(rates)
        mean = found.mean(axis=0)
        print(table.row(100.0 * drop, clutter, mean[0], half_interval(found[:, 0]), *mean[1:]), flush=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one sequence, fewer settings")
    parser.add_argument("--sequences", type=int, nargs="+", default=None)
    parser.add_argument("--seed", type=int, default=1000)
    arguments = parser.parse_args()
    if "DVAE_DATA" not in os.environ:
        sys.exit("expected DVAE_DATA to be the folder that holds av163/, it is not set")
    folder = Path(os.environ["DVAE_DATA"]) / "av163"
    sequences = arguments.sequences or ([30] if arguments.quick else [TUNED, 25, 30])
    dropped, clutter = (QUICK_DROPPED, QUICK_CLUTTER) if arguments.quick else (DROPPED, CLUTTER)
    try:
        recordings = [read_recording(folder, sequence, camera) for sequence in sequences for camera in (1, 2, 3)]
    except ValueError as error:
        sys.exit(str(error))
    settings = [(drop, each) for drop in dropped for each in clutter]
    tracking_table(recordings, dropped, clutter, arguments.seed)
    association_table(recordings, settings, arguments.seed)


if __name__ == "__main__":
    main()
