"""Boxes to azimuths and back, against OpenCV's projection of people who stand somewhere."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dvae.arrays.angles import wrap
from dvae.audiovisual.geometry import CalibratedMap, CameraModel, GeometryConfig, Pose

SIZE = (640, 480)
MATRIX = np.array([[410.0, 0.0, 322.0], [0.0, 405.0, 236.0], [0.0, 0.0, 1.0]])
PLUMB_BOB = np.array([-0.29, 0.08, 0.0021, -0.0034, 0.01])
AT_CAMERA = "0 0 0 0 0 0"
BESIDE = "0.1 -0.25 -0.3 0 0.1 0.2"  # of the microphones: in front, to the right and below; nose down, turned left


def projected(points: np.ndarray, pose: Pose, distortion: np.ndarray = PLUMB_BOB) -> np.ndarray:
    """Points (N, 3) of the frame of the microphones to pixels (N, 2), by OpenCV."""
    turn, _ = cv2.Rodrigues(pose.rotation)
    pixels, _ = cv2.projectPoints(points, turn, pose.translation, MATRIX, distortion)
    return pixels[:, 0]


def boxes_of_people(feet: np.ndarray, pose: Pose, height: float = 1.7, width: float = 0.5) -> np.ndarray:
    """Boxes (N, 4) of upright people on the ground at feet (N, 3), by OpenCV."""
    top, bottom = projected(feet + [0.0, 0.0, height], pose), projected(feet, pose)
    half = 0.5 * width / height * (bottom[:, 1] - top[:, 1])
    return np.column_stack([top[:, 0] - half, top[:, 1], top[:, 0] + half, bottom[:, 1]])


def random_pose(rng: np.random.Generator) -> Pose:
    numbers = np.concatenate([rng.uniform(-0.5, 0.5, 3), rng.uniform(-0.4, 0.4, 2), rng.uniform(-np.pi, np.pi, 1)])
    return Pose.parse(" ".join(map(str, numbers)))


@pytest.mark.parametrize(
    ("model", "scale"),
    [
        ("plumb_bob", [0.2, 0.05, 0.002, 0.002, 0.01]),
        ("rational_polynomial", [0.3, 0.1, 0.002, 0.002, 0.02, 0.3, 0.1, 0.02]),
        ("equidistant", [0.02, 0.01, 0.005, 0.002]),
    ],
)
def test_pixels_of_random_cameras_come_back_by_their_directions(model: str, scale: list[float]) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        matrix = MATRIX * rng.uniform(0.7, 1.5)
        matrix[2, 2] = 1.0
        camera = CameraModel(matrix, rng.normal(size=len(scale)) * scale, model, SIZE)
        found = CalibratedMap(camera, random_pose(rng))
        rays = np.column_stack([rng.uniform(-0.4, 0.4, (50, 2)), np.ones(50)])
        pixels, distance = camera.pixels(rays), rng.uniform(0.5, 8.0, 50)
        azimuth, elevation, far = found.directions(pixels, distance)
        np.testing.assert_allclose(found.pixels(azimuth, elevation, far), pixels, atol=1e-7)
        np.testing.assert_allclose(wrap(azimuth), azimuth)


@pytest.mark.parametrize("pose", [AT_CAMERA, BESIDE])
def test_directions_at_known_distance_are_those_of_the_point(pose: str) -> None:
    rng = np.random.default_rng(4)
    points = np.column_stack([rng.uniform(1.0, 5.0, 30), rng.uniform(-0.7, 0.7, 30), rng.uniform(-0.4, 0.6, 30)])
    found = CalibratedMap(CameraModel(MATRIX, PLUMB_BOB, image_size=SIZE), Pose.parse(pose))
    distance = np.linalg.norm(found.pose.to_camera(points), axis=1)
    azimuth, elevation, far = found.directions(projected(points, found.pose), distance)
    np.testing.assert_allclose(azimuth, np.arctan2(points[:, 1], points[:, 0]), atol=1e-9)
    np.testing.assert_allclose(elevation, np.arcsin(points[:, 2] / far), atol=1e-9)
    np.testing.assert_allclose(far, np.linalg.norm(points, axis=1), atol=1e-9)


def test_azimuth_of_people_who_stand_in_front_of_an_array_beside_the_camera() -> None:
    """Their distance is known by the height of their boxes alone, and parallax is up to 14 degrees."""
    rng = np.random.default_rng(5)
    pose = Pose.parse("0 -0.5 0.1 0 0 0")  # half a metre to the right of the camera
    found = CalibratedMap(CameraModel(MATRIX, PLUMB_BOB, image_size=SIZE), pose)
    feet = np.column_stack([rng.uniform(3.2, 6.0, 50), rng.uniform(-1.0, 1.5, 50), np.full(50, -1.2)])
    boxes = boxes_of_people(feet, pose)
    truth = np.arctan2(feet[:, 1], feet[:, 0])
    bearings = found.bearings(boxes)
    assert np.abs(bearings.azimuth - truth).max() < np.radians(0.5)
    azimuth, elevation, distance = found.mouth_directions(boxes)
    np.testing.assert_array_equal(azimuth, bearings.azimuth)
    mouth = feet + [0.0, 0.0, 0.9 * 1.7]
    np.testing.assert_allclose(elevation, np.arctan2(mouth[:, 2], np.hypot(mouth[:, 0], mouth[:, 1])), atol=0.01)
    np.testing.assert_allclose(distance, np.linalg.norm(mouth, axis=1), rtol=0.02)
    at_camera = CalibratedMap(found.camera).bearings(boxes).azimuth
    assert np.abs(at_camera - truth).max() > np.radians(8.0)
    _, distance = found.mouths(boxes)
    heads = pose.to_camera(feet + [0.0, 0.0, 1.7])
    np.testing.assert_allclose(distance, np.linalg.norm(heads, axis=1), rtol=0.02)


def test_height_tells_the_distance_exactly_for_a_camera_that_looks_down() -> None:
    """Without distortion the ends of the box are the ends of the body, whatever the pitch."""
    pose = Pose.parse("0 0 0 0 -0.4 0")  # the camera looks down by 0.4 rad, the frame of the microphones is level
    found = CalibratedMap(CameraModel(MATRIX, image_size=SIZE), pose)
    feet = np.array([[4.0, 0.0, -2.0], [6.0, 0.0, -1.5]])
    top = projected(feet + [0.0, 0.0, 1.7], pose, np.zeros(5))
    bottom = projected(feet, pose, np.zeros(5))
    boxes = np.column_stack([top[:, 0] - 30.0, top[:, 1], bottom[:, 0] + 30.0, bottom[:, 1]])
    _, distance = found.mouths(boxes)
    np.testing.assert_allclose(distance, np.linalg.norm(feet + [0.0, 0.0, 1.7], axis=1), rtol=1e-3)


@pytest.mark.parametrize("distance", [0.0, 2.5])
@pytest.mark.parametrize("model", ["plumb_bob", "equidistant"])
def test_slope_is_the_derivative_of_the_azimuth(model: str, distance: float) -> None:
    distortion = PLUMB_BOB if model == "plumb_bob" else [0.01, -0.02, 0.003, 0.001]
    camera = CameraModel(MATRIX, distortion, model, SIZE)
    found = CalibratedMap(camera, Pose.parse(BESIDE), GeometryConfig(distance=distance))
    rng = np.random.default_rng(6)
    corner = rng.uniform([20.0, 20.0], [500.0, 150.0], (40, 2))
    boxes = np.hstack([corner, corner + np.array([60.0, 200.0])])
    step = np.array([1.0, 0.0, 1.0, 0.0])
    values = [found.bearings(boxes + k * step).azimuth for k in (-2, -1, 1, 2)]
    expected = (values[0] - 8.0 * values[1] + 8.0 * values[2] - values[3]) / 12.0  # error of order h^4
    np.testing.assert_allclose(found.bearings(boxes).slope, expected, rtol=1e-6)


def test_variance_is_that_of_azimuths_when_distance_and_mouth_vary() -> None:
    pose = Pose.parse("0 -0.3 0 0 0 0")
    camera = CameraModel(MATRIX, PLUMB_BOB, image_size=SIZE)
    found = CalibratedMap(camera, pose, GeometryConfig(distance_spread=0.1, calibration_spread=0.0))
    boxes = np.array([[200.0, 100.0, 280.0, 330.0]])
    pixel, (_, (distance,)) = [240.0, 100.0 + 0.1 * 230.0], found.mouths(boxes)
    rng = np.random.default_rng(7)
    column = pixel[0] + 8.0 * rng.normal(size=200_000)
    pixels = np.column_stack([column, np.full(len(column), pixel[1])])
    azimuth = found.directions(pixels, distance * (1.0 + 0.1 * rng.normal(size=len(column)))).azimuth
    np.testing.assert_allclose(found.bearings(boxes).variance, azimuth.var(), rtol=0.05)


def test_default_is_an_array_at_the_camera_that_looks_the_same_way() -> None:
    found = CalibratedMap(CameraModel.from_field_of_view(90.0, SIZE))
    boxes = np.array([[310.0, 100.0, 330.0, 400.0], [-10.0, 100.0, 10.0, 400.0], [630.0, 100.0, 650.0, 400.0]])
    np.testing.assert_allclose(found.bearings(boxes).azimuth, [0.0, np.pi / 4, -np.pi / 4], atol=1e-12)
    np.testing.assert_allclose(found.columns(np.array([0.0, np.pi / 4, -np.pi / 4])), [320.0, 0.0, 640.0], atol=1e-9)


def test_columns_are_those_of_people_in_the_image_and_nan_elsewhere() -> None:
    found = CalibratedMap(CameraModel.from_field_of_view(60.0, SIZE), Pose.parse(BESIDE))
    azimuth = np.linspace(-np.pi, np.pi, 73)[:-1]
    columns = found.columns(azimuth)
    expected = projected_columns(found, azimuth)
    np.testing.assert_allclose(columns, expected, atol=1e-9)
    assert 5 < np.isfinite(columns).sum() < 20


def projected_columns(found: CalibratedMap, azimuth: np.ndarray) -> np.ndarray:
    points = 2.0 * np.column_stack([np.cos(azimuth), np.sin(azimuth), np.zeros(len(azimuth))])
    inside = found.pose.to_camera(points)
    turn, _ = cv2.Rodrigues(found.pose.rotation)
    pixels = cv2.projectPoints(points, turn, found.pose.translation, found.camera.matrix, np.zeros(5))[0][:, 0, 0]
    return np.where((inside[:, 2] > 0) & (pixels >= 0) & (pixels <= SIZE[0]), pixels, np.nan)


def test_azimuths_behind_the_microphones_wrap() -> None:
    """Microphones that look backwards: people in front of the camera are around 180 degrees."""
    found = CalibratedMap(CameraModel.from_field_of_view(90.0, SIZE), Pose.parse(f"0 0 0 0 0 {np.pi}"))
    columns = np.array([300.0, 319.9, 320.0, 320.1, 340.0])
    boxes = np.column_stack([columns - 20.0, np.full(5, 100.0), columns + 20.0, np.full(5, 300.0)])
    bearings = found.bearings(boxes)
    assert ((bearings.azimuth >= -np.pi) & (bearings.azimuth < np.pi)).all()
    np.testing.assert_allclose(np.abs(bearings.azimuth), np.pi - np.abs(columns - 320.0) / 320.0, atol=2e-4)
    assert bearings.azimuth[0] * bearings.azimuth[-1] < 0.0
    np.testing.assert_allclose(bearings.slope, -1.0 / 320.0, rtol=0.01)  # also where it wraps


def test_no_boxes_give_no_bearings() -> None:
    found = CalibratedMap(CameraModel.from_field_of_view(90.0, SIZE))
    assert [len(each) for each in found.bearings(np.zeros((0, 4)))] == [0, 0, 0]
    assert len(found.columns(np.zeros(0))) == 0


def test_box_that_the_border_cuts_is_nearer_than_it_looks_and_less_sure() -> None:
    found = CalibratedMap(CameraModel.from_field_of_view(90.0, SIZE), Pose.parse("0 -0.3 0 0 0 0"))
    whole, cut = np.array([[200.0, 79.0, 360.0, 470.0]]), np.array([[200.0, 280.0, 360.0, 480.0]])
    sizes_alike = cut - [0.0, 20.0, 0.0, 20.0]  # as high as the cut one, its end in the image
    (far,), (near,) = found.mouths(found.uncut(sizes_alike)[0])[1], found.mouths(found.uncut(cut)[0])[1]
    assert near < 0.6 * far
    assert found.bearings(cut).variance > 2.0 * found.bearings(whole).variance
    left = np.array([[0.0, 100.0, 30.0, 400.0]])  # 120 wide by the usual ratio: the middle is at 30 - 60
    bearings = found.bearings(left)
    assert bearings.azimuth > found.bearings(left + [1e-6 + 8.0, 0.0, 0.0, 0.0]).azimuth
    assert bearings.variance > 4.0 * found.bearings(left + [8.0, 0.0, 8.0, 0.0]).variance
    out = found.bearings(np.array([[-200.0, 100.0, -80.0, 400.0], [600.0, -50.0, 720.0, 700.0]]))
    assert np.isfinite(np.concatenate(out)).all()


def test_numbers_of_a_transform_and_of_a_parameter_are_the_same_pose() -> None:
    given = [0.1, -0.2, 0.3, 0.4, -0.5, 0.6]
    parsed = Pose.parse(" ".join(map(str, given)))
    # TF: optical frame <- camera link (-pi/2, 0, -pi/2 inverted) <- microphones
    to_optical = Rotation.from_euler("xyz", [-np.pi / 2, 0.0, -np.pi / 2]).inv()
    turned = to_optical * Rotation.from_euler("xyz", given[3:])
    looked_up = Pose.from_transform(to_optical.apply(given[:3]), turned.as_quat())
    np.testing.assert_allclose(looked_up.rotation, parsed.rotation, atol=1e-12)
    np.testing.assert_allclose(looked_up.translation, parsed.translation, atol=1e-12)
    points = np.random.default_rng(8).normal(size=(5, 3))
    np.testing.assert_allclose(parsed.to_microphones(parsed.to_camera(points)), points, atol=1e-12)
    np.testing.assert_allclose(Pose.parse("").rotation, Pose().rotation)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CameraModel(np.zeros(9)), "not calibrated"),
        (lambda: CameraModel(np.zeros(6)), "9 numbers, got 6"),
        (lambda: CameraModel(-MATRIX), "fx and fy above 0"),
        (lambda: CameraModel(MATRIX, [0.1] * 3), "0 or 4 or 5 finite coefficients for distortion model plumb_bob"),
        (lambda: CameraModel(MATRIX, [0.1] * 5, "equidistant"), "0 or 4 finite coefficients"),
        (lambda: CameraModel(MATRIX, [np.nan] * 5), "finite"),
        (lambda: CameraModel(MATRIX, [0.1] * 5, "mirror_ball"), "plumb_bob.*got 'mirror_ball'"),
        (lambda: CameraModel(MATRIX, image_size=(640, 0)), "640 x 0"),
        (lambda: CameraModel.from_field_of_view(180.0, SIZE), "below 180 degrees, got 180"),
        (lambda: CameraModel.from_field_of_view(0.0, SIZE), "got 0"),
        (lambda: Pose.parse("1 2 3"), "microphones_in_camera.*'1 2 3'"),
        (lambda: Pose.parse("a b c d e f"), "microphones_in_camera"),
        (lambda: Pose.from_transform([0, 0, 0], [0, 0, 0, 0]), "unit quaternion"),
        (lambda: Pose.from_transform([0, 0], [0, 0, 0, 1]), "translation of 3"),
        (lambda: CalibratedMap(CameraModel(MATRIX), None, GeometryConfig(nearest=5.0, farthest=2.0)), "nearest below"),
    ],
)
def test_what_is_wrong_is_said(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_driver_that_gives_no_distortion_is_a_plain_camera() -> None:
    for model in ("", "plumb_bob", "equidistant"):
        camera = CameraModel(MATRIX.ravel(), [], model, SIZE)
        np.testing.assert_allclose(camera.pixels(np.array([[0.0, 0.0, 2.0]])), [[322.0, 236.0]])
