"""What the tracker remembers of people, and named tuples of arrays as tables with a row for each."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = TypeVar("Rows", bound=tuple[Any, ...])


class Population(NamedTuple):
    """What is known of each track beside its motion, arrays over N in order of birth."""

    track_id: NDArray[np.int64]
    label: NDArray[np.int64]
    birth_time: Array
    seen_time: Array
    hits: NDArray[np.int64]
    in_a_row: NDArray[np.int64]  # frames with detection without a miss, up to the last one
    missed: NDArray[np.int64]  # frames without detection, up to the last one
    confirmed: NDArray[np.bool_]
    confidence: Array
    score: Array  # running mean of the scores of its detections
    agility: Array  # factor of the predicted variance in E-W, from how well the track was predicted so far
    recent: Array  # (N, 4 frames, 4), boxes of the last frames, the newest last


def select(rows: Rows, keep: NDArray[np.bool_]) -> Rows:
    """Those rows of a named tuple of arrays (N, ...) where `keep` (N,) is true."""
    return rows if keep.all() else type(rows)(*(part[keep] for part in rows))


def join(rows: Rows, others: Rows) -> Rows:
    """The rows of both."""
    return type(rows)(*(np.concatenate(pair) for pair in zip(rows, others, strict=True)))


def replaced(values: Array, where: NDArray[np.bool_], by: Array) -> Array:
    """A copy of `values` with others where `where` is true."""
    values = values.copy()
    values[where] = by
    return values


def rows_of(known: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each of `wanted` (M,) is in `known` (N,), unique ids -> (M,), -1 for those that are not."""
    if not len(known):
        return np.full(len(wanted), -1, dtype=np.int64)
    if np.array_equal(known, wanted):  # mostly
        return np.arange(len(known))
    order = np.argsort(known)
    place = np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)
    return np.where(known[order[place]] == wanted, order[place], -1)
