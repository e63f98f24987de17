"""Audio of either audio_common_msgs in, clean speech of the same kind at 16 kHz and speech activity out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dvae.arrays.echo_canceller import EchoConfig
from dvae.configuration import setting
from dvae.enhancement.activity import ActivityConfig
from dvae.enhancement.config import PRESETS
from dvae.enhancement.microphones import MicrophoneConfig
from dvae.enhancement.streaming import EnhancerSettings, StreamingEnhancer
from dvae.signal.audio_input import AudioFormat
from dvae.signal.sample_formats import output_format
from dvae_nodes.lifecycle.pipeline import Input, OutputTopic, Pipeline, Settings
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.audio_reader import AUDIO_QUEUE, AudioConfig, AudioReader, Received, check_channels
from dvae_nodes.pipelines.echo_reference import EchoReference
from dvae_nodes.pipelines.stamped_audio import StampedAudio
from dvae_nodes.pipelines.stamped_enhancer import Enhanced, StampedEnhancer
from dvae_nodes.wire import audio, topics, voices
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire.messages import MessageTypes, Output

ANNOUNCED_FIRST = "S16LE"  # how enhanced audio is coded where nothing was said of it yet


@dataclass(frozen=True)
class EnhancerNodeConfig(AudioConfig):
    """Settings of the enhancer node beside those of the algorithm."""

    preset: str = setting(
        "quality", "quality (80 ms) or low_latency (32 ms): the shipped model that is used", choices=tuple(PRESETS)
    )
    model: str = setting("", "speech model instead of the preset's: name of a shipped one, or a folder")
    cancel_echo: bool = setting(False, "take what the topic `reference` plays out of the microphones")
    ros4hri: bool = setting(False, "publish /humans/voices (needs hri_msgs) with one anonymous voice")
    voice_prefix: str = setting("v", "letters before the number in the ROS4HRI id of the voice")


def make_enhancer(settings: Settings) -> StreamingEnhancer:
    """The enhancer that the settings describe, warm; ValueError for settings that do not fit together."""
    node, microphones = settings[EnhancerNodeConfig], settings[MicrophoneConfig]
    if microphones.channel_mode in ("delay_and_sum", "mvdr") and not microphones.uses_array:
        raise ValueError(f"channel_mode {microphones.channel_mode}: expected microphone_positions, got none")
    check_channels(microphones.channels, len(microphones.positions()) if microphones.uses_array else None)
    enhancer = StreamingEnhancer.load(
        node.model or node.preset,
        settings[EnhancerSettings],
        settings[ActivityConfig],
        microphones if microphones.uses_array else None,
        settings[EchoConfig] if node.cancel_echo else None,
    )
    silence = np.zeros((enhancer.num_channels, 16000), dtype=np.float32)
    enhancer.feed(silence if enhancer.array else silence[0])  # the first calls are slow: now, not then
    enhancer.reset()
    return enhancer


class EnhancerPipeline(Pipeline):
    """Cleans the speech of one microphone, or of one array of them, and says when there is any."""

    name = "enhancer"
    configs = (EnhancerNodeConfig, EnhancerSettings, ActivityConfig, MicrophoneConfig, EchoConfig)
    outputs = (
        OutputTopic(
            topics.ENHANCED,
            "clean speech, of the kind that came in, 16 kHz mono, floats where floats came in",
            follows=topics.AUDIO,
        ),
        OutputTopic(topics.ENHANCED_INFO, "its format, for the kind that sends it apart"),
        OutputTopic(topics.SPEECH_ACTIVITY, "probability of speech, decision, level, ratio to noise, direction"),
        OutputTopic(topics.VOICES, "the ids of all voices: one, anonymous", when="ros4hri"),
        OutputTopic(topics.VOICE_SPEAKING, "whether the voice speaks", when="ros4hri"),
        OutputTopic(topics.VOICE_AUDIO, "the voice, clean, 16 bit 16 kHz mono", when="ros4hri"),
        OutputTopic(topics.VOICE_FEATURES, "pitch, harmonicity, loudness, cepstrum", when="ros4hri"),
    )

    def __init__(self, types: MessageTypes, settings: Settings, reporter: Reporter) -> None:
        super().__init__(types, settings, reporter)
        node = settings[EnhancerNodeConfig]
        self._audio = AudioReader(types, node, reporter)
        self.enhancer = make_enhancer(settings)
        self.rate = self.enhancer.stft.sample_rate
        self.reference = EchoReference(self.rate, reporter) if node.cancel_echo else None
        self._stream = StampedEnhancer(self.enhancer, self._make_input(), self.reference)
        self._reference_format: AudioFormat | None = None
        self._kind = self._audio.kinds[0]  # of what comes in, and so of what goes out
        self._told_format = ANNOUNCED_FIRST  # of the samples that go out
        self._listed = False  # the voice is on the list of ROS4HRI
        self.voice_id = f"{node.voice_prefix}1"  # the one anonymous voice of this microphone
        if node.ros4hri and not audio.has_plain_data(types):
            text = "ros4hri: expected AudioData of ros-drivers, got another: no voice audio"
            reporter.report("voice audio", text)

    def _make_input(self) -> StampedAudio:
        node, microphones = self.settings[EnhancerNodeConfig], self.settings[MicrophoneConfig]
        if microphones.uses_array:
            count = self.enhancer.num_channels
            return StampedAudio(self.rate, "all", node.max_gap, self.reporter, count, microphones.channels)
        channels = "first" if microphones.channel_mode == "first" else "mean"
        return StampedAudio(self.rate, channels, node.max_gap, self.reporter, use=microphones.channels)

    def types_of(self, topic: topics.Topic) -> tuple[str, ...]:
        if topic == topics.VOICE_AUDIO and not audio.has_plain_data(self.types):
            return ()
        return self._audio.types_of(topic)

    def standing_ids(self) -> tuple[str, ...]:
        return (self.voice_id,)

    def facts(self) -> dict[str, Any]:
        node = self.settings[EnhancerNodeConfig]
        return {
            "model": node.model or node.preset,
            "device": "cpu",
            "algorithmic latency [ms]": round(1e3 * self.enhancer.latency_seconds),
            "real-time factor": lambda: f"{self.enhancer.real_time_factor:.3f}",
        }

    def on_robot_speaking(self, message: Any, _: int) -> list[Output]:
        """std_msgs/Bool: whether the robot itself speaks or moves loudly now."""
        self.enhancer.activity.robot_speaks = bool(message.data)
        return []

    def on_reference_info(self, message: Any, _: int) -> list[Output]:
        """The format of the reference, where it is another than that of the microphones."""
        self._reference_format = audio.format_from_info(message)
        return []

    def on_reference(self, message: Any, receive_time: int) -> list[Output]:
        """What the loudspeaker plays, either kind of audio, stamped with the time of its first sample."""
        chunk = audio.chunk_from_message(message, receive_time)
        known = chunk.format or self._reference_format or self._audio.known
        if known is None:
            raise ValueError("expected reference_info or audio_info with the format, got none yet")
        if self.reference is not None:
            self.reference.add(chunk, known)
        return []

    def on_audio_info(self, message: Any, _: int) -> list[Output]:
        """The format of the chunks before and after it; tells that of the enhanced audio."""
        outputs = self._enhanced(self._audio.announce(message))
        known = self._audio.known
        return [*outputs, self._tell_format(output_format(known.sample_type) if known else ANNOUNCED_FIRST)]

    def on_audio(self, message: Any, receive_time: int) -> list[Output]:
        """A chunk of either kind."""
        return self._enhanced(self._audio.read(message, receive_time))

    def configure(self, settings: Settings) -> None:
        super().configure(settings)
        self.enhancer.settings = settings[EnhancerSettings]
        self.enhancer.activity.config = settings[ActivityConfig]

    def reset(self) -> None:
        self._stream.reset()

    def flush(self) -> list[Output]:
        outputs = self._enhanced(self._audio.give_up())
        return outputs + self._messages(self._stream.flush())

    def close(self) -> list[Output]:
        outputs = self.flush()
        if self._listed:
            self._listed = False
            header = outputs[0].message.header if outputs and hasattr(outputs[0].message, "header") else None
            outputs.append(voices.tracked(self.types, header or convert.make_header(self.types, 0, ""), []))
        return outputs

    def _enhanced(self, received: list[Received]) -> list[Output]:
        return self._audio.each(received, self._add)

    def _add(self, received: Received) -> list[Output]:
        self._kind = received.chunk.kind
        return self._messages(self._stream.add(*received))

    def _tell_format(self, sample_type: str) -> Output:
        """What enhanced audio is coded in, for the kind that sends it apart."""
        self._told_format = sample_type
        return topics.ENHANCED_INFO.output(audio.audio_info_message(self.types, self.rate, sample_type))

    def _messages(self, results: list[Enhanced]) -> list[Output]:
        return [output for result in results for output in self._result(result)]

    def _result(self, result: Enhanced) -> list[Output]:
        header = convert.make_header(self.types, result.stamp, result.frame_id)
        coded = output_format(result.sample_type)
        outputs: list[Output] = []
        if self._kind != audio.STAMPED and coded != self._told_format:
            outputs.append(self._tell_format(coded))
        message = audio.audio_message(self.types, self._kind, header, result.waveform, self.rate, coded)
        outputs.append(topics.ENHANCED.output(message, kind=self._kind))
        if not result.activity:
            return outputs
        activity = convert.activity_to_message(self.types, header, result.activity, result.waveform.size / self.rate)
        outputs.append(topics.SPEECH_ACTIVITY.output(activity))
        if self.settings[EnhancerNodeConfig].ros4hri:
            if not self._listed:
                self._listed = True
                outputs.append(voices.tracked(self.types, header, [self.voice_id]))
            outputs += voices.voice(self.types, self.voice_id, result.waveform, self.rate, activity.speaking)
        return outputs

    inputs = (
        Input(topics.ROBOT_SPEAKING, on_robot_speaking, "the robot talks or moves loudly now", optional=True),
        Input(topics.REFERENCE_INFO, on_reference_info, "format of `reference`", when="cancel_echo", optional=True),
        Input(topics.AUDIO_INFO, on_audio_info, "format of `audio`, where sent apart", optional=True, any_name=True),
        Input(topics.AUDIO, on_audio, "what the microphones hear", depth=AUDIO_QUEUE, any_name=True, lossless=True),
        Input(
            topics.REFERENCE, on_reference, "what the loudspeaker plays, stamped when it is played",
            when="cancel_echo", depth=AUDIO_QUEUE, lossless=True,
        ),
    )  # fmt: skip
