"""OSPA-T: how far tracks are from the truth, in one number in pixels: places, numbers and identities together.

B. Ristic, B.-N. Vo, D. Clark, B.-T. Vo, "A metric for performance evaluation of multi-target tracking algorithms" (IEEE
TSP 2011). Tracks are first named after the people whom they follow best over the whole recording, one track for each.
Then every frame has the distance of D. Schuhmacher, B.-T. Vo, B.-N. Vo, "A consistent metric for performance
evaluation of multi-object filters" (IEEE TSP 2008), where a pair whose names differ is farther apart by the label
penalty, and none farther than the cut-off.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from dvae.data.motchallenge import FrameBoxes
from dvae.tracking.boxes import Boxes

Array = NDArray[np.float64]


def ospa_t(
    truth: Sequence[FrameBoxes],
    result: Sequence[FrameBoxes],
    cutoff: float = 65.0,
    label_penalty: float = 25.0,
    order: float = 2.0,
) -> Array:
    """OSPA-T (T,) of each frame in pixels, from 0 to `cutoff`; 0 where there is nobody and no track.

    truth, result: a FrameBoxes for each frame, of which the centres count. ValueError for different numbers of frames.
    """
    if len(truth) != len(result):
        raise ValueError(f"expected as many frames of tracks as of the truth, {len(truth)}, got {len(result)}")
    distances = [centre_distance(wanted.boxes, found.boxes) for wanted, found in zip(truth, result, strict=True)]
    names = _names(truth, result, [np.minimum(each, cutoff) ** order for each in distances], cutoff**order)
    values = np.zeros(len(truth))
    for t, (wanted, found, distance) in enumerate(zip(truth, result, distances, strict=True)):
        called = np.array([names.get(int(track), -1) for track in found.ids], dtype=np.int64)
        strange = np.not_equal.outer(wanted.ids, called) | (called == -1)
        cost = np.minimum(distance**order + label_penalty**order * strange, cutoff**order)
        values[t] = _ospa(cost, cutoff**order) ** (1.0 / order)
    return values


def centre_distance(a: Boxes, b: Boxes) -> Array:
    """Of the centres of boxes (A, 4) and (B, 4), (A, B) in pixels."""
    centres = [0.5 * (boxes[:, :2] + boxes[:, 2:]) for boxes in (a, b)]
    return np.asarray(np.linalg.norm(centres[0][:, None] - centres[1][None], axis=-1))


def _ospa(cost: Array, missing: float) -> float:
    """Mean cost (powers of distances) of the best pairs and of those without one; 0 for nobody."""
    fewest, most = min(cost.shape), max(cost.shape)
    rows, columns = linear_sum_assignment(cost)
    return float((cost[rows, columns].sum() + missing * (most - fewest)) / most) if most else 0.0


def _names(
    truth: Sequence[FrameBoxes], result: Sequence[FrameBoxes], costs: Sequence[Array], missing: float
) -> dict[int, int]:
    """Track -> person, one to one, so that the cost of all frames is least."""
    people, tracks = (np.unique(np.concatenate([np.zeros(0, np.int64), *(f.ids for f in x)])) for x in (truth, result))
    saved = np.zeros((len(people), len(tracks)))
    for wanted, found, cost in zip(truth, result, costs, strict=True):
        pairs = np.ix_(np.searchsorted(people, wanted.ids), np.searchsorted(tracks, found.ids))
        saved[pairs] += missing - cost
    rows, columns = linear_sum_assignment(-saved)
    return {int(tracks[c]): int(people[r]) for r, c in zip(rows, columns, strict=True)}
