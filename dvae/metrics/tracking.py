"""Tracking scores: HOTA, MOTA, IDF1, identity switches, by TrackEval (standard scoring, IoU threshold 0.5)."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dvae.data.motchallenge import FrameBoxes
from dvae.tracking.boxes import iou


class TrackingScores(NamedTuple):
    """HOTA, DetA, AssA, MOTA, IDF1 in percent, and the number of identity switches."""

    hota: float
    deta: float
    assa: float
    mota: float
    idf1: float
    switches: int


def _pack(truth: Sequence[FrameBoxes], result: Sequence[FrameBoxes]) -> dict[str, Any]:
    """One sequence in the form that TrackEval's metrics read: ids counted from 0."""
    data: dict[str, Any] = {"num_timesteps": len(truth)}
    for name, frames in (("gt", truth), ("tracker", result)):
        known = sorted({int(i) for frame in frames for i in frame.ids})
        number = {track_id: index for index, track_id in enumerate(known)}
        data[f"{name}_ids"] = [np.array([number[int(i)] for i in frame.ids], dtype=int) for frame in frames]
        data[f"num_{name}_ids"] = len(known)
        data[f"num_{name}_dets"] = sum(len(frame.ids) for frame in frames)
    data["similarity_scores"] = [iou(t.boxes, r.boxes) for t, r in zip(truth, result, strict=True)]
    return data


def tracking_scores(sequences: dict[str, tuple[Sequence[FrameBoxes], Sequence[FrameBoxes]]]) -> TrackingScores:
    """Scores over all sequences together: name -> (ground truth, result), a FrameBoxes for each frame."""
    from trackeval.metrics import CLEAR, HOTA, Identity

    with contextlib.redirect_stdout(io.StringIO()):  # TrackEval prints its configuration
        metrics = {"HOTA": HOTA(), "CLEAR": CLEAR({"PRINT_CONFIG": False}), "Identity": Identity({"PRINT_CONFIG": False})}
        packed = {name: _pack(truth, result) for name, (truth, result) in sequences.items()}
        combined = {
            kind: metric.combine_sequences({name: metric.eval_sequence(data) for name, data in packed.items()})
            for kind, metric in metrics.items()
        }
    hota = combined["HOTA"]
    return TrackingScores(
        *(100.0 * float(np.mean(hota[name])) for name in ("HOTA", "DetA", "AssA")),
        100.0 * float(combined["CLEAR"]["MOTA"]),
        100.0 * float(combined["Identity"]["IDF1"]),
        int(combined["CLEAR"]["IDSW"]),
    )
