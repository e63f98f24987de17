"""Tracks some frames late, for those who can wait: later detections correct earlier boxes and close gaps.

The motion model is causal, so what a later frame says about an earlier one comes from a smoother of its own: for each
track a constant-velocity Kalman filter over the detections that the online tracker gave it in the last L + 1 frames,
and the Rauch-Tung-Striebel pass back (Rauch et al. 1965). Identities are those of the online tracker.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from dvae.compilation import kept_on_disk
from dvae.tracking.admission import valid_boxes
from dvae.tracking.boxes import sizes
from dvae.tracking.population import select
from dvae.tracking.tracks import Tracks, TrackState

Array = NDArray[np.float64]
ACCELERATION = 4.0  # standard deviation of white acceleration, box sizes per second^1.5
START_SPEED = 1.0  # standard deviation of the first velocity, box sizes per second


class SmoothedTracks(NamedTuple):
    """The tracks of a past frame. bridged (N,): not seen in that frame, but before it and after it; such people are
    visible too if their track is at another time."""

    time: float
    tracks: Tracks
    bridged: NDArray[np.bool_]


class LagSmoother:
    """`update` with the online tracker's result of each frame gives the smoothed result `lag_frames` before, once there
    is one; `flush` gives the rest. The cost of a frame grows with the lag and does not grow with time."""

    def __init__(self, lag_frames: int) -> None:
        if lag_frames < 1:
            raise ValueError(f"expected a lag of at least one frame, got {lag_frames}")
        self.lag_frames = lag_frames
        self._frames: deque[tuple[float, Tracks]] = deque()

    def reset(self) -> None:
        """Forget all frames."""
        self._frames.clear()

    def update(self, time: float, tracks: Tracks) -> SmoothedTracks | None:
        """The tracker's result at `time` in seconds -> that of `lag_frames` earlier; None while there is none. Tracks
        that no image can hold are left out."""
        self._frames.append((time, select(tracks, valid_boxes(tracks.boxes, None))))
        return self._oldest() if len(self._frames) > self.lag_frames else None

    def flush(self) -> list[SmoothedTracks]:
        """The frames that are still held, smoothed with the few that follow them."""
        rest = []
        while self._frames:
            rest.append(self._oldest())
        return rest

    def _oldest(self) -> SmoothedTracks:
        time, tracks = self._frames[0]
        frames = list(self._frames)
        count, length = len(tracks.track_id), len(frames)
        boxes, variance = np.zeros((count, length, 4)), np.ones((count, length, 4))
        seen, visible = np.zeros((count, length), dtype=bool), np.zeros((count, length), dtype=bool)
        confirmed = np.zeros(count, dtype=bool)
        for t, (_, later) in enumerate(frames):
            where, here = np.nonzero(tracks.track_id[:, None] == later.track_id)
            boxes[where, t], variance[where, t] = later.boxes[here], later.variance[here]
            seen[where, t] = later.time_since_detection[here] == 0
            visible[where, t] = later.visible[here]
            confirmed[where] |= later.state[here] != TrackState.TENTATIVE
        steps = np.diff([t for t, _ in frames])
        unit = np.square(sizes(tracks.boxes))
        start = np.stack([tracks.variance, START_SPEED**2 * unit, tracks.velocity])
        mean, spread = smooth_first(boxes, variance, seen, steps, ACCELERATION**2 * unit, start)
        state = np.where(seen[:, 0], TrackState.CONFIRMED, TrackState.OCCLUDED)
        bridged = ~seen[:, 0] & seen[:, 1:].any(axis=1)
        smoothed = tracks._replace(
            boxes=mean,
            variance=spread,
            visible=visible[:, 0] | ((seen[:, 0] | bridged) & visible.any(axis=1)),
            state=np.where(confirmed, state, TrackState.TENTATIVE),
        )
        self._frames.popleft()
        return SmoothedTracks(time, smoothed, bridged)


class Moments(NamedTuple):
    """Mean of position x and velocity v of one coordinate, and their covariance."""

    x: float
    v: float
    pxx: float
    pxv: float
    pvv: float


@kept_on_disk
@numba.njit()
def write(moments: Any, rows: Array, t: int) -> None:
    """Keep the moments as row t of (T, 5)."""
    rows[t, 0], rows[t, 1], rows[t, 2], rows[t, 3], rows[t, 4] = moments


@kept_on_disk
@numba.njit()
def read(rows: Array, t: int) -> Any:
    """The moments of row t of (T, 5)."""
    return Moments(rows[t, 0], rows[t, 1], rows[t, 2], rows[t, 3], rows[t, 4])


@kept_on_disk
@numba.njit()
def predict(now: Any, h: float, q: float) -> Any:
    """`h` seconds later, under white acceleration of power `q`."""
    pxx = now.pxx + 2.0 * h * now.pxv + h * h * now.pvv + q * h * h * h / 3.0
    pxv, pvv = now.pxv + h * now.pvv + q * h * h / 2.0, now.pvv + q * h
    return Moments(now.x + h * now.v, now.v, pxx, pxv, pvv)


@kept_on_disk
@numba.njit()
def update(prior: Any, seen: float, variance: float) -> Any:
    """Given a detection of the position."""
    total = prior.pxx + variance
    gain_x, gain_v, news = prior.pxx / total, prior.pxv / total, seen - prior.x
    return Moments(
        prior.x + gain_x * news,
        prior.v + gain_v * news,
        (1.0 - gain_x) * prior.pxx,
        (1.0 - gain_x) * prior.pxv,
        prior.pvv - gain_v * prior.pxv,
    )


@kept_on_disk
@numba.njit()
def smooth(now: Any, later: Any, h: float, q: float) -> Any:
    """Given also what follows: `later` is smoothed already, `h` seconds after `now` (Rauch et al. 1965)."""
    prior = predict(now, h, q)
    a, b, c = prior.pxx, prior.pxv, prior.pvv
    determinant = a * c - b * b
    # gain = P F^T (F P F^T + Q)^-1
    l0, l1 = now.pxx + h * now.pxv, now.pxv
    m0, m1 = now.pxv + h * now.pvv, now.pvv
    g00, g01 = (l0 * c - l1 * b) / determinant, (l1 * a - l0 * b) / determinant
    g10, g11 = (m0 * c - m1 * b) / determinant, (m1 * a - m0 * b) / determinant
    ex, ev = later.x - prior.x, later.v - now.v
    dxx, dxv, dvv = later.pxx - a, later.pxv - b, later.pvv - c
    return Moments(
        now.x + g00 * ex + g01 * ev,
        now.v + g10 * ex + g11 * ev,
        now.pxx + g00 * (g00 * dxx + g01 * dxv) + g01 * (g00 * dxv + g01 * dvv),
        now.pxv + g00 * (g10 * dxx + g11 * dxv) + g01 * (g10 * dxv + g11 * dvv),
        now.pvv + g10 * (g10 * dxx + g11 * dxv) + g11 * (g10 * dxv + g11 * dvv),
    )


@kept_on_disk
@numba.njit()
def smooth_first(
    boxes: Array, variance: Array, seen: NDArray[np.bool_], steps: Array, acceleration: Array, start: Array
) -> tuple[Array, Array]:
    """Mean and variance (N, 4) of the first of T frames given all of them.

    boxes, variance (N, T, 4): of the online tracker, used where seen (N, T), and in the first frame always; steps (T
    - 1,): seconds between frames; acceleration (N, 4): power of the white acceleration; start (3, N, 4): variance of
    the position and of the velocity, and mean of the velocity, in the first frame.
    """
    count, length = boxes.shape[0], boxes.shape[1]
    mean_out, variance_out = boxes[:, 0].copy(), variance[:, 0].copy()
    filtered = np.empty((length, 5))  # Moments given the frames so far
    for n in range(count):
        last = 0
        for t in range(1, length):
            if seen[n, t]:
                last = t
        for d in range(4):
            q = acceleration[n, d]
            now = Moments(boxes[n, 0, d], start[2, n, d], start[0, n, d], 0.0, start[1, n, d])
            for t in range(last):
                write(now, filtered, t)
                now = predict(now, steps[t], q)
                if seen[n, t + 1]:
                    now = update(now, boxes[n, t + 1, d], variance[n, t + 1, d])
            for t in range(last - 1, -1, -1):
                now = smooth(read(filtered, t), now, steps[t], q)
            mean_out[n, d], variance_out[n, d] = now.x, now.pxx
    return mean_out, variance_out
