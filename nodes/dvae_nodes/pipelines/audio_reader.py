"""From messages on `audio` and `audio_info` to chunks whose format is known: the same for all who hear."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from dvae.configuration import setting
from dvae.signal.audio_input import AudioFormat
from dvae.signal.channel_choice import parse_channels
from dvae.signal.sample_formats import SAMPLE_FORMATS
from dvae_nodes.lifecycle.pipeline import handle
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.announced_format import USUAL_FORMAT, AnnouncedFormat
from dvae_nodes.wire import audio, topics
from dvae_nodes.wire.messages import MessageTypes

Result = TypeVar("Result")
AUDIO_QUEUE = 1000  # chunks, 10 s of 10 ms: audio must not be dropped while another callback runs


@dataclass(frozen=True)
class AudioConfig:
    """How audio comes in."""

    audio_type: str = setting(
        "auto",
        "message on `audio`: auto takes the one that is published there, AudioStamped, AudioDataStamped or AudioData",
        choices=("auto", "AudioStamped", "AudioDataStamped", "AudioData"),
    )
    sample_rate: int = setting(
        0, "rate of audio without format information, 0: wait for audio_info", unit="Hz", minimum=0, maximum=384000
    )
    num_channels: int = setting(1, "channels of audio without format information", minimum=1, maximum=64)
    sample_format: str = setting(
        "S16LE",
        f"format of audio without format information: {', '.join(SAMPLE_FORMATS)}, or as ALSA and ffmpeg spell it",
    )
    max_gap: float = setting(
        0.2,
        "lost audio becomes silence; where more is lost than this, or time goes back, it starts anew",
        unit="s",
        minimum=0.01,
    )


def check_channels(channels: str, num_microphones: int | None) -> None:
    """ValueError for a text that `parse_channels` does not read, or that does not choose one channel for each
    microphone (None: whatever there is)."""
    used = parse_channels(channels)
    if num_microphones is not None and used is not None and len(used) != num_microphones:
        expected = f"channels: expected {num_microphones} of them (microphone_positions)"
        raise ValueError(f"{expected}, got {len(used)} in {channels!r}")


class Received(NamedTuple):
    """A chunk and its format."""

    chunk: audio.AudioChunk
    format: AudioFormat


class AudioReader:
    """Of one topic. kinds: the types of its messages."""

    def __init__(self, types: MessageTypes, config: AudioConfig, reporter: Reporter) -> None:
        self._types, self._reporter = types, reporter
        self.kinds = audio.audio_kinds(types, config.audio_type)
        given = AudioFormat(config.sample_rate or USUAL_FORMAT.sample_rate, config.num_channels, config.sample_format)
        self._format = AnnouncedFormat(given if config.sample_rate else None, reporter)

    @property
    def known(self) -> AudioFormat | None:
        """The format of audio that comes without one."""
        return self._format.known

    def types_of(self, topic: topics.Topic) -> tuple[str, ...]:
        """As Pipeline.types_of, for topics of audio and of its format."""
        if topic.types == topics.AUDIO_KINDS:
            return self.kinds
        if topic.types == topics.AUDIO_INFO.types:
            return topic.types if audio.has_separate_info(self._types) and self.kinds[0] != audio.STAMPED else ()
        return topic.types

    def announce(self, message: Any) -> list[Received]:
        """The format of the chunks before and after it -> those that waited for it."""
        return self._received(self._format.announce(message))

    def read(self, message: Any, receive_time: int) -> list[Received]:
        """A chunk of either kind -> those that can be read now."""
        chunk = audio.chunk_from_message(message, receive_time)
        return [Received(chunk, chunk.format)] if chunk.format else self._received(self._format.admit(chunk))

    def give_up(self) -> list[Received]:
        """It ends before its format was announced: nothing is lost."""
        return self._received(self._format.give_up())

    def each(self, received: list[Received], work: Callable[[Received], list[Result]]) -> list[Result]:
        """What is made of chunks, where one that fails does not take the others with it."""
        found: list[Result] = []
        for one in received:
            found += handle(self._reporter, topics.AUDIO.name, lambda one=one: work(one)) or []  # type: ignore[misc]
        return found

    def _received(self, chunks: list[audio.AudioChunk]) -> list[Received]:
        known = self._format.known
        return [Received(chunk, chunk.format or known) for chunk in chunks if chunk.format or known]  # type: ignore[arg-type]
