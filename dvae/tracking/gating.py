"""How well each track explains each detection, for the pairs that are near enough: the likelihood of E-W, compiled.

In place of eq. 3.25 of X. Lin (2024) a detection is weighed by its density given the past, N(o; prediction, Phi + P):
eq. 3.25 punishes a track for having become uncertain, and one that comes out of an occlusion is then not found again.
The density is that of the centre and the size of the box, because the four corners' errors are not independent: a
person who walks on moves two of them alike, and the height changes least of all.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from dvae.compilation import kept_on_disk
from dvae.distributions.gaussian import log_volume

Array = NDArray[np.float64]
Whole = NDArray[np.int64]


def centre_and_size_variance(variance: Array) -> Array:
    """Variance of x1, y1, x2, y2 (..., 4), independent -> of centre x, centre y, width, height."""
    total = variance[..., :2] + variance[..., 2:]
    return np.concatenate([total / 4.0, total], axis=-1)


def perfect_fit(variance: Array, spread: Array) -> Array:
    """(K,) log density of a detection exactly where a certain prediction has it; variance: Phi (K, 4)."""
    scaled = centre_and_size_variance(variance) * np.square(spread)
    return -0.5 * log_volume(scaled)


@kept_on_disk
@numba.njit()
def log_fit(
    boxes: Array,
    variance: Array,
    label: Whole,
    mean: Array,
    predicted_variance: Array,
    track_label: Whole,
    spread: Array,
    log_perfect: Array,
    margin: Array,
) -> Array:
    """(K, N) log density in nats of detections `boxes` with Phi `variance`, both (K, 4), under predictions (N, 4).

    -inf where the labels differ or it is more than `margin` (K,) nats below `log_perfect` (K,), see `perfect_fit`.
    spread (4,): factors of the standard deviations of centre x, centre y, width and height.
    """
    num_boxes, num_tracks = boxes.shape[0], mean.shape[0]
    fit = np.full((num_boxes, num_tracks), -np.inf)
    for k in range(num_boxes):
        for n in range(num_tracks):
            if label[k] != track_label[n]:
                continue
            squared, log_volume = 0.0, 0.0
            for d in range(4):  # centre first: most pairs are out of the gate after one or two
                axis = d % 2
                low, high = boxes[k, axis] - mean[n, axis], boxes[k, axis + 2] - mean[n, axis + 2]
                total = variance[k, axis] + predicted_variance[n, axis]
                total += variance[k, axis + 2] + predicted_variance[n, axis + 2]
                if d < 2:
                    innovation, total = 0.5 * (low + high), 0.25 * total
                else:
                    innovation = high - low
                total *= spread[d] * spread[d]
                squared += innovation * innovation / total
                log_volume += np.log(2.0 * np.pi * total)
                if squared > 2.0 * margin[k]:
                    break  # the volume can only make it worse: total variance is at least Phi
            value = -0.5 * (squared + log_volume)
            if squared <= 2.0 * margin[k] and value >= log_perfect[k] - margin[k]:
                fit[k, n] = value
    return fit
