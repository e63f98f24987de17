from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from dvae.data.motchallenge import (
    by_frame,
    given_scores,
    occupied_frames,
    read_camera_motion,
    read_ground_truth,
    read_rows,
    read_sequence,
)


def test_ground_truth_counts_pedestrians_only(tmp_path: Path) -> None:
    (tmp_path / "gt.txt").write_text(
        "1,1,0,0,10,20,1,1,1.0\n1,2,0,0,10,20,0,1,1.0\n1,3,0,0,10,20,1,7,1.0\n3,1,5,0,10,20,1,1,1.0\n"
    )
    frames = by_frame(read_ground_truth(tmp_path / "gt.txt"), num_frames=4)
    assert [frame.ids.tolist() for frame in frames] == [[1], [], [1], []]
    assert frames[2].boxes.tolist() == [[5, 0, 15, 20]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rubbish",
        "[Other]\nframeRate=30",
        "[Sequence]\nframeRate=30\nimWidth=9",
        "[Sequence]\nimWidth=%(x)s",
        "\udcff",
    ],
)
def test_a_sequence_without_its_facts_is_one_error(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected seqinfo\.ini in "):
        read_sequence(tmp_path)
    (tmp_path / "seqinfo.ini").write_text(text, errors="surrogateescape")
    with pytest.raises(ValueError, match=r"seqinfo\.ini: expected \[Sequence\] with frameRate, "):
        read_sequence(tmp_path)


ROWS = ["1,-1,10,20,30,40,0.9,-1,-1,-1", "1,-1,50,20,30,40,0.8,-1,-1,-1", "3,-1,11,20,30,40,0.7,-1,-1,-1"]


def test_a_box_that_no_number_holds_is_infinite_without_a_warning() -> None:
    rows = np.array([[1, -1, 1e308, 20, 1e308, 40, 0.9, -1, -1], [1, -1, np.inf, 20, -np.inf, 40, 0.9, -1, -1]])
    with np.errstate(all="raise"):
        (found,) = (boxes for _, (boxes, _, _) in occupied_frames(rows))
    np.testing.assert_array_equal(found, [[1e308, 20, np.inf, 60], [np.inf, 20, np.nan, 60]])


def read(tmp_path: Path, text: str | bytes) -> np.ndarray:
    path = tmp_path / "det.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_rows(path)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + "\n".join(ROWS),
        "\r\n".join(ROWS) + "\r\n",
        "\r".join(ROWS),
        "frame,id,bb_left,bb_top,bb_width,bb_height,conf,x,y,z\n" + "\n".join(ROWS),
        "\ufeff\n# made by a detector\n" + "Frame, Id, Left, Top, Width, Height, Score, X, Y, Z\n" + "\n\n".join(ROWS),
        "\n".join(ROWS).replace(",", "\t"),
        "\n".join(ROWS).replace(",", "   "),
        "\n".join(ROWS).replace(",", ";"),
        "\n".join(ROWS).replace(",", " , "),
        "\n".join(f"{row}," for row in ROWS),
        "\n".join(f"{row};;; # good" for row in ROWS).replace(",", ";"),
        "   \n" + "\n".join(f"  {row}  " for row in ROWS) + "\n\n  \n",
        "\n".join(row.replace("1,", "1.0,", 1) for row in ROWS),
    ],
)
def test_text_as_tools_write_it(tmp_path: Path, text: str) -> None:
    expected = [[1, -1, 10, 20, 30, 40, 0.9, -1, -1], [1, -1, 50, 20, 30, 40, 0.8, -1, -1]]
    assert read(tmp_path, text).tolist() == [*expected, [3, -1, 11, 20, 30, 40, 0.7, -1, -1]]


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = Thread(target=path.write_text, args=("frame,id,left,top,width,height\n" + "\n".join(ROWS),))
    writer.start()
    assert len(read_rows(path)) == 3
    writer.join()


def test_columns_that_are_not_given_are_one(tmp_path: Path) -> None:
    assert read(tmp_path, "1,-1,10,20,30,40").tolist() == [[1, -1, 10, 20, 30, 40, 1, 1, 1]]
    assert read(tmp_path, "1 -1 10 20 30 40 0.5").tolist() == [[1, -1, 10, 20, 30, 40, 0.5, 1, 1]]
    assert read(tmp_path, "").shape == read(tmp_path, "# nothing\n").shape == (0, 9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,-1,1,2,3,4\n2,-1,1,2,3", "line 2: expected frame,id,left,top,width,height"),
        ("1,-1,1,2,3,4\nframe,id,left,top,width,height", "line 2: expected frame,id"),
        ("hello", "line 1: expected frame,id,left,top,width,height"),
        ("1;-1;1,5;2;3;4", "line 1: expected frame,id"),  # decimal commas
        ("1 -1 1,5 2 3 4", "line 1: expected frame,id"),
        ("\n1,-1,,2,3,4", "line 2: expected frame,id"),
        ("-1,-1,1,2,3,4", "line 1: expected a frame number, counted from 1"),
        ("1.5,-1,1,2,3,4", "line 1: expected a frame number, counted from 1"),
        ("nan,-1,1,2,3,4", "line 1: expected a frame number, counted from 1"),
        ("1,-1,1,2,3,4\n1700000001,-1,1,2,3,4", r"line 2: expected a frame number up to 10000000.*got '1700000001"),
        ("inf,-1,1,2,3,4", "line 1: expected a frame number"),
        ("frame,id,x1,y1,x2,y2,score\n1,-1,1,2,3,4,1", "line 1: expected the columns .* got 'x2' in column 5"),
        ("id,frame,left,top,width,height\n1,1,1,2,3,4", "line 1: expected the columns .* got 'frame' in column 2"),
        ("frame,id,cx,cy,w,h,conf\n1,1,1,2,3,4,1", "got 'cx' in column 3"),
        ("frame,id,x_center,y_center,width,height\n1,1,1,2,3,4", "got 'x_center' in column 3"),
        ("frame,id,left,top,width,height,class,conf\n1,1,1,2,3,4,0,1", "got 'class' in column 7"),
        ("frame,left,top,width,height,score\n1,1,2,3,4,1", "line 1: expected the columns .* got 'top' in column 3"),
        ("1,-1,1,2,3,4".encode("utf-16"), "in UTF-8, got .*det.txt, which is UTF-16"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "in UTF-8, got .*det.txt, which is binary data"),
        ("1,-1,1,2,3,4 # caf\u00e9".encode("latin-1"), "in UTF-8, got .*det.txt: "),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        read(tmp_path, text)
    assert "det.txt" in str(error.value)
    assert "\n" not in str(error.value)


def test_rows_in_any_order_are_frames_in_order(rng: np.random.Generator) -> None:
    rows = np.ones((300, 9))
    rows[:, 0], rows[:, 2] = rng.integers(1, 40, size=300), np.arange(300)
    frames = by_frame(rows)
    assert len(frames) == rows[:, 0].max()
    for index, frame in enumerate(frames):
        assert frame.boxes[:, 0].tolist() == rows[rows[:, 0] == index + 1, 2].tolist()
    assert by_frame(rows, 3)[2].boxes.tolist() == frames[2].boxes.tolist()
    assert [number for number, _ in occupied_frames(rows)] == np.unique(rows[:, 0]).tolist()
    assert by_frame(rows[:0]) == []


def test_frames_counted_from_nought() -> None:
    rows = np.ones((3, 9))
    rows[:, 0], rows[:, 1] = [0, 2, 2], [7, np.nan, 1e300]
    assert [frame.ids.tolist() for frame in by_frame(rows)] == [[7], [], [-1, -1]]
    assert len(by_frame(rows, 5)) == 5


def test_a_confidence_of_minus_one_is_none_where_all_have_it() -> None:
    rows = np.ones((3, 9))
    rows[:, 6] = -1
    assert given_scores(rows)[:, 6].tolist() == [1, 1, 1]
    rows[1, 6] = 0.4
    assert given_scores(rows)[:, 6].tolist() == [-1, 0.4, -1]


def test_camera_motion_by_frame(tmp_path: Path) -> None:
    path = tmp_path / "gmc.txt"
    path.write_text("0 1 0 0 0 1 0\n2\t1\t0\t3\t0\t1\t-4\t\n")
    assert {frame: affine.tolist() for frame, affine in read_camera_motion(path).items()} == {
        2: [[1, 0, 3], [0, 1, -4]]
    }
    for text, message in (
        ("\n".join(",".join(row.split(",")[:7]) for row in ROWS), r"line 2: .*, frame 1 has two \(is it a file of det"),
        (
            "\n".join(ROWS),
            r"line 1: expected .* six numbers of an affine map \(detections\? homographies\?\), got '1,-1",
        ),
        ("1 1 0 0 0 1 0 0 0 1", "line 1: expected .* six numbers"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            read_camera_motion(path)
