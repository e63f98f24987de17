"""Chunks of audio whose format comes on a topic of its own, perhaps after them."""

from __future__ import annotations

from typing import Any

from dvae.signal.audio_clock import NANOSECONDS
from dvae.signal.audio_input import AudioFormat
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire.audio import AudioChunk, format_from_info

USUAL_FORMAT = AudioFormat(16000, 1)
MAX_WAITING_SECONDS = 6.0  # audio_capture repeats audio_info every 5 s
MAX_WAITING_CHUNKS = 10_000  # where the stamps do not tell how long it is


class AnnouncedFormat:
    """The format of audio that is announced on a topic of its own. Chunks that come before it are kept for a while;
    then the usual format is taken. A format that cannot be read makes chunks be ignored until another is announced."""

    def __init__(self, known: AudioFormat | None, reporter: Reporter) -> None:
        self.known, self._reporter = known, reporter
        self._refused = False
        self._waiting: list[AudioChunk] = []

    def announce(self, info: Any) -> list[AudioChunk]:
        """audio_common_msgs/AudioInfo of ros-drivers -> the chunks that waited for it."""
        waiting, self._waiting = self._waiting, []
        try:
            self.known, self._refused = format_from_info(info), False
        except ValueError as error:
            self._reporter.report("audio format", f"audio_info: {error}: audio ignored")
            self.known, self._refused = None, True
            return []
        return waiting

    def admit(self, chunk: AudioChunk) -> list[AudioChunk]:
        """A chunk without format -> those that can be read now, in order."""
        if self._refused:
            return []
        if self.known is not None:
            return [chunk]
        first = self._waiting[0].stamp if self._waiting else chunk.stamp
        too_long = (chunk.stamp - first) / NANOSECONDS >= MAX_WAITING_SECONDS
        if too_long or len(self._waiting) >= MAX_WAITING_CHUNKS:
            return [*self.give_up(), chunk]
        self._waiting.append(chunk)
        text = "audio: expected audio_info with the format, got none yet: audio is kept"
        self._reporter.report("waiting", text)
        return []

    def give_up(self) -> list[AudioChunk]:
        """Wait no longer: chunks that waited are taken to have the usual format."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self.known = USUAL_FORMAT
            text = "audio: got no audio_info: taking 16000 Hz, 1 channel, S16LE (set sample_rate)"
            self._reporter.report("no audio_info", text)
        return waiting
