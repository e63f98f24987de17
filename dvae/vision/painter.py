"""Tracks drawn on an image: box, id, state, trail, how uncertain the position is, and who speaks."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from dvae.vision.colours import track_colour

Image = NDArray[np.uint8]
GREY, WHITE, BLACK = (150, 150, 150), (255, 255, 255), (0, 0, 0)
BUBBLE = 44, 24  # width and height of a speech bubble, pixels


class PaintedTrack(NamedTuple):
    """A track in one image, in pixels. is_tentative: not believed yet; is_hidden: not seen, the box is a prediction;
    speaking: the probability that they speak, 0 for who is silent.
    """

    track_id: int
    box: NDArray[np.float64]  # (4,): x1, y1, x2, y2
    variance: NDArray[np.float64]  # (4,)
    is_tentative: bool
    is_hidden: bool
    speaking: float = 0.0


class TrackPainter:
    """Remembers where people stood, to draw their trails."""

    def __init__(self, trail_length: int = 40) -> None:
        self.trail_length = trail_length
        self._trails: dict[int, deque[tuple[int, int]]] = {}

    def draw(self, image: Image, tracks: list[PaintedTrack]) -> Image:
        """A copy of the BGR image (H, W, 3) with `tracks`."""
        canvas = image.copy()
        ids = [track.track_id for track in tracks]
        self._trails = {i: self._trails.get(i, deque(maxlen=self.trail_length)) for i in ids}
        for track in tracks:
            box = np.round(track.box).astype(int)
            self._trails[track.track_id].append((int(box[0] + box[2]) // 2, int(box[3])))
            self._draw_track(canvas, track, box)
        for track in tracks:  # above all boxes
            if track.speaking > 0.0:
                draw_bubble(canvas, track.box, track.speaking)
        return canvas

    def _draw_track(self, canvas: Image, track: PaintedTrack, box: NDArray[np.int64]) -> None:
        x1, y1, x2, y2 = (int(v) for v in box)
        if track.is_tentative:
            cv2.rectangle(canvas, (x1, y1), (x2, y2), GREY, 1)
            return
        red, green, blue = track_colour(track.track_id)
        colour = int(255 * blue), int(255 * green), int(255 * red)
        trail = np.array(self._trails[track.track_id], dtype=np.int32).reshape(-1, 1, 2)
        cv2.polylines(canvas, [trail], False, colour, 1, cv2.LINE_AA)
        if not track.is_hidden:
            cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, 2)
        else:  # a prediction: thin box, and an ellipse of two standard deviations around its centre
            cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, 1)
            spread = 2.0 * np.sqrt(track.variance.reshape(2, 2).mean(axis=0))
            axes = (int(min(spread[0], 2000)), int(min(spread[1], 2000)))
            cv2.ellipse(canvas, ((x1 + x2) // 2, (y1 + y2) // 2), axes, 0, 0, 360, colour, 1, cv2.LINE_AA)
        label = f"{track.track_id}?" if track.is_hidden else f"{track.track_id}"
        (width, height), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
        top = max(y1, height + 6)
        cv2.rectangle(canvas, (x1, top - height - 6), (x1 + width + 6, top), colour, -1)
        cv2.putText(canvas, label, (x1 + 3, top - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)


def draw_bubble(canvas: Image, box: NDArray[np.float64], probability: float) -> None:
    """A speech bubble with the probability (in percent) over the head of the person in `box` (4,), inside the image."""
    width, height = BUBBLE
    mouth = round(float(box[0] + box[2]) / 2), round(float(box[1]))
    left = int(np.clip(mouth[0] + 8, 0, max(0, canvas.shape[1] - width - 1)))
    bottom = int(np.clip(mouth[1] - 14, height, canvas.shape[0] - 1))
    tail = np.array([[left + 8, bottom - 4], [left + 20, bottom - 4], mouth], dtype=np.int32)
    body = (left, bottom - height), (left + width, bottom)
    for colour, thickness in ((BLACK, 3), (WHITE, cv2.FILLED)):  # the outline of both, then both filled
        cv2.rectangle(canvas, *body, colour, thickness)
        cv2.drawContours(canvas, [tail], -1, colour, thickness, cv2.LINE_AA)
    text = f"{100 * probability:.0f}%"
    cv2.putText(canvas, text, (left + 3, bottom - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, BLACK, 1, cv2.LINE_AA)
