"""Node `enhancer`: audio (either audio_common_msgs) -> audio/enhanced of the same kind, speech_activity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dvae.configuration import setting
from dvae.enhancement.activity import ActivityConfig
from dvae.enhancement.streaming import EnhancerSettings
from dvae_nodes.enhancer_pipeline import EnhancerNodeConfig, EnhancerPipeline
from dvae_nodes.messages import LiveTypes, Output
from dvae_nodes.node import PerceptionNode, run_nodes

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

    configs = (EnhancerNodeConfig, AudioTopicConfig, EnhancerSettings, ActivityConfig)
    pipeline: EnhancerPipeline | None = None

    def __init__(self, **options: Any) -> None:
        super().__init__("enhancer", **options)

    def build(self) -> dict[str, Any]:
        from dvae_perception.msg import SpeechActivity

        kind = audio_class(self.parameters.get(AudioTopicConfig).audio_type)
        node = self.parameters.get(EnhancerNodeConfig)
        pipeline = EnhancerPipeline(
            LiveTypes(),
            node,
            self.parameters.get(EnhancerSettings),
            self.parameters.get(ActivityConfig),
            self.reporter,
        )
        self.pipeline = pipeline
        self.announce(kind, "audio/enhanced")
        self.announce(SpeechActivity, "speech_activity")
        if kind.__name__ != "AudioStamped":
            from audio_common_msgs.msg import AudioInfo

            self.announce(AudioInfo, "audio/enhanced_info")
            self.listen(AudioInfo, "audio_info", lambda info: [*pipeline.on_info(info), pipeline.enhanced_info()])
        self.listen(
            kind, "audio", lambda m: pipeline.on_audio(m, self.get_clock().now().nanoseconds), depth=AUDIO_QUEUE
        )
        return {
            "model": node.model or node.preset,
            "device": "cpu",
            "algorithmic latency [ms]": round(1e3 * pipeline.enhancer.latency_seconds),
            "real-time factor": lambda: f"{pipeline.enhancer.real_time_factor:.3f}",
        }

    def apply_parameters(self) -> None:
        if self.pipeline:
            self.pipeline.configure(self.parameters.get(EnhancerSettings), self.parameters.get(ActivityConfig))

    def reset(self) -> None:
        if self.pipeline:
            self.publish_outputs(self.pipeline.finish())

    def stop(self) -> list[Output]:
        return self.pipeline.finish() if self.pipeline else []

    def release(self) -> None:
        self.pipeline = None


def main() -> None:
    """Entry point."""
    run_nodes(lambda: [EnhancerNode()])


if __name__ == "__main__":
    main()
