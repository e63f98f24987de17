"""What the node `enhancer` and `dvae-replay` both run: audio in, clean speech out. No ROS is needed here."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr

from dvae.arrays.echo_canceller import EchoConfig
from dvae.configuration import setting
from dvae.enhancement.activity import ActivityConfig
from dvae.enhancement.config import PRESETS
from dvae.enhancement.microphones import MicrophoneConfig
from dvae.enhancement.streaming import EnhancerSettings, StreamingEnhancer
from dvae.signal.audio_file import Audio
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.reference import Reference
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire import voices
from dvae_nodes.wire.messages import MessageTypes, Output


@dataclass(frozen=True)
class EnhancerNodeConfig:
    """Settings of the enhancer node beside those of the algorithm."""

    preset: str = setting(
        "quality", "quality (80 ms) or low_latency (32 ms): the shipped model that is used", choices=tuple(PRESETS)
    )
    model: str = setting("", "speech model instead of the preset's: name of a shipped one, or a folder")
    sample_rate: int = setting(
        0, "rate of audio without format information, 0: wait for audio_info", unit="Hz", minimum=0, maximum=384000
    )
    channels: int = setting(1, "channels of audio without format information", minimum=1, maximum=64)
    sample_format: str = setting(
        "S16LE", "format of audio without format information", choices=tuple(convert.SAMPLE_TYPES)
    )
    cancel_echo: bool = setting(False, "take what the topic `reference` plays out of the microphones")
    ros4hri: bool = setting(False, "publish /humans/voices (needs hri_msgs) with one anonymous voice")
    voice_prefix: str = setting("v", "letters before the number in the ROS4HRI id of the voice")
    max_gap: float = setting(
        0.2, "stamps further from their expected time than this mean lost audio", unit="s", minimum=0.01
    )


MIN_LOST_SECONDS = 0.01  # shorter gaps are jitter of the stamps
MAX_WAITING_SECONDS = 6.0  # audio_capture repeats audio_info every 5 s


class EnhancerPipeline:
    """Audio of either audio_common_msgs -> enhanced audio of the same kind at 16 kHz, and SpeechActivity."""

    def __init__(
        self,
        types: MessageTypes,
        node: EnhancerNodeConfig,
        settings: EnhancerSettings,
        activity: ActivityConfig,
        reporter: Reporter,
        microphones: MicrophoneConfig | None = None,
        echo: EchoConfig | None = None,
    ) -> None:
        self.types, self.node, self.reporter = types, node, reporter
        self.microphones = microphones or MicrophoneConfig()
        if self.microphones.channel_mode in ("delay_and_sum", "mvdr") and not self.microphones.uses_array:
            raise ValueError(f"channel_mode {self.microphones.channel_mode}: expected microphone_positions, got none")
        self.enhancer = StreamingEnhancer.load(
            node.model or node.preset,
            settings,
            activity,
            self.microphones if self.microphones.uses_array else None,
            (echo or EchoConfig()) if node.cancel_echo else None,
        )
        self.reference = Reference(self.enhancer.stft.sample_rate)
        self._reference_format: convert.AudioFormat | None = None
        self._reference_rest = b""  # bytes of an incomplete sample
        silence = np.zeros((self.enhancer.num_channels, 16000), dtype=np.float32)
        self.enhancer.feed(silence if self.enhancer.array else silence[0])  # the first calls are slow: now, not then
        self.enhancer.reset()
        self._known_format = self._fixed_format()
        self._refused = False  # the announced format cannot be read
        self._listed = False  # the voice is on the list of ROS4HRI
        self._waiting: list[tuple[Any, int]] = []
        self._first_waiting: int | None = None
        self._start()

    def _fixed_format(self) -> convert.AudioFormat | None:
        node = self.node
        return convert.AudioFormat(node.sample_rate, node.channels, node.sample_format) if node.sample_rate else None

    def _start(self) -> None:
        """State of a stretch of audio without gaps."""
        self._format: convert.AudioFormat | None = None
        self._resampler: Any = None
        self._rest = b""  # bytes of an incomplete sample
        self._num_samples = 0  # fed, at the input rate
        self._anchors: deque[tuple[float, int]] = deque()  # output sample index and stamp of each chunk's start
        self._next_stamp: int | None = None
        self._frame_id = ""

    def configure(self, settings: EnhancerSettings, activity: ActivityConfig) -> None:
        """Take over changed settings; the stream goes on."""
        self.enhancer.settings = settings
        self.enhancer.activity.config = activity

    def on_robot_speaking(self, message: Any) -> list[Output]:
        """std_msgs/Bool: whether the robot itself speaks or moves loudly now."""
        self.enhancer.activity.robot_speaks = bool(message.data)
        return []

    def on_reference_info(self, message: Any) -> list[Output]:
        """The format of the reference, where it is another than that of the microphones."""
        found = convert.format_from_info(message)
        if found != self._reference_format:  # it is repeated every few seconds
            self._reference_format, self._reference_rest = found, b""
        return []

    def on_reference(self, message: Any, receive_time: int) -> list[Output]:
        """What the loudspeaker plays, either kind of audio, stamped with the time of its first sample."""
        header = getattr(message, "header", None)
        stamp = convert.stamp_to_nanoseconds(header.stamp) if header is not None else receive_time
        audio = getattr(message, "audio", message)
        try:
            if hasattr(audio, "info"):
                samples, found = convert.decode_portaudio(audio)
            else:
                known = self._reference_format or self._known_format
                if known is None:
                    raise ValueError("expected reference_info or audio_info with the format, got none yet")
                data = self._reference_rest + bytes(audio.data)
                samples, self._reference_rest = convert.decode_bytes(data, known)
                found = known
            samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
            self.reference.add(samples.mean(axis=0), found.sample_rate, stamp)
        except ValueError as error:
            self.reporter.report("reference", f"reference: {error}: chunk ignored")
        return []

    # ------------------------------------------------------------------ input

    def on_info(self, message: Any) -> list[Output]:
        """audio_common_msgs/AudioInfo of ros-drivers: the format of the chunks before and after it."""
        try:
            self._known_format, self._refused = convert.format_from_info(message), False
        except ValueError as error:
            self.reporter.report("audio format", f"audio_info: {error}: audio ignored")
            self._known_format, self._refused = None, True
            self._waiting.clear()
            self._first_waiting = None
            return []
        return self._process_waiting()

    def _process_waiting(self) -> list[Output]:
        """What came before its format was known."""
        waiting, self._waiting, self._first_waiting = self._waiting, [], None
        return [output for chunk, stamp in waiting for output in self.on_audio(chunk, stamp)]

    def on_audio(self, message: Any, receive_time: int) -> list[Output]:
        """A chunk of either kind, received at `receive_time` ns (used where it has no stamp)."""
        header = getattr(message, "header", None)
        stamp = convert.stamp_to_nanoseconds(header.stamp) if header is not None else receive_time
        frame_id = header.frame_id if header is not None else ""
        try:
            audio = getattr(message, "audio", message)
            if hasattr(audio, "info"):
                self._kind = "AudioStamped"
                samples, found = convert.decode_portaudio(audio)
                return self._samples(samples, found, stamp, frame_id)
            self._kind = "AudioDataStamped" if header is not None else "AudioData"
            if self._known_format is None and not self._is_format_overdue(message, stamp):
                return []
            assert self._known_format is not None
            outputs = self._process_waiting() + self._break_at(self._known_format, stamp)
            data = self._rest + bytes(audio.data)
            samples, self._rest = convert.decode_bytes(data, self._known_format)
            return outputs + self._samples(samples, self._known_format, stamp, frame_id)
        except ValueError as error:
            self.reporter.report("audio", f"audio: {error}: chunk ignored")
            return []

    def _is_format_overdue(self, message: Any, stamp: int) -> bool:
        """Keep audio until its format is known; after a while take the usual one. True when the format is known now."""
        if self._refused:
            return False
        self._first_waiting = stamp if self._first_waiting is None else self._first_waiting
        if (stamp - self._first_waiting) / convert.NANOSECONDS < MAX_WAITING_SECONDS:
            self._waiting.append((message, stamp))
            self.reporter.report("waiting", "audio: expected audio_info with the format, got none yet: audio is kept")
            return False
        self._take_usual_format()
        return True

    def _take_usual_format(self) -> None:
        self._known_format = convert.AudioFormat(16000, 1)
        self.reporter.report(
            "no audio_info", "audio: got no audio_info: taking 16000 Hz, 1 channel, S16LE (set sample_rate)"
        )

    # ------------------------------------------------------------------ processing

    def _break_at(self, audio_format: convert.AudioFormat, stamp: int) -> list[Output]:
        """End the stretch when the format changes or the stamp shows that audio is missing or time went back."""
        cause = ""
        if self._format not in (None, audio_format):
            cause = f"format changed from {self._format} to {audio_format}"
        elif self._next_stamp is not None:
            gap = (stamp - self._next_stamp) / convert.NANOSECONDS
            if abs(gap) > self.node.max_gap:
                cause = f"expected a stamp near {self._next_stamp} ns, got {stamp} ns ({gap:+.3f} s)"
        if not cause:
            return []
        self.reporter.report("audio gap", f"audio: {cause}: what was received is finished, then starting anew")
        return self.finish()

    def _samples(self, samples: Audio, audio_format: convert.AudioFormat, stamp: int, frame_id: str) -> list[Output]:
        """Channels (C, S) of one chunk."""
        outputs = self._break_at(audio_format, stamp)
        if self.enhancer.array and len(samples) != self.enhancer.num_channels:
            expected = f"{self.enhancer.num_channels} channels (microphone_positions)"
            self.reporter.report("array", f"audio: expected {expected}, got {len(samples)}: chunk ignored")
            return outputs  # not an error: what was finished before it goes out
        samples = self._choose_channels(samples)
        wrong = ~np.isfinite(samples)
        if wrong.any():
            self.reporter.report(
                "samples", f"audio: expected finite samples, got {int(wrong.sum())} NaN: taken as silence"
            )
            samples = np.where(wrong, np.float32(0.0), samples)
        rate, target = audio_format.sample_rate, self.enhancer.stft.sample_rate
        if self._format is None:
            self._format = audio_format
            if rate != target:
                self._resampler = soxr.ResampleStream(rate, target, len(samples), dtype="float32")
                self.reporter.report("rate", f"audio: expected {target} Hz, got {rate} Hz: resampled")
        count = samples.shape[1]
        outputs += self._fill_lost(stamp, rate, count, len(samples))
        self._frame_id = frame_id
        self._anchors.append((self._num_samples * target / rate, stamp))
        self._num_samples += count
        self._next_stamp = stamp + count * convert.NANOSECONDS // rate
        return outputs + self._feed(self._resampled(samples))

    def _choose_channels(self, samples: Audio) -> Audio:
        """(C, S) -> what the enhancer is fed: all channels of the array, or one."""
        count, config = len(samples), self.microphones
        if self.enhancer.array:
            return samples
        if count > 1 and self._format is None:  # once for each stretch
            chosen = "the first" if config.channel_mode == "first" else "their mean"
            self.reporter.report("channels", f"audio: expected 1 channel, got {count}: {chosen} is enhanced")
        return samples[:1] if config.channel_mode == "first" else samples.mean(axis=0, keepdims=True)

    def _resampled(self, samples: Audio, last: bool = False) -> Audio:
        """(C, S) at the rate of the input -> (C, S') at the rate of the model."""
        if self._resampler is None:
            return samples
        found = self._resampler.resample_chunk(np.ascontiguousarray(samples.T), last=last)
        return np.asarray(found, dtype=np.float32).reshape(-1, len(samples)).T

    def _feed(self, samples: Audio) -> list[Output]:
        """(C, S) at the rate of the model, with the reference of the same time."""
        reference = None
        if self.enhancer.echo is not None and self._anchors:
            index, stamp = self._anchors[-1]
            start = stamp + round((self.enhancer.num_fed - index) * convert.NANOSECONDS / self.reference.rate)
            reference = self.reference.take(start, samples.shape[1])
            if not self.reference.num_received:
                self.reporter.report("no reference", "reference: expected what the loudspeaker plays, got nothing yet")
        return self._results(self.enhancer.feed(samples if self.enhancer.array else samples[0], reference))

    def _fill_lost(self, stamp: int, rate: int, num_samples: int, num_channels: int) -> list[Output]:
        """Silence for a chunk that was lost, so that what follows keeps its place; stamps may jitter by less."""
        if self._next_stamp is None:
            return []
        gap = (stamp - self._next_stamp) * rate // convert.NANOSECONDS  # samples
        if gap < max(0.75 * num_samples, MIN_LOST_SECONDS * rate):
            return []
        self.reporter.report(
            "lost audio",
            f"audio: expected a chunk at {self._next_stamp} ns, got one at {stamp} ns: "
            f"{gap / rate:.3f} s are lost and replaced by silence",
        )
        self._num_samples += gap
        return self._feed(self._resampled(np.zeros((num_channels, gap), dtype=np.float32)))

    def finish(self) -> list[Output]:
        """What is still inside, then start anew (end of the audio, a gap, deactivation)."""
        outputs: list[Output] = []
        if self._waiting:  # it ends before its format was announced: what was received is not lost
            self._take_usual_format()
            outputs += self._process_waiting()
        if self._resampler is not None:
            outputs += self._feed(
                self._resampled(np.zeros((self.enhancer.num_channels, 0), dtype=np.float32), last=True)
            )
        first = self.enhancer.num_returned
        outputs += self._results(self.enhancer.flush(), first)
        self._start()
        return outputs

    def _results(self, waveform: Audio, first: int | None = None) -> list[Output]:
        frames = self.enhancer.pop_activity()
        if not waveform.size:
            return []
        first = self.enhancer.num_returned - waveform.size if first is None else first
        while len(self._anchors) > 1 and self._anchors[1][0] <= first:
            self._anchors.popleft()
        index, stamp = self._anchors[0]
        rate = self.enhancer.stft.sample_rate
        stamp += round((first - index) * convert.NANOSECONDS / rate)
        header = convert.make_header(self.types, stamp, self._frame_id)
        outputs = [Output("audio/enhanced", self._audio_message(header, waveform))]
        if frames:
            duration = waveform.size / rate
            activity = convert.activity_to_message(self.types, header, frames, duration)
            outputs.append(Output("speech_activity", activity))
            if self.node.ros4hri:
                if not self._listed:
                    self._listed = True
                    outputs.append(voices.tracked(self.types, header, [self.voice_id]))
                outputs += voices.voice(self.types, self.voice_id, waveform, rate, activity.speaking)
        return outputs

    def close(self) -> list[Output]:
        """What is still inside, and that the voice is gone."""
        outputs = self.finish()
        if self._listed:
            self._listed = False
            header = outputs[0].message.header if outputs and hasattr(outputs[0].message, "header") else None
            outputs.append(voices.tracked(self.types, header or convert.make_header(self.types, 0, ""), []))
        return outputs

    @property
    def voice_id(self) -> str:
        """The one anonymous voice of this microphone."""
        return f"{self.node.voice_prefix}1"

    def _audio_message(self, header: Any, waveform: Audio) -> Any:
        if self._kind == "AudioStamped":
            return convert.portaudio_message(self.types, header, waveform, self.enhancer.stft.sample_rate)
        data = convert.audio_bytes_message(self.types, waveform)
        if self._kind == "AudioData":
            return data
        return self.types.make("audio_common_msgs/AudioDataStamped", header=header, audio=data)

    def enhanced_info(self) -> Output:
        """The format of audio/enhanced, for the kind of audio_common_msgs that sends it apart."""
        return Output("audio/enhanced_info", convert.audio_info_message(self.types, self.enhancer.stft.sample_rate))
