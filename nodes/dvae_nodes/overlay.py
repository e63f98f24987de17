"""Node `overlay`: image + tracks -> image/annotated.

Images and tracks are paired by their stamps: by message_filters where it is installed, else by `ExactPairs`.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from dvae.configuration import setting
from dvae.vision.painter import TrackPainter
from dvae_nodes.lifecycle.node import PerceptionNode, run_nodes
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire.messages import LiveTypes, Output

PAIR_QUEUE = 30


@dataclass(frozen=True)
class OverlayConfig:
    """Settings of the overlay."""

    trail_length: int = setting(40, "positions in the trail of a track", unit="frames", minimum=1, maximum=1000)


Pair = tuple[Any, Any]  # an image and the tracks found in it


class ExactPairs:
    """Pairs messages of two topics with equal stamps, as message_filters.TimeSynchronizer does."""

    def __init__(self, queue_size: int) -> None:
        self._queue_size = queue_size
        self._queues: tuple[OrderedDict[int, Any], OrderedDict[int, Any]] = (OrderedDict(), OrderedDict())

    def add(self, side: int, message: Any) -> list[Pair]:
        """A message of topic 0 or 1 -> the pair that it completes, if any. The oldest leave a full queue."""
        stamp = convert.stamp_to_nanoseconds(message.header.stamp)
        partner = self._queues[1 - side].pop(stamp, None)
        if partner is not None:
            return [(message, partner) if side == 0 else (partner, message)]
        self._queues[side][stamp] = message
        if len(self._queues[side]) > self._queue_size:
            self._queues[side].popitem(last=False)
        return []


class FilteredPairs:
    """The same by message_filters. Pairs are handed out after its lock is free: it keeps the lock on an exception."""

    def __init__(self, queue_size: int) -> None:
        import message_filters  # only on a full ROS installation

        self._ready: list[Pair] = []
        self._sides = [message_filters.SimpleFilter(), message_filters.SimpleFilter()]
        self._synchroniser = message_filters.TimeSynchronizer(self._sides, queue_size)
        self._synchroniser.registerCallback(lambda image, tracks: self._ready.append((image, tracks)))

    def add(self, side: int, message: Any) -> list[Pair]:
        """As ExactPairs.add."""
        self._sides[side].signalMessage(message)
        ready, self._ready = self._ready, []
        return ready


def make_pairs() -> ExactPairs | FilteredPairs:
    """By message_filters where it is installed."""
    try:
        return FilteredPairs(PAIR_QUEUE)
    except ImportError:
        return ExactPairs(PAIR_QUEUE)


class OverlayNode(PerceptionNode):
    """Draws the tracks on the images they were found in."""

    configs = (OverlayConfig,)

    def __init__(self, **options: Any) -> None:
        super().__init__("overlay", **options)

    def build(self) -> dict[str, Any]:
        from dvae_perception.msg import TrackArray
        from sensor_msgs.msg import Image

        self._painter = TrackPainter(self.parameters.get(OverlayConfig).trail_length)
        self._pairs = make_pairs()
        self.announce(Image, "image/annotated")
        self.listen(Image, "image", lambda message: self._pair(0, message), depth=PAIR_QUEUE)
        self.listen(TrackArray, "tracks", lambda message: self._pair(1, message), depth=PAIR_QUEUE)
        return {"model": "none", "device": "cpu"}

    def _pair(self, side: int, message: Any) -> list[Output]:
        return [Output("image/annotated", self.draw(*pair)) for pair in self._pairs.add(side, message)]

    def draw(self, image: Any, tracks: Any) -> Any:
        """The image with its tracks, with the header of the image."""
        canvas = self._painter.draw(convert.image_from_message(image), tracks.tracks)
        return convert.image_to_message(LiveTypes(), image.header, canvas)

    def reset(self) -> None:
        self._painter = TrackPainter(self.parameters.get(OverlayConfig).trail_length)
        self._pairs = make_pairs()


def main() -> None:
    """Entry point."""
    run_nodes(lambda: [OverlayNode()])


if __name__ == "__main__":
    main()
