"""Chunks of audio whose format comes on a topic of its own, perhaps after them."""

from __future__ import annotations

from collections import deque
from typing import Any

from dvae.signal.audio_clock import NANOSECONDS
from dvae.signal.audio_input import AudioFormat
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire.audio import AudioChunk, format_from_info

USUAL_FORMAT = AudioFormat(16000, 1)
MAX_WAITING_SECONDS = 6.0  # audio_capture repeats audio_info every 5 s
MAX_WAITING_BYTES = 2**22  # 5 s of eight channels at 48 kHz in 16 bits
MAX_WAITING_CHUNKS = 10_000


class AnnouncedFormat:
    """The format of audio that is announced on a topic of its own.

    Chunks that come before it are kept for a while; then the usual format is taken. What is too much to keep leaves,
    the oldest first. A format that cannot be read leaves the one before; where there is none, chunks are ignored until
    another is announced.
    """

    def __init__(self, known: AudioFormat | None, reporter: Reporter) -> None:
        self.known, self._reporter = known, reporter
        self._refused = False
        self._waiting: deque[AudioChunk] = deque()
        self._num_bytes = 0  # of those that wait
        self._first: AudioChunk | None = None  # that had to wait, though it may have left since

    def announce(self, info: Any) -> list[AudioChunk]:
        """audio_common_msgs/AudioInfo of ros-drivers -> the chunks that waited for it."""
        waiting = self._take_waiting()
        try:
            self.known = format_from_info(info)
        except ValueError as error:
            instead = f"audio is still taken as {self.known}" if self.known else "audio ignored"
            self._reporter.report("audio format", f"audio_info: {error}: {instead}")
        self._refused = self.known is None
        return [] if self._refused else waiting

    def admit(self, chunk: AudioChunk) -> list[AudioChunk]:
        """A chunk without format -> those that can be read now, in order."""
        if self._refused:
            return []
        if self.known is not None:
            return [chunk]
        self._first = self._first or chunk
        if _seconds_between(self._first, chunk) >= MAX_WAITING_SECONDS:
            return [*self.give_up(), chunk]
        self._keep(chunk)
        text = "audio: expected audio_info with the format, got none yet: audio is kept"
        self._reporter.report("waiting", text)
        return []

    def give_up(self) -> list[AudioChunk]:
        """Wait no longer: chunks that waited are taken to have the usual format."""
        waiting = self._take_waiting()
        if waiting:
            self.known = USUAL_FORMAT
            text = "audio: got no audio_info: taking 16000 Hz, 1 channel, S16LE (set sample_rate)"
            self._reporter.report("no audio_info", text)
        return waiting

    def _take_waiting(self) -> list[AudioChunk]:
        waiting, self._num_bytes, self._first = list(self._waiting), 0, None
        self._waiting.clear()
        return waiting

    def _keep(self, chunk: AudioChunk) -> None:
        self._waiting.append(chunk)
        self._num_bytes += len(chunk.data)
        while self._num_bytes > MAX_WAITING_BYTES or len(self._waiting) > MAX_WAITING_CHUNKS:
            self._num_bytes -= len(self._waiting.popleft().data)
            kept = f"{MAX_WAITING_BYTES} bytes or {MAX_WAITING_CHUNKS} chunks"
            text = f"audio: expected audio_info before {kept} had to wait for it, got more: the oldest is dropped"
            self._reporter.report("waiting too long", text)


def _seconds_between(first: AudioChunk, second: AudioChunk) -> float:
    """By their stamps or by their arrival, whichever is more."""
    received = second.receive_time - first.receive_time
    stamped = second.stamp - first.stamp if first.stamp is not None and second.stamp is not None else 0
    return max(received, stamped) / NANOSECONDS
