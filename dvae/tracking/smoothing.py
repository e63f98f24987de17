"""Tracks some frames late, for those who can wait: later detections correct earlier boxes and close gaps.

The motion model is causal, so what a later frame says about an earlier one comes from a smoother of its own: for each
track a constant-velocity Kalman filter over the detections that the online tracker gave it in the last L + 1 frames,
and the Rauch-Tung-Striebel pass back (Rauch et al. 1965). Identities are those of the online tracker.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from dvae.tracking.boxes import sizes
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
        """The tracker's result at `time` in seconds -> that of `lag_frames` earlier; None while there is none."""
        self._frames.append((time, tracks))
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


@numba.njit(cache=True)
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
    x, v = np.zeros(length), np.zeros(length)
    pxx, pxv, pvv = np.zeros(length), np.zeros(length), np.zeros(length)
    for n in range(count):
        last = 0
        for t in range(1, length):
            if seen[n, t]:
                last = t
        for d in range(4):
            x[0], v[0] = boxes[n, 0, d], start[2, n, d]
            pxx[0], pxv[0], pvv[0] = start[0, n, d], 0.0, start[1, n, d]
            for t in range(1, last + 1):
                h, q = steps[t - 1], acceleration[n, d]
                a = pxx[t - 1] + 2.0 * h * pxv[t - 1] + h * h * pvv[t - 1] + q * h * h * h / 3.0
                b, c = pxv[t - 1] + h * pvv[t - 1] + q * h * h / 2.0, pvv[t - 1] + q * h
                x[t], v[t] = x[t - 1] + h * v[t - 1], v[t - 1]
                if seen[n, t]:
                    total = a + variance[n, t, d]
                    gain_x, gain_v, news = a / total, b / total, boxes[n, t, d] - x[t]
                    x[t], v[t] = x[t] + gain_x * news, v[t] + gain_v * news
                    a, b, c = (1.0 - gain_x) * a, (1.0 - gain_x) * b, c - gain_v * b
                pxx[t], pxv[t], pvv[t] = a, b, c
            sx, sv, sxx, sxv, svv = x[last], v[last], pxx[last], pxv[last], pvv[last]
            for t in range(last - 1, -1, -1):
                h, q = steps[t], acceleration[n, d]
                a = pxx[t] + 2.0 * h * pxv[t] + h * h * pvv[t] + q * h * h * h / 3.0
                b, c = pxv[t] + h * pvv[t] + q * h * h / 2.0, pvv[t] + q * h
                determinant = a * c - b * b
                # gain = P F^T (F P F^T + Q)^-1
                l0, l1 = pxx[t] + h * pxv[t], pxv[t]
                m0, m1 = pxv[t] + h * pvv[t], pvv[t]
                g00, g01 = (l0 * c - l1 * b) / determinant, (l1 * a - l0 * b) / determinant
                g10, g11 = (m0 * c - m1 * b) / determinant, (m1 * a - m0 * b) / determinant
                ex, ev = sx - (x[t] + h * v[t]), sv - v[t]
                dxx, dxv, dvv = sxx - a, sxv - b, svv - c
                sx, sv = x[t] + g00 * ex + g01 * ev, v[t] + g10 * ex + g11 * ev
                nxx = pxx[t] + g00 * (g00 * dxx + g01 * dxv) + g01 * (g00 * dxv + g01 * dvv)
                nxv = pxv[t] + g00 * (g10 * dxx + g11 * dxv) + g01 * (g10 * dxv + g11 * dvv)
                nvv = pvv[t] + g10 * (g10 * dxx + g11 * dxv) + g11 * (g10 * dxv + g11 * dvv)
                sxx, sxv, svv = nxx, nxv, nvv
            mean_out[n, d], variance_out[n, d] = sx, sxx
    return mean_out, variance_out
