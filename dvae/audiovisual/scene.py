"""What is heard, where people are as the microphones see it, and who speaks: the values that the steps hand on.

Azimuths are in rad in [-pi, pi), from x (forward) towards y (left) of the frame of the microphones (REP-103).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from dvae.tracking.boxes import Boxes
from dvae.tracking.tracks import Tracks

Array = NDArray[np.float64]
Ids = NDArray[np.int64]


class Heard(NamedTuple):
    """One frame of what the microphones hear: K directions, perhaps none."""

    time: float  # s, of the middle of what it was made of
    azimuth: Array  # (K,), rad
    weight: Array  # (K,), in [0, 1]: probability that somebody is heard from there; they do not sum to one
    speech: float  # in [0, 1]: probability that anybody speaks; 0 while the robot itself does


class Bearings(NamedTuple):
    """Where N people are as the microphones see it, and how that changes with their boxes."""

    azimuth: Array  # (N,), rad
    slope: Array  # (N,), rad per pixel of the centre of the box, d azimuth / d ((x1 + x2) / 2)
    variance: Array  # (N,), rad^2: what the map does not know (calibration, distance, where in the box the mouth is)


class BearingMap(Protocol):
    """From boxes in the image to azimuths and back: a calibrated camera, or a map that was learned."""

    def bearings(self, boxes: Boxes) -> Bearings:
        """Of boxes (N, 4) in pixels, also of those that reach out of the image."""

    def columns(self, azimuth: Array) -> Array:
        """x in pixels (K,) where somebody at these azimuths (K,) would stand in the image; NaN where they are not in
        it."""


class Speakers(NamedTuple):
    """All who may speak, M of them: every confirmed track, spoken or not, then those who are heard only."""

    voice_id: Ids  # (M,), number of the voice, unique in the life of the finder; 0 for who has not spoken
    track_id: Ids  # (M,), of the person; 0 for who is heard only, or where it is not sure who speaks
    azimuth: Array  # (M,), rad
    azimuth_variance: Array  # (M,), rad^2
    speaking: NDArray[np.bool_]  # (M,), the decision
    probability: Array  # (M,), that they speak now, in [0, 1]
    since: Array  # (M,), s: time at which the present decision began


class Matches(NamedTuple):
    """J pairs of a voice and a person, with a confidence in [0, 1] that is worth saying; 0 once for one that ends."""

    voice_id: Ids  # (J,)
    track_id: Ids  # (J,)
    confidence: Array  # (J,)


class Scene(NamedTuple):
    """People and voices at a time."""

    time: float  # s
    tracks: Tracks  # as the audio-visual tracker has them
    speakers: Speakers
    matches: Matches
