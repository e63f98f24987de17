from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scenes import write_sequence

from dvae.evaluation.three_tracks import draw_scenes
from dvae.evaluation.tracking3 import METHODS, score_three_tracks
from dvae.tracking.sequence.mixdvae import SequenceConfig


def test_people_who_are_always_seen_are_followed_by_every_method(tmp_path: Path, rng: np.random.Generator) -> None:
    write_sequence(tmp_path)
    scenes = draw_scenes(tmp_path, "some", 45, 1, rng)
    rows = list(score_three_tracks(scenes, SequenceConfig()))
    assert [(row.method, row.scoring) for row in rows] == [(m, s) for m in METHODS for s in ("standard", "paper's")]
    for row in rows:
        assert row.scores.mota == pytest.approx(100.0, abs=5.0)
        assert row.scores.switches == 0
        assert row.seconds > 0
