"""The streaming enhancer with time: chunks with stamps in, enhanced speech with the stamps of its samples out."""

from __future__ import annotations

from typing import NamedTuple

from dvae.enhancement.activity import FrameActivity
from dvae.enhancement.streaming import StreamingEnhancer
from dvae.signal.audio_file import Audio
from dvae.signal.audio_input import AudioFormat
from dvae_nodes.pipelines.echo_reference import EchoReference
from dvae_nodes.pipelines.stamped_audio import Piece, StampedAudio
from dvae_nodes.wire.audio import AudioChunk


class Enhanced(NamedTuple):
    """Enhanced speech (S,) whose first sample is at `stamp` ns, the activity of the frames that became ready, and how
    the samples of the input were coded."""

    stamp: int
    frame_id: str
    waveform: Audio
    activity: list[FrameActivity]
    sample_type: str


class StampedEnhancer:
    """`add` chunks, `flush` at the end; nothing that was received is lost.

    audio: makes stretches of the chunks, for all channels of the enhancer's array or one. reference: what the
    loudspeaker plays, if the enhancer cancels echo.
    """

    def __init__(
        self, enhancer: StreamingEnhancer, audio: StampedAudio, reference: EchoReference | None = None
    ) -> None:
        self.enhancer, self.reference = enhancer, reference
        self._audio = audio

    def add(self, chunk: AudioChunk, audio_format: AudioFormat) -> list[Enhanced]:
        """What a chunk in this format completes. After an error the next chunk begins anew."""
        try:
            return self._enhanced(self._audio.add(chunk, audio_format))
        except Exception:
            self.reset()
            raise

    def flush(self) -> list[Enhanced]:
        """What is still inside, then start anew."""
        try:
            return self._enhanced(self._audio.end())
        except Exception:
            self.reset()
            raise

    def reset(self) -> None:
        """Forget the stretch."""
        self._audio.reset()
        self.enhancer.reset()

    def _enhanced(self, pieces: list[Piece]) -> list[Enhanced]:
        results: list[Enhanced] = []
        for piece in pieces:
            if piece.samples.size:
                results += self._feed(piece)
            if piece.is_last:
                first = self.enhancer.num_returned
                results += self._results(piece, self.enhancer.flush(), first)
        return results

    def _feed(self, piece: Piece) -> list[Enhanced]:
        """With the reference of the same time."""
        reference = None
        if self.reference is not None:
            reference = self.reference.take(piece.stamp, piece.samples.shape[1])
        waveform = self.enhancer.feed(piece.samples if self.enhancer.array else piece.samples[0], reference)
        return self._results(piece, waveform, self.enhancer.num_returned - waveform.size)

    def _results(self, piece: Piece, waveform: Audio, first: int) -> list[Enhanced]:
        """The samples from number `first` of the stretch on."""
        activity = self.enhancer.pop_activity()
        if not waveform.size:
            return []
        piece.clock.forget_before(first)
        return [Enhanced(piece.clock.stamp_of(first), piece.frame_id, waveform, activity, piece.sample_type)]
