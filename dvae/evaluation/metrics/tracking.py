"""Tracking scores by motmetrics (py-motmetrics): the CLEAR metrics and IDF1, standard scoring at IoU 0.5.

HOTA is not in motmetrics; TrackEval has it and reads what dvae-track writes (its package brings an OpenCV of its own,
which overwrites the one without a screen, so it is no dependency of ours).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.data.motchallenge import FrameBoxes
from dvae.tracking.boxes import Boxes, iou

NAMES = {
    "mota": "mota",
    "motp": "motp",
    "idf1": "idf1",
    "switches": "num_switches",
    "mostly_tracked": "mostly_tracked",
    "mostly_lost": "mostly_lost",
    "false_positives": "num_false_positives",
    "misses": "num_misses",
}


class TrackingScores(NamedTuple):
    """MOTA, MOTP (mean IoU of matches) and IDF1 in percent; numbers of switches, of people tracked for at least 80 %
    and for at most 20 % of their time, of false and of missed boxes."""

    mota: float
    motp: float
    idf1: float
    switches: int
    mostly_tracked: int
    mostly_lost: int
    false_positives: int
    misses: int


def overlap_distance(truth: Boxes, found: Boxes) -> NDArray[np.float64]:
    """1 - IoU of boxes (A, 4) and (B, 4), NaN for those that are no match: IoU below 0.5."""
    overlap = iou(truth, found)
    return np.where(overlap >= 0.5, 1.0 - overlap, np.nan)


def tracking_scores(
    sequences: Mapping[str, tuple[Sequence[FrameBoxes], Sequence[FrameBoxes]]],
    distance: Callable[[Boxes, Boxes], NDArray[np.float64]] = overlap_distance,
) -> TrackingScores:
    """Scores over all sequences together: name -> (ground truth, result), a FrameBoxes for each frame.

    distance: (A, 4), (B, 4) -> (A, B), NaN where two boxes are no match; MOTP has its meaning for 1 - IoU only.
    """
    import motmetrics

    accumulators = []
    for truth, result in sequences.values():
        accumulator = motmetrics.MOTAccumulator(auto_id=True)
        for wanted, found in zip(truth, result, strict=True):
            accumulator.update(wanted.ids, found.ids, distance(wanted.boxes, found.boxes))
        accumulators.append(accumulator)
    host = motmetrics.metrics.create()
    table = host.compute_many(accumulators, metrics=list(NAMES.values()), names=list(sequences), generate_overall=True)
    overall = table.loc["OVERALL"]
    value = {name: float(overall[column]) for name, column in NAMES.items()}
    return TrackingScores(
        100.0 * value["mota"],
        100.0 * (1.0 - value["motp"]),  # motmetrics gives the mean distance
        100.0 * value["idf1"],
        *(int(value[name]) for name in TrackingScores._fields[3:]),
    )
