from __future__ import annotations

from pathlib import Path

from dvae.data.motchallenge import by_frame, read_ground_truth


def test_ground_truth_counts_pedestrians_only(tmp_path: Path) -> None:
    (tmp_path / "gt.txt").write_text(
        "1,1,0,0,10,20,1,1,1.0\n1,2,0,0,10,20,0,1,1.0\n1,3,0,0,10,20,1,7,1.0\n3,1,5,0,10,20,1,1,1.0\n"
    )
    frames = by_frame(read_ground_truth(tmp_path / "gt.txt"), num_frames=4)
    assert [frame.ids.tolist() for frame in frames] == [[1], [], [1], []]
    assert frames[2].boxes.tolist() == [[5, 0, 15, 20]]
