from __future__ import annotations

from pathlib import Path

import pytest
from scenes import write_sequence

from dvae.evaluation.tracking import score_tracking, sequence_folders
from dvae.models.store.checkpoint import load_as
from dvae.models.trajectory_srnn import TrajectorySRNN


def test_scores_of_a_scene_whose_people_are_known(tmp_path: Path) -> None:
    for name in ("b", "a", "no_detections"):
        (tmp_path / name).mkdir()
        write_sequence(tmp_path / name)
    (tmp_path / "no_detections" / "det" / "some.txt").unlink()
    folders = sequence_folders(tmp_path, "some")
    assert [folder.name for folder in folders] == ["a", "b"]
    rows, seconds = score_tracking(load_as(TrajectorySRNN, "motion_srnn"), folders, "some")
    assert list(rows) == ["a", "b", "all"]
    assert rows["a"] == rows["b"]
    assert rows["a"].switches == 0
    assert (rows["a"].mostly_tracked, rows["a"].mostly_lost) == (4, 1)  # the fifth is seen in every other frame only
    assert rows["a"].misses == 90 + 4 * 2  # the others until they are confirmed
    assert rows["a"].motp > 95
    assert 88 <= rows["a"].false_positives <= 92  # the clutter stays in its place and is taken for a person
    assert rows["all"].false_positives == 2 * rows["a"].false_positives
    assert len(seconds) == 180
    with pytest.raises(ValueError, match=r"expected sequences with gt/gt\.txt and det/other\.txt below"):
        sequence_folders(tmp_path, "other")
