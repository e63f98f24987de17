"""Standard scores of TrackEval: HOTA, CLEAR and identity metrics, IoU as similarity, no ignored regions."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dvae.data.motchallenge import FrameBoxes
from dvae.tracking.boxes import iou


def _metrics() -> list[Any]:
    from trackeval.metrics import CLEAR, HOTA, Identity

    quiet = {"PRINT_CONFIG": False}
    return [HOTA(), CLEAR(quiet), Identity(quiet)]


def score_sequence(truth: Sequence[FrameBoxes], found: Sequence[FrameBoxes]) -> dict[str, Any]:
    """Raw results of one sequence, for `combine`."""
    numbers: tuple[dict[int, int], dict[int, int]] = ({}, {})
    ids: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for side, frames in enumerate((truth, found)):
        for frame in frames:
            ids[side].append(np.array([numbers[side].setdefault(int(i), len(numbers[side])) for i in frame.ids], int))
    data = {
        "gt_ids": ids[0],
        "tracker_ids": ids[1],
        "similarity_scores": [iou(a.boxes, b.boxes) for a, b in zip(truth, found, strict=True)],
        "num_gt_ids": len(numbers[0]),
        "num_tracker_ids": len(numbers[1]),
        "num_gt_dets": sum(len(frame) for frame in ids[0]),
        "num_tracker_dets": sum(len(frame) for frame in ids[1]),
        "num_timesteps": len(truth),
    }
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        return {metric.get_name(): metric.eval_sequence(data) for metric in _metrics()}


COLUMNS = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "Recall", "Precision", "Switches")
CELLS = "".join(f"{{{name}:10.2f}}" for name in COLUMNS[:-1]) + f"{{{COLUMNS[-1]}:10.0f}}"  # of dvae.evaluation.table


def combine(results: Mapping[str, dict[str, Any]]) -> dict[str, float]:
    """Scores over all sequences together, in percent but for Switches."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        hota, clear, identity = (
            metric.combine_sequences({name: result[metric.get_name()] for name, result in results.items()})
            for metric in _metrics()
        )
    values = [hota["HOTA"].mean(), hota["DetA"].mean(), hota["AssA"].mean(), clear["MOTA"], identity["IDF1"]]
    values += [clear["CLR_Re"], clear["CLR_Pr"], clear["IDSW"] / 100]
    return {name: 100.0 * float(value) for name, value in zip(COLUMNS, values, strict=True)}
