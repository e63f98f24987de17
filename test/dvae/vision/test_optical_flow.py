"""The motion of the camera between images, against a known one."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from dvae.vision.optical_flow import CameraMotion, OpticalFlow, compose


def texture(rng: np.random.Generator) -> Any:
    smooth = cv2.GaussianBlur(rng.integers(0, 255, size=(500, 700), dtype=np.uint8), (0, 0), 3)
    return cv2.normalize(smooth, smooth, 0, 255, cv2.NORM_MINMAX)


def test_a_known_motion_is_found(rng: np.random.Generator) -> None:
    scene, flow = texture(rng), OpticalFlow()
    true = np.array([[1.02, -0.03, 12.0], [0.03, 1.02, -7.0]])
    assert flow.update(scene) is None
    found = flow.update(cv2.warpAffine(scene, true, (700, 500), borderMode=cv2.BORDER_REFLECT))
    corners = np.array([[100, 100, 1], [600, 100, 1], [350, 400, 1]], dtype=float)
    np.testing.assert_allclose(corners @ found.T, corners @ true.T, atol=0.5)


def test_a_plain_image_or_another_size_tells_nothing_and_reset_forgets(rng: np.random.Generator) -> None:
    scene, flow = texture(rng), OpticalFlow()
    for image in (scene, scene[:300], np.zeros((300, 700), dtype=np.uint8)):
        flow.update(image)
    assert flow.update(np.zeros((300, 700), dtype=np.uint8)) is None
    flow.update(scene)
    flow.reset()
    assert flow.update(scene) is None
    assert flow.update(scene) is not None


def test_maps_are_composed_in_order(rng: np.random.Generator) -> None:
    first, then, point = rng.normal(size=(2, 3)), rng.normal(size=(2, 3)), rng.normal(size=2)
    moved = then[:, :2] @ (first[:, :2] @ point + first[:, 2]) + then[:, 2]
    both = compose(first, then)
    np.testing.assert_allclose(both[:, :2] @ point + both[:, 2], moved)


def test_the_motion_between_two_times_is_that_of_all_images_between_them(rng: np.random.Generator) -> None:
    scene, camera = texture(rng), CameraMotion()
    for stamp, shift in enumerate((0, 5, 15, 18)):
        camera.add(np.roll(scene, shift, axis=1)[100:400, 100:600], stamp)
    assert CameraMotion().take(0, 3) is None
    found = camera.take(0, 2)
    np.testing.assert_allclose(found, [[1, 0, 15], [0, 1, 0]], atol=0.2)
    np.testing.assert_allclose(camera.take(2, 9), [[1, 0, 3], [0, 1, 0]], atol=0.2)
    assert camera.take(3, 9) is None  # taken
    camera.add(scene[100:400, 100:600], 4)
    assert camera.take(None, 4) is None  # there was none before


@pytest.mark.parametrize("shape", [(0, 0, 3), (0, 5, 3), (5, 0, 3)])
def test_an_image_without_pixels_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected an image with pixels, got shape"):
        OpticalFlow().update(np.zeros(shape, dtype=np.uint8))
