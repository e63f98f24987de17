"""A calibrated camera beside microphones: from the box of a person to the azimuth of the mouth, and back.

Two frames: the optical frame of the camera (x right, y down, z forward) and the frame of the microphones (REP-103:
x forward, y left, z up, azimuth from x to y, elevation from the horizontal up). Where they are apart, the azimuth
depends on the distance of the person (parallax): it is estimated from the height of the box, or stated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvae.arrays.angles import wrap
from dvae.audiovisual.lens import EquidistantLens, Lens, PolynomialLens
from dvae.audiovisual.scene import BearingMap, Bearings
from dvae.configuration import setting
from dvae.tracking.boxes import Boxes

Array = NDArray[np.float64]
NUM_COEFFICIENTS = {"plumb_bob": (0, 4, 5), "rational_polynomial": (0, 8), "equidistant": (0, 4)}
TO_OPTICAL = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])  # of x forward, y left, z up
FULL_TURN = 6.3  # rad: larger angles are degrees
STEP = 0.01  # of the derivatives, by central differences: in pixels, and as a fraction of the distance
SHIFT = np.array([STEP, 0.0, STEP, 0.0])
SHORTEST, LONGEST = 0.05, 1000.0  # focal length in widths of the image: of a fisheye, and of a small part of an image
EDGE = 0.01  # of the image: a box that ends so near its border is cut there
CUT_FACTOR = 2.5  # on the spread of the distance of a person whose box is cut above or below
USUAL_DISTANCE = 2.0  # m, of somebody of whom only the azimuth is known


class CameraModel:
    """A camera by its intrinsic matrix, its lens and the size of its image in pixels (width, height)."""

    def __init__(
        self,
        matrix: ArrayLike,
        distortion: ArrayLike = (),
        model: str = "plumb_bob",
        image_size: tuple[int, int] = (640, 480),
    ):
        """The numbers of a sensor_msgs/CameraInfo: K (9,) or (3, 3), d, distortion_model, (width, height).

        ValueError for a camera that is not calibrated (K of zeros), K in another unit than pixels, wrong sizes, or an
        unknown model.
        """
        self.matrix = _checked_matrix(matrix)
        self.image_size = _checked_size(image_size)
        _check_unit(self.matrix, self.image_size)
        self.lens = _lens(model, np.asarray(distortion, dtype=np.float64))
        self._inverse = np.linalg.inv(self.matrix)

    @classmethod
    def from_field_of_view(cls, degrees: float, image_size: tuple[int, int]) -> CameraModel:
        """A camera without distortion whose image spans `degrees` from its left to its right side."""
        if not 0.0 < degrees < 180.0:
            raise ValueError(f"expected a horizontal field of view above 0 and below 180 degrees, got {degrees:g}")
        width, height = _checked_size(image_size)
        focal = 0.5 * width / np.tan(np.radians(degrees) / 2.0)
        return cls([[focal, 0.0, width / 2.0], [0.0, focal, height / 2.0], [0.0, 0.0, 1.0]], image_size=image_size)

    def rays(self, pixels: Array) -> Array:
        """Pixels (N, 2), also outside of the image -> unit vectors (N, 3) in the optical frame."""
        return self.lens.rays(pixels @ self._inverse[:2, :2].T + self._inverse[:2, 2])

    def pixels(self, points: Array) -> Array:
        """Points (N, 3) in the optical frame -> pixels (N, 2), also beside the image; NaN where no ray leads there."""
        return self.lens.seen(points) @ self.matrix[:2, :2].T + self.matrix[:2, 2]


def _checked_matrix(matrix: ArrayLike) -> Array:
    found = np.array(matrix, dtype=np.float64)
    if found.size != 9:
        raise ValueError(f"expected an intrinsic matrix K of 9 numbers, got {found.size}")
    found = found.reshape(3, 3)
    is_camera = np.isfinite(found).all() and found[0, 0] > 0.0 and found[1, 1] > 0.0
    if not is_camera or (found[[1, 2, 2], [0, 0, 1]] != 0.0).any() or found[2, 2] != 1.0:
        what = " (the camera is not calibrated)" if not found.any() else ""
        raise ValueError(f"expected K = [fx s cx; 0 fy cy; 0 0 1] with fx and fy above 0, got {found.tolist()}{what}")
    return found


def _check_unit(matrix: Array, image_size: tuple[int, int]) -> None:
    """ValueError for focal lengths, or a centre, that no camera with such an image has."""
    in_images = matrix[:2] / np.array(image_size, dtype=np.float64)[:, None]
    focal = np.array([in_images[0, 0], in_images[1, 1]])
    if (focal < SHORTEST).any() or (np.abs(in_images) > LONGEST).any():
        width, height = image_size
        raise ValueError(f"expected K in pixels of an image of {width} x {height}, got {matrix.tolist()}")


def _checked_size(image_size: tuple[int, int]) -> tuple[int, int]:
    width, height = image_size
    if width < 1 or height < 1:
        raise ValueError(f"expected the width and height of the image in pixels, got {width} x {height}")
    return int(width), int(height)


def _lens(model: str, distortion: Array) -> Lens:
    model = model or "plumb_bob" if not distortion.size else model  # drivers leave both empty
    if model not in NUM_COEFFICIENTS:
        raise ValueError(f"expected a distortion model of {', '.join(NUM_COEFFICIENTS)}, got {model!r}")
    if distortion.ndim != 1 or len(distortion) not in NUM_COEFFICIENTS[model] or not np.isfinite(distortion).all():
        counts = " or ".join(str(count) for count in NUM_COEFFICIENTS[model])
        raise ValueError(
            f"expected {counts} finite coefficients for distortion model {model}, got {distortion.tolist()}"
        )
    return EquidistantLens(distortion) if model == "equidistant" else PolynomialLens(distortion)


class Pose(NamedTuple):
    """Of the frame of the microphones in the optical frame of the camera: point there = rotation @ point here +
    translation."""

    rotation: Array = TO_OPTICAL  # (3, 3)
    translation: Array = np.zeros(3)  # (3,), m

    @classmethod
    def from_transform(cls, translation: ArrayLike, quaternion: ArrayLike) -> Pose:
        """The numbers of the transform that TF looks up for target = the optical frame of the camera and source = the
        frame of the microphones: x, y, z in m, and x, y, z, w. ValueError for what is no transform."""
        from scipy.spatial.transform import Rotation

        moved, turned = np.array(translation, dtype=np.float64), np.array(quaternion, dtype=np.float64)
        if moved.shape != (3,) or not np.isfinite(moved).all():
            raise ValueError(f"expected a translation of 3 finite numbers, got {moved.tolist()}")
        if turned.shape != (4,) or not np.isfinite(turned).all() or abs(np.linalg.norm(turned) - 1.0) > 0.01:
            raise ValueError(f"expected a unit quaternion x, y, z, w, got {turned.tolist()}")
        return cls(Rotation.from_quat(turned).as_matrix(), moved)

    @classmethod
    def parse(cls, text: str) -> Pose:
        """Parameter `microphones_in_camera`: "x y z roll pitch yaw", in m and rad as in URDF, of the microphones as
        seen from the camera with x forward, y left, z up; zeros, or no text: at the camera, looking the same way."""
        from scipy.spatial.transform import Rotation

        try:
            numbers = np.array([float(word) for word in text.replace(",", " ").split()] or [0.0] * 6)
        except ValueError:
            numbers = np.zeros(0)
        if len(numbers) != 6 or not np.isfinite(numbers).all() or np.abs(numbers[3:]).max() > FULL_TURN:
            raise ValueError(
                "microphones_in_camera: expected 'x y z roll pitch yaw' in metres and radians (at most a full turn), "
                f"got {text!r}"
            )
        turned: Array = Rotation.from_euler("xyz", numbers[3:]).as_matrix()
        return cls(TO_OPTICAL @ turned, TO_OPTICAL @ numbers[:3])

    def to_camera(self, points: Array) -> Array:
        """Points (N, 3) of the frame of the microphones in the optical frame."""
        return np.asarray(points @ self.rotation.T + self.translation)

    def to_microphones(self, points: Array) -> Array:
        """Points (N, 3) of the optical frame in the frame of the microphones."""
        return np.asarray((points - self.translation) @ self.rotation)


class Directions(NamedTuple):
    """Of N points from the microphones."""

    azimuth: Array  # (N,), rad
    elevation: Array  # (N,), rad
    distance: Array  # (N,), m


def directions_of(points: Array) -> Directions:
    """Of points (N, 3) in the frame of the microphones."""
    across = np.hypot(points[:, 0], points[:, 1])
    azimuth, elevation = np.arctan2(points[:, 1], points[:, 0]), np.arctan2(points[:, 2], across)
    return Directions(wrap(azimuth), elevation, np.hypot(across, points[:, 2]))


def points_at(azimuth: Array, elevation: Array, distance: Array) -> Array:
    """Points (N, 3) in the frame of the microphones, the other way round."""
    flat = np.cos(elevation)
    towards = np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)], axis=-1)
    return np.asarray(towards * np.asarray(distance)[..., None])


@dataclass(frozen=True)
class GeometryConfig:
    """What is known of people and of the calibration."""

    person_height: float = setting(
        1.7, "height of what boxes show (0.25 for heads)", unit="m", minimum=0.05, maximum=3.0
    )
    distance_spread: float = setting(
        0.2, "standard deviation of distances, estimated or stated, as a fraction of them", minimum=0.0, maximum=1.0
    )
    distance: float = setting(
        0.0, "distance of people from the camera; 0: estimated from the height of each box", unit="m", minimum=0.0
    )
    nearest: float = setting(0.4, "nobody is nearer to the camera", unit="m", minimum=0.05)
    farthest: float = setting(12.0, "nobody is farther from the camera", unit="m", minimum=0.1)
    width_ratio: float = setting(
        0.4, "usual width of a box as a fraction of its height: tells how much a border cuts off", minimum=0.05
    )
    mouth_height: float = setting(
        0.1, "where the mouth is, as a fraction of the box's height from its top", minimum=0.0, maximum=1.0
    )
    mouth_spread: float = setting(
        0.1, "standard deviation of the mouth's column, as a fraction of the box's width", minimum=0.0, maximum=1.0
    )
    calibration_spread: float = setting(
        1.5, "standard deviation of azimuths from errors of the calibration", unit="degrees", minimum=0.0, maximum=90.0
    )


class CalibratedMap(BearingMap):
    """Azimuths of the mouths of people in boxes, seen by a calibrated camera whose pose to the microphones is known."""

    def __init__(self, camera: CameraModel, pose: Pose | None = None, config: GeometryConfig | None = None):
        self.camera, self.pose, self.config = camera, pose or Pose(), config or GeometryConfig()
        if self.config.nearest >= self.config.farthest:
            raise ValueError(
                f"expected nearest below farthest, got {self.config.nearest:g} and {self.config.farthest:g} m"
            )

    def bearings(self, boxes: Boxes) -> Bearings:
        """As `BearingMap.bearings`; a box that is cut by the border of the image is less sure."""
        count, config = len(boxes), self.config
        if not count:
            return Bearings(*np.zeros((3, 0)))
        whole, is_cut, missing = self.uncut(boxes)
        rays, distance = self.mouths(np.concatenate([whole, whole + SHIFT, whole - SHIFT]))
        # where they are, a little to the right and to the left, a little farther and nearer
        factor = np.repeat([1.0, 1.0, 1.0, 1.0 + STEP, 1.0 - STEP], count)
        which = np.concatenate([np.arange(3 * count), np.arange(count), np.arange(count)])
        points = self.pose.to_microphones(rays[which] * (distance[which] * factor)[:, None])
        azimuth = np.arctan2(points[:, 1], points[:, 0]).reshape(5, count)
        slope, parallax = wrap(azimuth[[1, 3]] - azimuth[[2, 4]]) / (2.0 * STEP)
        column_variance = (config.mouth_spread * (whole[:, 2] - whole[:, 0])) ** 2 + (0.5 * missing) ** 2
        spread = config.distance_spread * np.where(is_cut & (not config.distance), CUT_FACTOR, 1.0)
        calibration = math.radians(config.calibration_spread) ** 2
        return Bearings(wrap(azimuth[0]), slope, slope**2 * column_variance + (parallax * spread) ** 2 + calibration)

    def columns(self, azimuth: Array) -> Array:
        """As `BearingMap.columns`, for somebody at the height of the microphones and the stated or a usual distance."""
        distance = np.full(np.shape(azimuth), self.config.distance or USUAL_DISTANCE)
        column = self.pixels(azimuth, np.zeros_like(distance), distance)[:, 0]
        return np.where((column >= 0.0) & (column <= self.camera.image_size[0]), column, np.nan)

    def mouth_directions(self, boxes: Boxes) -> Directions:
        """Of the mouths of people in boxes (N, 4), as the microphones see them."""
        rays, distance = self.mouths(self.uncut(boxes)[0])
        return directions_of(self.pose.to_microphones(rays * distance[:, None]))

    def directions(self, pixels: Array, distance: Array) -> Directions:
        """Of pixels (N, 2) at distances (N,) from the camera, as the microphones see them."""
        return directions_of(self.pose.to_microphones(self.camera.rays(pixels) * distance[:, None]))

    def pixels(self, azimuth: Array, elevation: Array, distance: Array) -> Array:
        """Pixels (N, 2), also beside the image, of directions and distances (N,) from the microphones; NaN behind."""
        return self.camera.pixels(self.pose.to_camera(points_at(azimuth, elevation, distance)))

    def mouths(self, boxes: Boxes) -> tuple[Array, Array]:
        """Rays (N, 3) in the optical frame and distances from the camera (N,) of boxes (N, 4) that show people from
        head to foot."""
        top, bottom, config = boxes[:, 1], boxes[:, 3], self.config
        rows = np.concatenate([top + config.mouth_height * (bottom - top), top, bottom])
        columns = np.tile(0.5 * (boxes[:, 0] + boxes[:, 2]), 3)
        mouth, head, feet = self.camera.rays(np.stack([columns, rows], axis=1)).reshape(3, len(boxes), 3)
        distance = np.full(len(boxes), config.distance) if config.distance else self._distance(head, feet)
        return mouth, np.clip(distance, config.nearest, config.farthest)

    def uncut(self, boxes: Boxes) -> tuple[Boxes, NDArray[np.bool_], Array]:
        """Boxes (N, 4) as they would be without the border of the image, whether that changes their height (N,), and
        by how many pixels their width (N,); from the side that is not cut and the usual ratio."""
        size = np.array([*self.camera.image_size] * 2, dtype=np.float64)
        at_border = np.abs(boxes - size * [0.0, 0.0, 1.0, 1.0]) <= EDGE * size
        if not at_border.any():
            return boxes, np.zeros(len(boxes), dtype=bool), np.zeros(len(boxes))
        left, above, right, below = at_border.T
        width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
        is_cut = above | below
        taller = np.where(is_cut, np.maximum(width / self.config.width_ratio - height, 0.0), 0.0)
        wider = np.where(left ^ right, np.maximum(self.config.width_ratio * height - width, 0.0), 0.0)
        more = np.stack([-wider * left, -taller * (above & ~below), wider * right, taller * below], axis=1)
        return boxes + more, is_cut, wider

    def _distance(self, head: Array, feet: Array) -> Array:
        """Of heads (N,) whose bodies are upright, from rays (N, 3) to both ends: head - feet = person_height * up, by
        least squares."""
        up, between = self.pose.rotation[:, 2], (head * feet).sum(axis=1)
        reach = self.config.person_height * (head @ up - between * (feet @ up))
        return np.asarray(reach / np.maximum(1.0 - between * between, 1e-12))
