"""MixDVAE, Deep AR and VKF on the scenes of `three_tracks`: standard scores beside those of the thesis' scorer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tqdm import tqdm

from dvae.evaluation.metrics.tracking import TrackingScores
from dvae.evaluation.three_tracks import Scene, score_scenes
from dvae.models.store.checkpoint import load_as
from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.motion.kalman import LinearGaussian
from dvae.tracking.sequence.mixdvae import SequenceConfig, SequenceResult, track_sequence

METHODS = {  # name -> shipped model; None: the linear-Gaussian motion of VKF
    "MixDVAE": "motion_srnn_absolute",
    "Deep AR": "motion_deep_ar_absolute",
    "VKF": None,
    "MixDVAE, relative": "motion_srnn",
    "Deep AR, relative": "motion_deep_ar",
}


class ThreeTracksRow(NamedTuple):
    """scoring: standard, or the paper's; seconds of CPU time for each scene."""

    method: str
    scoring: str
    scores: TrackingScores
    seconds: float


def follow(
    motion: TrajectorySRNN | LinearGaussian, scenes: Sequence[Scene], config: SequenceConfig, name: str = ""
) -> tuple[list[SequenceResult], float]:
    """The result of each scene, and the mean seconds of CPU time; name: for the progress bar."""
    began = time.process_time()
    results = [
        track_sequence(motion, scene.frames(), scene.start(), config, seed=index)
        for index, scene in enumerate(tqdm(scenes, desc=name, unit="scene", leave=False))
    ]
    return results, (time.process_time() - began) / len(scenes)


def score_three_tracks(scenes: Sequence[Scene], config: SequenceConfig) -> Iterator[ThreeTracksRow]:
    """Two rows for each of METHODS."""
    for method, name in METHODS.items():
        motion = load_as(TrajectorySRNN, name) if name else LinearGaussian()
        results, seconds = follow(motion, scenes, config, method)
        for scoring in ("standard", "paper's"):
            yield ThreeTracksRow(method, scoring, score_scenes(scenes, results, scoring == "paper's"), seconds)
