from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scenes import write_sequence

from dvae.evaluation.three_tracks import draw_scenes, labels_by_detection, score_scenes
from dvae.tracking.sequence.mixdvae import SequenceResult

SIZE = np.array([640.0, 480.0, 640.0, 480.0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_sequence(tmp_path)
    return tmp_path


def test_scenes_hold_three_people_who_stay_and_are_mostly_detected(folder: Path, rng: np.random.Generator) -> None:
    scenes = draw_scenes(folder, "some", 45, 20, rng)
    # windows begin at 0 and 40; in the first one persons 1 to 4 stay, in the second 1 to 3; 5 is detected too rarely
    assert [scene.name.split(" ", 1)[1] for scene in scenes] == [
        "0 (1, 2, 3)", "0 (1, 2, 4)", "0 (1, 3, 4)", "0 (2, 3, 4)", "40 (1, 2, 3)",
    ]  # fmt: skip
    scene = scenes[-1]
    assert scene.truth.shape == (45, 3, 4)
    assert scene.detected.all()
    np.testing.assert_allclose(scene.truth[0, 1] * SIZE, [241, 70, 271, 150])
    np.testing.assert_allclose(scene.frames()[3], scene.truth[3])
    np.testing.assert_allclose(scene.start(), scene.truth[0])
    assert draw_scenes(folder, "some", 91, 20, rng) == []


def test_the_papers_scorer_does_not_see_an_exchange_and_the_standard_one_does(
    folder: Path, rng: np.random.Generator
) -> None:
    scene = draw_scenes(folder, "some", 45, 1, rng)[0]
    mean, eta = scene.truth.copy(), np.tile(np.eye(3), (45, 1, 1))
    mean[20:, [0, 1]], eta[20:, :, [0, 1]] = mean[20:, [1, 0]], eta[20:][:, :, [1, 0]]
    result = SequenceResult(mean.swapaxes(0, 1), np.ones_like(mean).swapaxes(0, 1), eta, [])
    standard, papers = (score_scenes([scene], [result], as_paper) for as_paper in (False, True))
    assert (standard.switches, papers.switches) == (2, 0)
    assert standard.idf1 < 80
    assert papers.mota == papers.idf1 == 100


def test_labels_stay_distinct_and_are_kept_without_detection() -> None:
    eta = np.zeros((3, 2, 2))
    eta[0] = [[0, 1], [1, 0]]
    eta[2, 0] = [1, 0]
    detected = np.array([[True, True], [False, False], [True, False]])
    assert labels_by_detection(eta, detected).tolist() == [[1, 0], [1, 0], [0, 1]]
