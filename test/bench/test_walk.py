"""What the camera of the simulated scenes sees."""

from __future__ import annotations

import numpy as np
from walk import CAMERA, MICROPHONE_HEIGHT, Lens, Walks, detect, draw_walks, true_boxes, who_is

STRAIGHT = Lens(np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]]), np.zeros(5), (640, 480), np.radians(65.2))


def standing(azimuth: float, distance: float) -> Walks:
    return Walks(np.full((1, 1), azimuth), np.full((1, 1), distance), np.array([1.7]))


def test_a_box_is_where_a_pinhole_camera_sees_the_person() -> None:
    left, top, right, bottom = true_boxes(standing(0.0, 4.05), STRAIGHT)[0, 0]
    near, crown = 4.0 - 0.25, 1.7 - MICROPHONE_HEIGHT - CAMERA[2]
    assert np.isclose(top, 240 - 500 * crown / near)
    assert bottom == 2 * 240 or np.isclose(bottom, 240 + 500 * (MICROPHONE_HEIGHT + CAMERA[2]) / near)
    assert np.isclose((left + right) / 2, 320)
    assert np.isclose(right - left, 500 * 2 * 0.25 / 4.0, rtol=0.01)
    aside = true_boxes(standing(np.radians(15), 2.0), STRAIGHT)[0, 0]
    assert (aside[0] + aside[2]) / 2 < 320 - 500 * np.tan(np.radians(14))  # to the left of the robot: left in the image
    assert np.isnan(true_boxes(standing(np.radians(120), 2.0), STRAIGHT)).all()


def test_people_are_as_far_apart_as_asked_and_some_not_in_view() -> None:
    time = np.arange(0, 24, 1 / 15)
    walks = draw_walks(np.random.default_rng(5), time, 3, np.radians(30), np.radians(80), 1, True)
    apart = np.degrees(np.abs(walks.azimuth[0] - walks.azimuth[1]))
    assert np.all(np.abs(apart[:60] - 30) < 7)
    assert np.degrees(np.abs(walks.azimuth[0, len(time) // 2])) > 50  # has left
    assert np.all(np.degrees(np.abs(walks.azimuth[2])) > 85)


def test_a_detector_misses_as_often_as_asked_in_stretches() -> None:
    time = np.arange(4000) / 15
    truth = np.tile([100.0, 100.0, 200.0, 400.0], (len(time), 1, 1))
    frames = detect(np.random.default_rng(1), truth, np.ones((1, len(time))), time, STRAIGHT, 0.2, 0.05)
    found = np.array([0 in frame.person for frame in frames])
    assert abs(found.mean() - 0.8) < 0.05
    lengths = np.diff(np.flatnonzero(np.diff(found.astype(int))))[::2]
    assert 3 < lengths.mean() < 40
    boxes = np.concatenate([frame.boxes[frame.person == 0] for frame in frames])
    assert np.allclose(boxes.std(axis=0), [5, 15, 5, 15], rtol=0.1)
    assert any((frame.person < 0).any() for frame in frames)


def test_each_box_has_the_person_it_overlaps_most() -> None:
    truth = np.array([[0.0, 0, 10, 10], [20, 0, 30, 10], [np.nan] * 4])
    boxes = np.array([[21.0, 0, 31, 10], [1, 0, 11, 10], [2, 0, 12, 10], [50, 50, 60, 60]])
    assert who_is(boxes, truth).tolist() == [1, 0, -1, -1]
