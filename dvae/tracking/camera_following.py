"""E-W and the posterior of the camera's motion in turn, until the tracks are where the camera now shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.tracking.boxes import BoxEstimate
from dvae.tracking.camera import CameraMotion, Pairs, find_jump
from dvae.tracking.frame import Frame

Array = NDArray[np.float64]
CAMERA_ITERATIONS = 2
FEWEST_PAIRS = 3  # fewer people cannot tell the camera's motion from their own
JUMP_GAIN = 2.0  # more people than this have to be found again by assuming a jump
LOST = 0.75  # when fewer of the people who were just seen are found again, the image may have jumped
POSSIBLE = 0.3  # pairs of less responsibility say nothing about the camera

Explain = Callable[[BoxEstimate], Array]  # predictions of N tracks -> responsibilities (K, N)


class CameraPosterior(NamedTuple):
    """Mean and variance (3,) of the camera's motion, None where too few people tell; support (N,) of the tracks with
    it."""

    motion: Array
    variance: Array | None
    support: Array


def start_camera(frame: Frame, image_size: tuple[float, float] | None) -> CameraMotion | None:
    """A camera of that image; without its size one as wide as the boxes reach, None where there are none."""
    if image_size is not None:
        return CameraMotion.start(image_size)
    return CameraMotion.start((frame.boxes[:, 2].max(), frame.boxes[:, 3].max())) if len(frame.boxes) else None


def infer_camera(
    camera: CameraMotion, frame: Frame, predicted: BoxEstimate, explain: Explain, sure: NDArray[np.bool_]
) -> CameraPosterior:
    """The motion that explains the frame; when too few of the `sure` (N,) tracks are found, after a jump of the image,
    if that finds more of them."""
    found = iterate(camera, frame, predicted, explain, np.zeros(3))
    if sure.sum() >= FEWEST_PAIRS and found.support[sure].mean() < LOST:
        jump = find_jump(predicted.mean[sure], frame.boxes, camera.extent)
        other = iterate(camera, frame, predicted, explain, np.append(jump, 0.0))
        if other.support[sure].sum() > found.support[sure].sum() + JUMP_GAIN:
            return other
    return found


def iterate(
    camera: CameraMotion, frame: Frame, predicted: BoxEstimate, explain: Explain, start: Array
) -> CameraPosterior:
    """E-W and the camera's posterior in turn, from the motion `start` (3,)."""
    motion, variance, support = start, None, np.zeros(len(predicted.mean))
    for iteration in range(CAMERA_ITERATIONS):
        wider = predicted.variance + (camera.shift_variance() if iteration == 0 else 0.0)
        responsibilities = explain(BoxEstimate(camera.warp(predicted.mean, motion), wider))
        support = responsibilities.sum(axis=0)
        k, n = np.nonzero(responsibilities > POSSIBLE)
        if len(k) < FEWEST_PAIRS:
            return CameraPosterior(start, None, support)
        innovation, spread = frame.boxes[k] - predicted.mean[n], frame.variance[k] + predicted.variance[n]
        pairs = Pairs(innovation, spread, responsibilities[k, n], predicted.mean[n])
        motion, variance = camera.infer(pairs, motion, start)
    return CameraPosterior(motion, variance, support)
