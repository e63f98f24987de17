"""People who are seen, as the microphones have them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.arrays.angles import wrap
from dvae.audiovisual.scene import BearingMap, Bearings
from dvae.tracking.boxes import Boxes, BoxEstimate
from dvae.tracking.population import Population, rows_of, select
from dvae.tracking.steps import Associated
from dvae.tracking.tracks import Tracks, TrackState

Array = NDArray[np.float64]
Ids = NDArray[np.int64]


class People(NamedTuple):
    """N confirmed tracks."""

    track_id: Ids  # (N,)
    boxes: BoxEstimate  # (N, 4), pixels
    bearings: Bearings  # azimuth 0 with infinite variance where it is not known

    def variance(self) -> Array:
        """Of the azimuth (N,), in rad^2: what the map does not know, and what is not known of the box."""
        return np.asarray(self.bearings.variance + np.square(self.bearings.slope) * centre_variance(self.boxes))


def centre(boxes: Boxes) -> Array:
    """x in pixels of the centres (N,) of boxes (N, 4)."""
    return np.asarray(0.5 * (boxes[:, 0] + boxes[:, 2]))


def centre_variance(boxes: BoxEstimate) -> Array:
    """Its variance (N,)."""
    return np.asarray(0.25 * (boxes.variance[:, 0] + boxes.variance[:, 2]))


def known_bearings(boxes: Boxes, bearing_map: BearingMap | None) -> Bearings:
    """Of boxes (N, 4); azimuth 0 with infinite variance where there is no map, or it gives none."""
    zeros = np.zeros(len(boxes))
    if bearing_map is None or not len(boxes):
        return Bearings(zeros, zeros, zeros + math.inf)
    found = bearing_map.bearings(boxes)
    known = np.isfinite(found).all(axis=0)
    return Bearings(
        *(np.where(known, part, otherwise) for part, otherwise in zip(found, (0, 0, math.inf), strict=True))
    )


def people_of(step: Associated, bearing_map: BearingMap | None) -> People:
    """The confirmed tracks, given the past and the boxes of the frame."""
    confirmed, given = step.before.people.confirmed, step.given_boxes()
    boxes = select(given, confirmed)
    return People(step.before.people.track_id[confirmed], boxes, known_bearings(boxes.mean, bearing_map))


def moved(bearings: Bearings, before: Boxes, after: Boxes) -> Bearings:
    """Bearings of boxes (N, 4) that moved, along their slopes."""
    shift = bearings.slope * (centre(after) - centre(before))
    return bearings._replace(azimuth=wrap(bearings.azimuth + shift))


def people_after(before: People, tracks: Tracks, bearing_map: BearingMap | None) -> People:
    """The confirmed tracks after the frame: who was there before has moved along the slope of their bearing."""
    tracks = select(tracks, tracks.state != TrackState.TENTATIVE)
    boxes = BoxEstimate(tracks.boxes, tracks.variance)
    if np.array_equal(before.track_id, tracks.track_id):
        return People(tracks.track_id, boxes, moved(before.bearings, before.boxes.mean, boxes.mean))
    row = rows_of(before.track_id, tracks.track_id)
    fresh, known = row < 0, row[row >= 0]
    old = moved(Bearings(*(part[known] for part in before.bearings)), before.boxes.mean[known], boxes.mean[~fresh])
    bearings = Bearings(*np.zeros((3, len(row))))
    for part, of_old, of_new in zip(bearings, old, known_bearings(boxes.mean[fresh], bearing_map), strict=True):
        part[~fresh], part[fresh] = of_old, of_new
    return People(tracks.track_id, boxes, bearings)


def handed_over(before: Population, boxes: Boxes, held: NDArray[np.bool_]) -> dict[int, int]:
    """Of tracks that are held by the voice only, held (N,), those in whose place a person was found since they were
    lost: track_id of the one to track_id of the other.

    The same place: the middle of the one is in the box of the other, from left to right; boxes (N, 4), where all tracks
    of the population are expected.
    """
    found: dict[int, int] = {}
    for n in np.flatnonzero(held):
        seen = before.confirmed & (before.missed == 0) & (before.birth_time > before.seen_time[n])
        apart = np.where(seen, np.abs(centre(boxes) - centre(boxes[n : n + 1])), np.inf)
        nearest = int(apart.argmin())
        if apart[nearest] <= 0.5 * (boxes[nearest, 2] - boxes[nearest, 0]):
            found[int(before.track_id[n])] = int(before.track_id[nearest])
    return found
