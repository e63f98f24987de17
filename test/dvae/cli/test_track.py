from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

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


def people(score: str = "0.9", first: int = 1, step: int = 1) -> str:
    """Two people in 40 frames."""
    rows = [f"{t},-1,{x + 3 * t},200,60,150,{score}" for t in range(first, first + 40 * step, step) for x in (100, 400)]
    return "\n".join(rows)


@pytest.mark.parametrize(
    ("text", "options", "status", "said"),
    [
        (people("-1"), (), 0, "all 80 scores are -1, which says that there is none: taken as 1"),
        (people("0"), (), 1, "80 of 80 boxes left out: 80 with a score below min_score 0.3: lower it"),
        (people("-0.5"), (), 1, "80 with a score below min_score 0.3: lower it to use them; the scores are all -0.5"),
        (people("nan"), (), 1, "80 with a score that is no number up to 1000"),
        (people("0.45"), (), 1, "80 boxes score all 0.45, below birth_score 0.6, so that none starts a track: lower"),
        (people("0.45"), ("--set", "birth_score=0.4"), 1, "on average less than visible_score 0.55: lower it"),
        (people("0.45"), ("--set", "birth_score=0.4", "--set", "visible_score=0.4"), 0, ""),
        (people("95"), (), 0, "expected scores from 0 to 1, got all 95 (perhaps percent: divide them by 100"),
        (people().replace("0.9", "-2.5", 9), (), 0, "got -2.5 to 0.9 (perhaps logits: take their sigmoid"),
        (people().replace("0.9", "-1", 9), (), 0, "got -1 to 0.9 (perhaps -1 says that there is no score: give 1"),
        (people("255"), (), 0, "got all 255 (perhaps divide them by the largest that there can be"),
        (
            people().replace(",60,150,", ",600,450,"),
            (),
            0,
            "40 of 80 boxes lie more than half outside the image of 640",
        ),
        (people(), ("--set", "birth_iou=0"), 0, ""),
        (people(), ("--set", "min_score=0.7"), 0, "birth_score 0.6 is below min_score 0.7"),
        (people(), ("--set", "confirm_hits=60"), 1, "2 tracklets began and none was seen in confirm_hits 60 frames"),
        (people(), ("--image-size", 64, 48), 1, "80 outside the image of 64 x 48 (they reach to 580 x 350: is the im"),
        (people(), ("--image-size", 300, 480), 0, "40 of 80 boxes left out: 40 outside the image of 300 x 480"),
        (people().replace("60,150", "0.03,0.1"), (), 1, "80 with a side below 0.064 pixels"),
        (people().replace("60,150", "1e155,150", 1), (), 0, "1 of 80 boxes left out: 1 that reach beyond 6400 pixels"),
        (people() + "\n" + people(), (), 0, "80 of 160 boxes left out: 80 that overlap a better one by more than dup"),
        ("", (), 1, "det.txt: no track in 0 frames: no box came"),
    ],
)
def test_it_says_why_nothing_comes_and_what_is_left_out(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], text: str, options: tuple[object, ...], status: int,
    said: str,
) -> None:  # fmt: skip
    (tmp_path / "det.txt").write_text(text)
    files = (tmp_path / "det.txt", tmp_path / "out.txt")
    assert run("dvae.cli.track", *files, "--image-size", 640, 480, "--fps", 30, *options) == status
    notes = [line for line in capsys.readouterr().err.splitlines() if line.startswith("dvae-track: ")]
    assert (said in " ".join(notes)) if said else not notes
    assert len(notes) <= 3
    assert len({row[1] for row in read_rows(tmp_path / "out.txt")}) == 2 * (status == 0) or "300" in said


@pytest.mark.parametrize(("first", "step"), [(0, 1), (1, 1), (5, 1), (0, 3), (1, 3)])
def test_frames_keep_their_numbers(tmp_path: Path, run: Run, first: int, step: int) -> None:
    (tmp_path / "det.txt").write_text(people("0.9", first, step))
    files = (tmp_path / "det.txt", tmp_path / "out.txt")
    assert run("dvae.cli.track", *files, "--image-size", 1000, 480, "--fps", 30) == 0
    found = read_rows(tmp_path / "out.txt")
    assert len(set(found[:, 1])) == 2
    begins = first + 2 if step == 1 else first + 5 * step  # three intervals make the rhythm known
    assert (found[0, 0], found[-1, 0]) == (begins, first + 39 * step)
    np.testing.assert_allclose(found[-2:, 2], [x + 3 * found[-1, 0] for x in (100, 400)], atol=4)


def test_an_input_is_no_output_and_a_camera_is_no_detections(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "det.txt"
    path.write_text(people())
    arguments = ("--image-size", 640, 480, "--fps", 30)
    assert run("dvae.cli.track", path, path, *arguments) == 2
    assert run("dvae.cli.track", path, tmp_path / "out.txt", *arguments, "--camera", path) == 2
    assert "frame 1 has two (is it a file of detections?)" in capsys.readouterr().err
    assert not (tmp_path / "out.txt").exists()
    (tmp_path / "one.txt").write_text("\n".join(people().split("\n")[::2]))
    assert run("dvae.cli.track", path, tmp_path / "out.txt", *arguments, "--camera", tmp_path / "one.txt") == 0
    assert "one.txt: 39 maps left out, no camera moves like that: is it a GMC file?" in capsys.readouterr().err
    (tmp_path / "one.txt").write_text("0 1 0 0 0 1 0\n1000 1 0 0 0 1 0\n")
    assert run("dvae.cli.track", path, tmp_path / "out.txt", *arguments, "--camera", tmp_path / "one.txt") == 0
    assert "one.txt: no map for any of 40 frames" in capsys.readouterr().err
    assert path.read_text() == people()


def test_corners_for_sizes_are_said(tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [[float(part) for part in row.split(",")] for row in people().splitlines()]
    corners = [[*row[:4], row[2] + row[4], row[3] + row[5], *row[6:]] for row in rows]
    for name, found in (("sizes", rows), ("corners", corners)):
        np.savetxt(tmp_path / name, found, delimiter=",")
        run("dvae.cli.track", tmp_path / name, tmp_path / "out.txt", "--image-size", 1920, 1080, "--fps", 30)
        assert ("not corners" in capsys.readouterr().err) == (name == "corners")
