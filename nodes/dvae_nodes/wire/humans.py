"""Tracks as the bodies of ROS4HRI (REP-155): /humans/bodies/tracked and /humans/bodies/<id>/roi.

libhri drops a person the moment its id is missing from the list, so everyone who is confirmed stays on it, hidden or
not. Ids are a letter and the number of the track: never used again, and the same on every replay of a bag.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from dvae.tracking.tracks import Tracks, TrackState
from dvae_nodes.wire import topics
from dvae_nodes.wire.messages import MessageTypes, Output


def nobody(types: MessageTypes, header: Any) -> Output:
    """The empty list of bodies."""
    return topics.BODIES.output(types.make(topics.IDS_LIST, header=header, ids=[]))


def bodies(types: MessageTypes, header: Any, tracks: Tracks, size: tuple[int, int], prefix: str) -> list[Output]:
    """The list of all bodies, and the region of each in fractions of the image (width, height)."""
    known = np.flatnonzero(tracks.state != TrackState.TENTATIVE)
    ids = [f"{prefix}{tracks.track_id[n]}" for n in known]
    outputs = [topics.BODIES.output(types.make(topics.IDS_LIST, header=header, ids=ids))]
    regions = np.clip(tracks.boxes[known] / [*size, *size], 0.0, 1.0)
    make_region = partial(types.make, topics.BODY_REGION.types[0], header=header)
    for body_id, n, (xmin, ymin, xmax, ymax) in zip(ids, known, regions.tolist(), strict=True):
        region = make_region(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, c=float(tracks.confidence[n]))
        outputs.append(topics.BODY_REGION.output(region, body_id))
    return outputs
