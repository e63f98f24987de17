"""Pairs of messages with equal stamps, by message_filters where it is installed, else by `ExactPairs`."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from dvae_nodes.wire.conversions import stamp_to_nanoseconds

Pair = tuple[Any, Any]  # a message of topic 0 and one of topic 1


class ExactPairs:
    """Pairs messages of two topics with equal stamps, as message_filters.TimeSynchronizer does."""

    def __init__(self, queue_size: int) -> None:
        self._queue_size = queue_size
        self._queues: tuple[OrderedDict[int, Any], OrderedDict[int, Any]] = (OrderedDict(), OrderedDict())

    def add(self, side: int, message: Any) -> list[Pair]:
        """A message of topic 0 or 1 -> the pair that it completes, if any. The oldest leave a full queue."""
        stamp = stamp_to_nanoseconds(message.header.stamp)
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
        self._synchroniser.registerCallback(lambda first, second: self._ready.append((first, second)))

    def add(self, side: int, message: Any) -> list[Pair]:
        """As ExactPairs.add."""
        self._sides[side].signalMessage(message)
        ready, self._ready = self._ready, []
        return ready


def make_pairs(queue_size: int) -> ExactPairs | FilteredPairs:
    """By message_filters where it is installed."""
    try:
        return FilteredPairs(queue_size)
    except ImportError:
        return ExactPairs(queue_size)
