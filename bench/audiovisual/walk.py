"""What the camera of a simulated scene sees: a room, people on smooth paths, their boxes as a detector with faults has
them. Metres and rad in the frame of the microphones: x forward, y left, z up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from dvae.tracking.boxes import iou

Array = NDArray[np.float64]
MICROPHONE_HEIGHT = 1.15  # m above the floor
CAMERA = np.array([0.05, 0.0, 0.08])  # m, where the camera is from the microphones; it looks along x
TO_OPTICAL = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])  # x right, y down, z forward
BODY_WIDTH = 0.5  # m, diameter of the cylinder that stands for a body
MOUTH = 0.93  # of the height of a person
COVERED = 0.7  # a body that is hidden by a nearer one by more than this is not detected


@dataclass(frozen=True)
class Lens:
    """A pinhole camera with distortion: matrix (3, 3), distortion (5,) as in OpenCV, width and height in pixels."""

    matrix: Array
    distortion: Array
    size: tuple[int, int]
    view: float  # rad, from the left to the right edge


class Boxes(NamedTuple):
    """What a detector gives for one image. person: (K,), who it truly is, -1 for nobody."""

    time: float
    boxes: Array  # (K, 4), x1, y1, x2, y2 in pixels
    scores: Array  # (K,)
    person: NDArray[np.int64]


def draw_lens(rng: np.random.Generator, least_view: float) -> Lens:
    """640x480 or 1280x720, up to 90 degrees wide and at least 60 or `least_view` (rad), a little barrel distortion."""
    size = ((640, 480), (1280, 720))[int(rng.integers(2))]
    view = float(rng.uniform(max(np.radians(60.0), min(least_view, np.radians(90.0))), np.radians(90.0)))
    focal = size[0] / 2 / np.tan(view / 2)
    centre = np.array(size) / 2 + rng.uniform(-0.01, 0.01, 2) * size
    matrix = np.array([[focal, 0.0, centre[0]], [0.0, focal, centre[1]], [0.0, 0.0, 1.0]])
    distortion = np.array([rng.uniform(-0.06, 0.0), rng.uniform(0.0, 0.01), 0.0, 0.0, 0.0])
    return Lens(matrix, distortion, size, view)


def wander(rng: np.random.Generator, time: Array, size: float, period: tuple[float, float]) -> Array:
    """A smooth random function of time (T,) in [-size, size]: two sines."""
    periods, phases = rng.uniform(*period, 2), rng.uniform(0, 2 * np.pi, 2)
    return size * (0.65 * np.sin(2 * np.pi * time / periods[0] + phases[0])
                   + 0.35 * np.sin(2 * np.pi * time / periods[1] + phases[1]))  # fmt: skip


class Walks(NamedTuple):
    """Where P people are over time: azimuth and distance of their axis, (P, T), and their heights (P,) in m."""

    azimuth: Array
    distance: Array
    height: Array

    def mouths(self) -> Array:
        """(P, T, 3) in m, from the microphones."""
        x, y = self.distance * np.cos(self.azimuth), self.distance * np.sin(self.azimuth)
        z = np.broadcast_to((MOUTH * self.height - MICROPHONE_HEIGHT)[:, None], x.shape)
        return np.stack([x, y, z], axis=-1)


def draw_walks(
    rng: np.random.Generator, time: Array, number: int, angle: float, view: float, outside: int, leaving: bool
) -> Walks:
    """`number` people of whom the last `outside` stand where the camera does not look; the others walk `angle` rad
    apart, all inside `view`, but for the first when `leaving`: out of it in the middle of the scene, for about a third.
    """
    inside = number - outside
    span = (inside - 1) * angle
    sweep = max(np.radians(2.0), view / 2 - span / 2 - np.radians(9.0))
    centre = wander(rng, time, min(sweep, np.radians(15.0)), (10.0, 18.0))
    places = (np.arange(inside) - (inside - 1) / 2) * angle
    small = min(0.1 * angle, np.radians(3.0))
    azimuth = [centre + place + wander(rng, time, small, (4.0, 9.0)) for place in rng.permutation(places)]
    if leaving:
        far = np.sign(azimuth[0].mean() or 1.0) * (view / 2 + np.radians(25.0))
        middle, half = 0.5 * time[-1], 0.17 * time[-1]
        away = 1 / (1 + np.exp(-(time - middle + half) / 0.4)) * 1 / (1 + np.exp((time - middle - half) / 0.4))
        azimuth[0] = (1 - away) * azimuth[0] + away * far
    for _ in range(outside):
        place = rng.choice([-1, 1]) * rng.uniform(np.radians(95.0), np.radians(150.0))
        azimuth.append(place + wander(rng, time, np.radians(4.0), (6.0, 12.0)))
    distance = [rng.uniform(1.5, 2.3) + wander(rng, time, 0.45, (7.0, 14.0)) for _ in range(inside)]
    distance += [rng.uniform(1.1, 1.4) + wander(rng, time, 0.1, (7.0, 14.0)) for _ in range(outside)]
    return Walks(np.array(azimuth), np.array(distance), np.clip(rng.normal(1.7, 0.08, number), 1.5, 1.95))


def true_boxes(walks: Walks, lens: Lens) -> Array:
    """The box around each person's cylinder, clipped to the image: (T, P, 4), NaN where less than a third of its width
    is in it.
    """
    around = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ring = BODY_WIDTH / 2 * np.stack([np.cos(around), np.sin(around)], axis=-1)  # (16, 2)
    people, frames = walks.azimuth.shape
    axis = walks.distance[..., None] * np.stack([np.cos(walks.azimuth), np.sin(walks.azimuth)], axis=-1)
    flat = axis[:, :, None] + ring  # (P, T, 16, 2)
    ends = np.stack([np.full(people, -MICROPHONE_HEIGHT), walks.height - MICROPHONE_HEIGHT])  # feet, crown
    points = np.stack([np.concatenate([flat, np.broadcast_to(z[:, None, None, None], (*flat.shape[:3], 1))], axis=-1)
                       for z in ends])  # fmt: skip
    seen = (points.reshape(-1, 3) - CAMERA) @ TO_OPTICAL.T
    in_front = (seen[:, 2] > 0.2) & (np.abs(seen[:, 0]) < 1.5 * seen[:, 2])  # the distortion is made for no more
    pixels = cv2.projectPoints(seen, np.zeros(3), np.zeros(3), lens.matrix, lens.distortion)[0].reshape(-1, 2)
    pixels = np.where(in_front[:, None], pixels, np.nan).reshape(2, people, frames, 16, 2)
    low, high = pixels.min(axis=(0, 3)), pixels.max(axis=(0, 3))  # NaN where any corner is not in front
    whole = high[..., 0] - low[..., 0]
    size = np.array(lens.size, dtype=np.float64)
    low, high = np.clip(low, 0, size), np.clip(high, 0, size)
    boxes = np.concatenate([low, high], axis=-1)
    boxes[~(high[..., 0] - low[..., 0] > whole / 3)] = np.nan
    return boxes.transpose(1, 0, 2)


def detect(
    rng: np.random.Generator, truth: Array, distance: Array, time: Array, lens: Lens, missed: float, jitter: float
) -> list[Boxes]:
    """True boxes (T, P, 4) of people at distances (P, T) -> what a detector makes of them.

    missed: how much of the time somebody in view is not found, in stretches of 0.4 s on average; jitter: standard
    deviation of each side of the box, of its size. A false box begins in 1 % of the images and lasts 0.3 s on average.
    """
    step, frames = float(np.mean(np.diff(time))), []
    ends, begins = step / 0.4, step / 0.4 * missed / max(1e-9, 1 - missed)
    lost = rng.random(truth.shape[1]) < missed
    false: list[Array] = []
    for index, now in enumerate(time):
        lost = np.where(lost, rng.random(len(lost)) >= ends, rng.random(len(lost)) < begins)
        hidden = covered(truth[index], distance[:, index])
        seen = np.flatnonzero(~lost & ~hidden & np.isfinite(truth[index, :, 0]))
        boxes = truth[index, seen]
        sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        boxes = boxes + jitter * sides * rng.normal(size=boxes.shape)
        false = [box for box in false if rng.random() >= step / 0.3]
        if rng.random() < 0.01:
            false.append(_false_box(rng, lens))
        person = np.concatenate([seen, np.full(len(false), -1)]).astype(np.int64)
        scores = np.where(person >= 0, rng.uniform(0.6, 0.98, len(person)), rng.uniform(0.3, 0.7, len(person)))
        order = rng.permutation(len(person))
        everything = np.concatenate([boxes, np.reshape(false, (-1, 4))])
        frames.append(Boxes(float(now), everything[order], scores[order], person[order]))
    return frames


def covered(boxes: Array, distance: Array) -> NDArray[np.bool_]:
    """Whether each of P boxes (P, 4) is hidden behind one that is nearer."""
    hidden = np.zeros(len(boxes), dtype=bool)
    for i, box in enumerate(boxes):
        for j, other in enumerate(boxes):
            if distance[j] < distance[i] and np.isfinite(box[0]) and np.isfinite(other[0]):
                width = min(box[2], other[2]) - max(box[0], other[0])
                hidden[i] |= width > COVERED * (box[2] - box[0])
    return hidden


def _false_box(rng: np.random.Generator, lens: Lens) -> Array:
    height = rng.uniform(0.2, 0.8) * lens.size[1]
    corner = rng.uniform(0, 0.7, 2) * lens.size
    return np.array([*corner, corner[0] + 0.35 * height, corner[1] + height])


def who_is(boxes: Array, truth: Array, least: float = 0.3) -> NDArray[np.int64]:
    """The person (index into `truth` (P, 4), NaN for who is not in view) whom each box (N, 4) overlaps most, -1 for
    none with an IoU of `least`; one box a person, the best.
    """
    found = np.full(len(boxes), -1, dtype=np.int64)
    overlap = np.nan_to_num(iou(boxes, np.nan_to_num(truth, nan=-1e6)))
    overlap[:, ~np.isfinite(truth[:, 0])] = 0.0
    while overlap.size and overlap.max() >= least:
        row, person = np.unravel_index(int(np.argmax(overlap)), overlap.shape)
        found[row] = person
        overlap[row], overlap[:, person] = 0.0, 0.0
    return found
