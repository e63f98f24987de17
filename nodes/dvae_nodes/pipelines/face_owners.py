"""Faces of ROS4HRI (REP-155) and the tracked people who carry them, for matches of voices and for moving lips."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.audiovisual.faces import match_faces
from dvae.signal.audio_clock import NANOSECONDS
from dvae_nodes.wire.conversions import stamp_to_nanoseconds

FRESH = NANOSECONDS // 4  # a face that was seen longer ago says nothing of where it is
KEPT = NANOSECONDS  # so long it stays whose it was
POINTS = 68  # of the landmarks, without the pupils


class Region(NamedTuple):
    """Where a face is in the image, 0 to 1, at a time in ns."""

    stamp: int
    box: NDArray[np.float64]  # (4,)


class Owner(NamedTuple):
    """Whose face it is, how sure, and when that was seen, ns."""

    track_id: int
    confidence: float
    stamp: int


class FaceOwners:
    """`listed` faces with regions, compared with the tracks of each image."""

    def __init__(self) -> None:
        self._regions: dict[str, Region] = {}
        self.owners: dict[str, Owner] = {}  # by face

    def reset(self) -> None:
        """Nothing was seen yet."""
        self._regions.clear()
        self.owners.clear()

    def listed(self, ids: Iterable[str]) -> None:
        """The list of all faces: others are gone."""
        wanted = set(ids)
        self._regions = {face: each for face, each in self._regions.items() if face in wanted}
        self.owners = {face: each for face, each in self.owners.items() if face in wanted}

    def add_region(self, face: str, message: Any) -> None:
        """hri_msgs/NormalizedRegionOfInterest2D of a face."""
        box = np.array([message.xmin, message.ymin, message.xmax, message.ymax], dtype=np.float64)
        self._regions[face] = Region(stamp_to_nanoseconds(message.header.stamp), box)

    def face_of(self, track_id: int) -> tuple[str, float] | None:
        """The id of a person's face, the newest where it had several, and the confidence that it is theirs."""
        own = [(each.stamp, each.confidence, face) for face, each in self.owners.items() if each.track_id == track_id]
        return (max(own)[2], max(own)[1]) if own else None

    def see(self, stamp: int, people: dict[int, Any], size: tuple[int, int]) -> None:
        """The boxes of people in pixels, by track, in an image of this size at `stamp` ns."""
        self.owners = {face: each for face, each in self.owners.items() if abs(stamp - each.stamp) <= KEPT}
        fresh = {face: each.box for face, each in self._regions.items() if abs(stamp - each.stamp) <= FRESH}
        if not fresh or not people or not all(size):
            return
        boxes = np.array([np.asarray(box) for box in people.values()], dtype=np.float64)
        found = match_faces(np.array(list(fresh.values())) * [*size, *size], boxes)
        ids = list(people)
        for face, row, confidence in zip(fresh, found.row.tolist(), found.confidence.tolist(), strict=True):
            if row >= 0:
                self.owners[face] = Owner(ids[row], confidence, stamp)


def landmarks_in_pixels(message: Any) -> NDArray[np.float64]:
    """hri_msgs/FacialLandmarks -> (68, 2); NaN for points that were not found: at 0, or without confidence where others
    have some."""
    points = np.array([[point.x, point.y, point.c] for point in message.landmarks[:POINTS]], dtype=np.float64)
    points = points.reshape(-1, 3)
    is_missing = ~points[:, :2].any(axis=1) | ((points[:, 2] <= 0.0) & points[:, 2].any())
    found: NDArray[np.float64] = points[:, :2] * [message.width or 1, message.height or 1]
    found[is_missing] = np.nan
    return found
