"""Node `overlay`: image + tracks -> image/annotated.

Images and tracks are paired by their stamps: by message_filters where it is installed, else by `ExactPairs`.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dvae_nodes import conversions as convert
from dvae_nodes.drawing import TrackPainter
from dvae_nodes.messages import LiveTypes, Output
from dvae_nodes.node import PerceptionNode, run_nodes

from dvae.configuration import setting

PAIR_QUEUE = 30


@dataclass(frozen=True)
class OverlayConfig:
    """Settings of the overlay."""

    trail_length: int = setting(40, "positions in the trail of a track", unit="frames", minimum=1, maximum=1000)


class ExactPairs:
    """Pairs messages of two topics with equal stamps, as message_filters.TimeSynchronizer does."""

    def __init__(self, callback: Callable[[Any, Any], None], queue_size: int) -> None:
        self._callback, self._queue_size = callback, queue_size
        self._queues: tuple[OrderedDict[int, Any], OrderedDict[int, Any]] = (OrderedDict(), OrderedDict())

    def add(self, side: int, message: Any) -> None:
        """A message of topic 0 or 1; calls back when its partner is there. The oldest leave a full queue."""
        stamp = convert.stamp_to_nanoseconds(message.header.stamp)
        partner = self._queues[1 - side].pop(stamp, None)
        if partner is not None:
            self._callback(*((message, partner) if side == 0 else (partner, message)))
            return
        self._queues[side][stamp] = message
        if len(self._queues[side]) > self._queue_size:
            self._queues[side].popitem(last=False)


def make_pairs(callback: Callable[[Any, Any], None]) -> Callable[[int, Any], None]:
    """A function (side, message) that pairs by stamp: message_filters where installed."""
    try:
        import message_filters
    except ImportError:
        return ExactPairs(callback, PAIR_QUEUE).add
    sides = [message_filters.SimpleFilter(), message_filters.SimpleFilter()]
    synchroniser = message_filters.TimeSynchronizer(sides, PAIR_QUEUE)
    synchroniser.registerCallback(callback)
    return lambda side, message: sides[side].signalMessage(message)


class OverlayNode(PerceptionNode):
    """Draws the tracks on the images they were found in."""

    configs = (OverlayConfig,)

    def __init__(self, **options: Any) -> None:
        super().__init__("overlay", **options)

    def build(self) -> dict[str, Any]:
        from dvae_perception.msg import TrackArray
        from sensor_msgs.msg import Image

        self._painter = TrackPainter(self.parameters.get(OverlayConfig).trail_length)
        self._add = make_pairs(self.on_pair)
        self.announce(Image, "image/annotated")
        self.listen(Image, "image", lambda message: self._pair(0, message), depth=PAIR_QUEUE)
        self.listen(TrackArray, "tracks", lambda message: self._pair(1, message), depth=PAIR_QUEUE)
        return {"model": "none", "device": "cpu"}

    def _pair(self, side: int, message: Any) -> list[Output]:
        self._add(side, message)
        return []

    def on_pair(self, image: Any, tracks: Any) -> None:
        """Draw and publish, with the header of the image."""
        began = time.perf_counter()
        canvas = self._painter.draw(convert.image_from_message(image), tracks.tracks)
        annotated = convert.image_to_message(LiveTypes(), image.header, canvas)
        self.publish_outputs([Output("image/annotated", annotated)])
        self.meter("tracks").add(time.perf_counter() - began, None)

    def reset(self) -> None:
        self._painter = TrackPainter(self.parameters.get(OverlayConfig).trail_length)
        self._add = make_pairs(self.on_pair)


def main() -> None:
    """Entry point."""
    run_nodes(lambda: [OverlayNode()])


if __name__ == "__main__":
    main()
