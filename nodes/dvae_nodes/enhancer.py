"""Node `enhancer`: audio (either audio_common_msgs) -> audio/enhanced of the same kind, speech_activity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dvae.arrays.echo_canceller import EchoConfig
from dvae.configuration import setting
from dvae.enhancement.activity import ActivityConfig
from dvae.enhancement.microphones import MicrophoneConfig
from dvae.enhancement.streaming import EnhancerSettings
from dvae_nodes.lifecycle.node import PerceptionNode, run_nodes
from dvae_nodes.pipelines.enhancer import EnhancerNodeConfig, EnhancerPipeline
from dvae_nodes.wire import voices
from dvae_nodes.wire.messages import LiveTypes, Output

AUDIO_QUEUE = 200  # chunks; audio must not be dropped while another callback runs


@dataclass(frozen=True)
class AudioTopicConfig:
    """What is published on `audio`."""

    audio_type: str = setting(
        "auto",
        "message on `audio`: auto takes AudioStamped or AudioDataStamped, whichever audio_common_msgs is installed",
        choices=("auto", "AudioStamped", "AudioDataStamped", "AudioData"),
    )


def audio_class(name: str) -> Any:
    """The message class of `audio`; ValueError when the installed audio_common_msgs has no such message."""
    try:
        import audio_common_msgs.msg as installed
    except ImportError as error:
        raise ValueError(f"expected a package audio_common_msgs, got none: {error}") from error
    names = ("AudioStamped", "AudioDataStamped") if name == "auto" else (name,)
    for candidate in names:
        if hasattr(installed, candidate):
            return getattr(installed, candidate)
    found = ", ".join(sorted(n for n in vars(installed) if n.startswith("Audio")))
    raise ValueError(f"audio_type: expected {' or '.join(names)} in audio_common_msgs, got only {found}")


class EnhancerNode(PerceptionNode):
    """Cleans the speech of one microphone and says when there is any."""

    configs = (EnhancerNodeConfig, AudioTopicConfig, EnhancerSettings, ActivityConfig, MicrophoneConfig, EchoConfig)
    pipeline: EnhancerPipeline | None = None

    def __init__(self, **options: Any) -> None:
        super().__init__("enhancer", **options)

    def build(self) -> dict[str, Any]:
        from dvae_perception.msg import SpeechActivity
        from std_msgs.msg import Bool

        kind = audio_class(self.parameters.get(AudioTopicConfig).audio_type)
        node = self.parameters.get(EnhancerNodeConfig)
        pipeline = EnhancerPipeline(
            LiveTypes(),
            node,
            self.parameters.get(EnhancerSettings),
            self.parameters.get(ActivityConfig),
            self.reporter,
            self.parameters.get(MicrophoneConfig),
            self.parameters.get(EchoConfig),
        )
        self.pipeline = pipeline
        self.announce(kind, "audio/enhanced")
        self.announce(SpeechActivity, "speech_activity")
        if node.ros4hri:
            self._announce_voice(pipeline)
        self.listen(Bool, "robot_speaking", pipeline.on_robot_speaking, optional=True)
        if kind.__name__ != "AudioStamped":
            from audio_common_msgs.msg import AudioInfo

            self.announce(AudioInfo, "audio/enhanced_info")
            if node.cancel_echo:
                self.listen(AudioInfo, "reference_info", pipeline.on_reference_info, optional=True)
            self.listen(AudioInfo, "audio_info", lambda info: [*pipeline.on_info(info), pipeline.enhanced_info()])
        self.listen(
            kind, "audio", lambda m: pipeline.on_audio(m, self.get_clock().now().nanoseconds), depth=AUDIO_QUEUE
        )
        if node.cancel_echo:
            now = self.get_clock().now
            self.listen(kind, "reference", lambda m: pipeline.on_reference(m, now().nanoseconds), depth=AUDIO_QUEUE)
        return {
            "model": node.model or node.preset,
            "device": "cpu",
            "algorithmic latency [ms]": round(1e3 * pipeline.enhancer.latency_seconds),
            "real-time factor": lambda: f"{pipeline.enhancer.real_time_factor:.3f}",
        }

    def _announce_voice(self, pipeline: EnhancerPipeline) -> None:
        """The topics of the voice; audio only where audio_common_msgs has the message that ROS4HRI means."""
        from audio_common_msgs.msg import AudioData
        from hri_msgs.msg import AudioFeatures, IdsList
        from std_msgs.msg import Bool

        self.announce(IdsList, voices.TRACKED, latched=True)
        self.announce(Bool, voices.voice_topic(pipeline.voice_id, "is_speaking"))
        self.announce(AudioFeatures, voices.voice_topic(pipeline.voice_id, "features"))
        if voices.has_voice_audio(pipeline.types):
            self.announce(AudioData, voices.voice_topic(pipeline.voice_id, "audio"))
        else:
            self.reporter.report(
                "voice audio", "ros4hri: expected AudioData of ros-drivers, got another: no voice audio"
            )

    def apply_parameters(self) -> None:
        if self.pipeline:
            self.pipeline.configure(self.parameters.get(EnhancerSettings), self.parameters.get(ActivityConfig))

    def reset(self) -> None:
        if self.pipeline:
            self.publish_outputs(self.pipeline.finish())

    def stop(self) -> list[Output]:
        return self.pipeline.close() if self.pipeline else []

    def release(self) -> None:
        self.pipeline = None


def main() -> None:
    """Entry point."""
    run_nodes(lambda: [EnhancerNode()])


if __name__ == "__main__":
    main()
