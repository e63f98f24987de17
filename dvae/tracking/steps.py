"""What the steps of the online tracker hand on: its state, a frame after E-W, and what else than boxes enters E-S."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.distributions.gaussian import product
from dvae.inference.responsibilities import Assignment
from dvae.tracking.account import Account
from dvae.tracking.boxes import BoxEstimate
from dvae.tracking.camera import CameraMotion
from dvae.tracking.detector_noise import DetectorNoise
from dvae.tracking.frame import Frame
from dvae.tracking.motion.rollout import Evidence, MotionState
from dvae.tracking.population import Population
from dvae.tracking.rhythm import Rhythm
from dvae.tracking.tracks import Tracks

Array = NDArray[np.float64]


class TrackerState(NamedTuple):
    """All that the tracker knows between two frames; nothing in it is ever changed in place."""

    people: Population
    motion: MotionState
    camera: CameraMotion | None
    noise: DetectorNoise
    time: float | None  # that `motion` is of: the last frame with an E-S
    next_id: int
    rhythm: Rhythm  # of the detector
    called: float | None  # time of the last frame
    account: Account  # of the last frame


class View(NamedTuple):
    """The tracks as the camera now shows them: the camera, where the tracks were, and where they are expected."""

    camera: CameraMotion | None
    motion: MotionState
    predicted: BoxEstimate


class Newcomers(NamedTuple):
    """Tracks that begin in a frame."""

    people: Population
    motion: MotionState
    tracks: Tracks


class Others(NamedTuple):
    """What others than the detector say of the N tracks of a frame."""

    precision: Array  # (N, 4), of x1, y1, x2, y2; 0: they say nothing
    information: Array  # (N, 4), precision times position
    present: NDArray[np.bool_]  # (N,), known to be there: missed boxes do not end the track


class Associated(NamedTuple):
    """A frame after E-W: where the N tracks are expected, who explains which detection, and what the detections say of
    the tracks, (N, 4)."""

    before: TrackerState
    frame: Frame
    looked: bool  # false: the detector did not look, and a missing box is no miss
    rhythm: Rhythm
    view: View
    assignment: Assignment
    evidence: Evidence

    def given_boxes(self) -> BoxEstimate:
        """Where the tracks are by the past and the frame's boxes: E-S without others."""
        predicted, agility = self.view.predicted, self.before.people.agility
        return given(predicted._replace(variance=predicted.variance / agility[:, None]), self.evidence)


def given(prior: BoxEstimate, said: Evidence | Others | None) -> BoxEstimate:
    """The posterior of boxes (N, 4); those of which nothing is said are as before to the last bit."""
    if said is None or not (some := said.precision > 0.0).any():
        return prior
    mean, variance = product(prior.mean, prior.variance, said.precision, said.information)
    return BoxEstimate(np.where(some, mean, prior.mean), np.where(some, variance, prior.variance))
