"""Annotations of AV16.3, from a file of the same layout with a scene of our own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from dvae.audiovisual.geometry import TO_OPTICAL, CalibratedMap, GeometryConfig
from dvae.data.av163 import Recording, read_recording

MATRIX, BEND = np.array([[390.0, 0.0, 180.0], [0.0, 420.0, 144.0], [0.0, 0.0, 1.0]]), np.array([-0.29, 0.0, 0.005, 0.0])
CAMERA = np.array([-2.0, 0.4, 0.5])  # of the room: 2 m behind the array, looking along x over it
ALIGN = np.eye(4) + np.array([[0.0, 0.0, 0.0, 0.01]] + [[0.0] * 4] * 3)
NUM_FRAMES = 60


def mouths() -> np.ndarray:
    """Of two persons in the room, (T, 2, 3): one walks across, one stands behind the camera."""
    path = np.linspace([1.0, -0.6, 0.6], [1.5, 1.2, 0.7], NUM_FRAMES)
    return np.stack([path, np.tile([-4.0, 0.5, 0.5], (NUM_FRAMES, 1))], axis=1)


def projected(points: np.ndarray) -> np.ndarray:
    turn, _ = cv2.Rodrigues(TO_OPTICAL)
    return cv2.projectPoints(np.array(points), turn, -TO_OPTICAL @ CAMERA, MATRIX, BEND)[0][:, 0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    frames = 10 * 25 + 20 + np.arange(NUM_FRAMES)  # from 10 s and 20 frames on
    time = frames / 25.0
    stamps = np.column_stack([frames // 25 + (frames % 25) / 100.0, 1.0 + np.arange(NUM_FRAMES)])
    where = mouths()
    mouth = {
        f"person{p + 1}": np.column_stack([time - 0.01, np.ones(NUM_FRAMES), where[:, p]]) for p in range(2)
    }  # measured at times of their own
    mouth["person2"] = np.delete(mouth["person2"], np.arange(30, 40), axis=0)  # and not always
    seen = np.zeros((5, NUM_FRAMES, 2))
    seen[0, 10:, 0], seen[2, 10:, 0] = projected(where[10:, 0]).T  # out of view before
    heard = {
        f"ExData{p + 1}": np.column_stack([time[p::4] - 10.0, np.full(len(time[p::4]), 20.0 - 200.0 * p)])
        for p in range(2)
    }
    # seen by the camera as from the room moved by ALIGN
    camera = {"K": MATRIX, "kc": BEND, "Pmat": MATRIX @ np.column_stack([TO_OPTICAL, -TO_OPTICAL @ CAMERA]) @ ALIGN}
    cams = np.empty(2, dtype=object)
    cams[:] = [{**camera, "K": np.eye(3)}, camera]
    data: dict[str, Any] = {
        "Timingcam": stamps,
        "MouthGT3D": mouth,
        "posGT": {"X_true": seen},
        "experiment": heard,
        "cam": cams,
        "align_mat": ALIGN,
    }
    savemat(tmp_path / "data_av_seq7_cam2.mat", {"Data": data})
    return tmp_path


@pytest.fixture
def recording(folder: Path) -> Recording:
    return read_recording(folder, 7, 2)


def test_times_are_seconds_and_frames_of_25(recording: Recording) -> None:
    assert recording.name == "seq7_cam2"
    np.testing.assert_allclose(recording.time, 10.8 + 0.04 * np.arange(NUM_FRAMES))


def test_mouths_are_seen_from_the_array_and_projected_where_they_were_seen(recording: Recording) -> None:
    expected = mouths() - [0.0, 0.4, 0.0]
    np.testing.assert_allclose(recording.mouth[:-1, 0], expected[:-1, 0], atol=0.02)
    assert np.isnan(recording.mouth[-1]).all()  # after the last measurement
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(recording.mouth[:-1, 1, 0])), np.arange(29, 40))
    assert np.isnan(recording.seen[:10]).all()
    assert np.isnan(recording.seen[:, 1]).all()
    pixels = recording.camera.pixels(recording.pose.to_camera(recording.mouth[10:-1, 0]))
    np.testing.assert_allclose(pixels, recording.seen[10:-1, 0], atol=2.0)


def test_directions_are_pooled_and_their_times_are_those_of_the_images(recording: Recording) -> None:
    assert (np.diff(recording.heard_time) >= 0).all()
    np.testing.assert_allclose(recording.heard_time[:2], [10.8, 10.84])
    np.testing.assert_allclose(np.degrees(recording.heard_azimuth[:2]), [20.0, -180.0])
    np.testing.assert_array_equal(recording.heard_person[:4], [0, 1, 0, 1])
    assert recording.speaking(0.2)[:-1].all()
    assert recording.speaking(0.02)[:4].tolist() == [[True, False], [False, True], [False, False], [False, False]]


def test_heads_lead_back_to_the_azimuths_of_the_mouths(recording: Recording) -> None:
    heads = recording.heads()[10:-1, 0]
    config = GeometryConfig(person_height=0.25, mouth_height=0.75)
    found = CalibratedMap(recording.camera, recording.pose, config).bearings(heads).azimuth
    assert np.abs(found - recording.azimuths()[10:-1, 0]).max() < np.radians(2.0)


def test_what_is_not_there_or_no_annotation_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected a file of AV16\.3.*seq1_cam1"):
        read_recording(tmp_path, 1, 1)
    (tmp_path / "data_av_seq1_cam1.mat").write_text("no MATLAB file, but long enough to be taken for one " * 9)
    with pytest.raises(ValueError, match="expected a MATLAB file"):
        read_recording(tmp_path, 1, 1)
    savemat(tmp_path / "data_av_seq1_cam1.mat", {"Data": {"other": 1.0}})
    with pytest.raises(ValueError, match=r"expected annotations of AV16\.3"):
        read_recording(tmp_path, 1, 1)
