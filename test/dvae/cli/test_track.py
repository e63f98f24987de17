from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from dvae.data.motchallenge import read_rows

Run = Callable[..., int]


def test_track(tmp_path: Path, run: Run) -> None:
    rows = [f"{t},-1,{100 + 3 * t},200,60,150,0.9" for t in range(1, 21) if t != 10]
    rows += [f"{t},-1,nan,200,60,150,0.9" for t in range(1, 21)]
    (tmp_path / "det.txt").write_text("\n".join(rows))
    arguments = (tmp_path / "det.txt", tmp_path / "out.txt", "--image-size", 640, 480, "--fps", 30)
    assert run("dvae.cli.track", *arguments) == 0
    found = read_rows(tmp_path / "out.txt")
    assert set(found[:, 1]) == {1.0}
    assert found[:, 0].tolist() == list(range(3, 21))  # the short miss is bridged
    np.testing.assert_allclose(found[-1, 2:6], [160, 200, 60, 150], atol=5)
    assert run("dvae.cli.track", *arguments, "--predicted", "--set", "confirm_hits=1") == 0
    assert read_rows(tmp_path / "out.txt")[:, 0].tolist() == list(range(1, 21))
    # some frames late the first two detections are known to be a person too; the camera's motion is read
    (tmp_path / "gmc.txt").write_text("".join(f"{t} 1 0 3 0 1 0\n" for t in range(20)))
    late = ("--lag", 5, "--camera", tmp_path / "gmc.txt")
    assert run("dvae.cli.track", *arguments, *late) == 0
    assert read_rows(tmp_path / "out.txt")[:, 0].tolist() == list(range(1, 21))
    (tmp_path / "gmc.txt").write_text("0 1 0 0 0 1 0\n1 1 0 nan 0 1 0\n")
    assert run("dvae.cli.track", *arguments, *late) == 2
