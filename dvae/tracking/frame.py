"""The detections of one frame: what was given, checked, and what is used of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvae.tracking.account import Account, account_of
from dvae.tracking.admission import Rule, judge
from dvae.tracking.boxes import Boxes, as_boxes, observation_variance
from dvae.tracking.config import TrackerConfig

Array = NDArray[np.float64]


class Frame(NamedTuple):
    """The K detections of one frame that are used."""

    boxes: Boxes  # (K, 4)
    variance: Array  # (K, 4), Phi
    scores: Array  # (K,)
    label: NDArray[np.int64]  # (K,)
    given_index: NDArray[np.int64]  # (K,), in the detections as given
    time: float  # seconds
    rate: float  # time step in frames of the training data
    account: Account = Account()  # of all detections as given

    @classmethod
    def empty(cls) -> Frame:
        """A frame without detections."""
        nobody = np.zeros(0, dtype=np.int64)
        return cls(np.zeros((0, 4)), np.zeros((0, 4)), np.zeros(0), nobody, nobody, 0.0, 1.0)


def one_each(name: str, values: ArrayLike, count: int) -> NDArray[Any]:
    """`values` as an array (count,); ValueError for another number."""
    array = np.asarray(values).reshape(-1)
    if len(array) != count:
        raise ValueError(f"expected one {name} per box, got {len(array)} {name}s for {count} boxes")
    return array


def whole(name: str, values: NDArray[Any]) -> NDArray[np.int64]:
    """`values` as integers; ValueError where one is none."""
    if values.dtype.kind not in "iub":
        values = values.astype(np.float64)
        if not (np.isfinite(values) & (values == np.round(values)) & (np.abs(values) < 2.0**62)).all():
            raise ValueError(f"expected whole numbers as {name}s, got {np.array2string(values, threshold=8)}")
    return values.astype(np.int64)


def choose_detections(
    boxes: ArrayLike,
    scores: ArrayLike | None,
    labels: ArrayLike | None,
    clock: tuple[float, float],
    config: TrackerConfig,
    image_size: tuple[float, float] | None,
) -> Frame:
    """The detections that dvae.tracking.admission admits, in the order given.

    clock: time in seconds, and the time step in frames of the training data. For the others see OnlineTracker.update.
    """
    given = as_boxes(boxes)
    score, label = np.ones(len(given)), np.zeros(len(given), dtype=np.int64)
    if scores is not None:
        score = one_each("score", scores, len(given)).astype(np.float64)
    if labels is not None:
        label = whole("label", one_each("label", labels, len(given)))
    rules = judge(given, score, label, config, image_size)
    index = np.flatnonzero(rules == Rule.USED)
    kept = given[index]
    variance = observation_variance(kept, config.observation_ratio)
    account = account_of(given, score, rules, config)
    return Frame(kept, variance, score[index], label[index], index, *clock, account)
