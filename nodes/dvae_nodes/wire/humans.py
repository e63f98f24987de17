"""Tracks as the bodies of ROS4HRI (REP-155): /humans/bodies/tracked and /humans/bodies/<id>/roi.

libhri drops a person the moment its id is missing from the list, so everyone who is confirmed stays on it, hidden or
not. Ids are a letter and the number of the track: never used again, and the same on every replay of a bag.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dvae.tracking.tracks import Tracks, TrackState
from dvae_nodes.wire.messages import MessageTypes, Output

BODIES = "/humans/bodies/"
TRACKED = BODIES + "tracked"
LIST_TYPE, REGION_TYPE = "hri_msgs/IdsList", "hri_msgs/NormalizedRegionOfInterest2D"


def region_topic(body_id: str) -> str:
    """Topic of the region of one body."""
    return f"{BODIES}{body_id}/roi"


def is_region(topic: str) -> bool:
    """Whether it is one of `region_topic`."""
    return topic.startswith(BODIES) and topic.endswith("/roi")


def nobody(types: MessageTypes, header: Any) -> Output:
    """The empty list of bodies."""
    return Output(TRACKED, types.make(LIST_TYPE, header=header, ids=[]))


def bodies(types: MessageTypes, header: Any, tracks: Tracks, size: tuple[int, int], prefix: str) -> list[Output]:
    """The list of all bodies, and the region of each in fractions of the image (width, height)."""
    known = np.flatnonzero(tracks.state != TrackState.TENTATIVE)
    ids = [f"{prefix}{tracks.track_id[n]}" for n in known]
    outputs = [Output(TRACKED, types.make(LIST_TYPE, header=header, ids=ids))]
    regions = np.clip(tracks.boxes[known] / [*size, *size], 0.0, 1.0)
    for body_id, n, (xmin, ymin, xmax, ymax) in zip(ids, known, regions.tolist(), strict=True):
        region = types.make(
            REGION_TYPE, header=header, xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, c=float(tracks.confidence[n])
        )
        outputs.append(Output(region_topic(body_id), region))
    return outputs
