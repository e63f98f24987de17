"""Tracks and an array of microphones in; who speaks, from where, and whose voice it is out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dvae.audiovisual.binding import BindingConfig
from dvae.audiovisual.config import AudioVisualConfig
from dvae.audiovisual.geometry import GeometryConfig
from dvae.audiovisual.hearing import HearingConfig
from dvae.audiovisual.lips import LipConfig, mouth_opening
from dvae.audiovisual.scene import Scene
from dvae.audiovisual.speakers import SpeakerConfig
from dvae.audiovisual.speaking import SpeakingConfig
from dvae.audiovisual.voices import VoiceConfig
from dvae.signal.audio_clock import NANOSECONDS
from dvae.tracking.tracks import TrackState
from dvae_nodes.lifecycle.pipeline import Input, OutputTopic, Pipeline, Settings
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.audio_reader import AUDIO_QUEUE, AudioReader
from dvae_nodes.pipelines.camera_view import CameraViewConfig
from dvae_nodes.pipelines.face_owners import FaceOwners, landmarks_in_pixels
from dvae_nodes.pipelines.frame_clock import Place
from dvae_nodes.pipelines.scene_finder import SceneFinder, SpeakersNodeConfig, StampedScene, rules_of
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire import topics, voices
from dvae_nodes.wire.markers import speaker_markers
from dvae_nodes.wire.messages import MessageTypes, Output
from dvae_nodes.wire.speakers import BODY, FACE, MatchLog, Pair, speakers_to_message

TRACKS_QUEUE = 100  # frames, as the tracker's
NO_MICROPHONES = (
    "microphone_positions: expected where the microphones are, got none: nobody is heard, and the node does nothing"
)


class SpeakersPipeline(Pipeline):
    """Says who of the tracked people speaks, and who is heard only. Without microphone_positions it does nothing."""

    name = "speakers"
    configs = (
        SpeakersNodeConfig,
        CameraViewConfig,
        SpeakerConfig,
        HearingConfig,
        GeometryConfig,
        AudioVisualConfig,
        SpeakingConfig,
        VoiceConfig,
        BindingConfig,
        LipConfig,
    )
    outputs = (
        OutputTopic(topics.SPEAKERS, "who speaks, with what probability, since when, and from where"),
        OutputTopic(topics.SPEAKER_MARKERS, "arrows from the microphones to who may speak, for RViz", when="markers"),
        OutputTopic(topics.VOICES, "the ids of all voices that were heard lately", when="ros4hri"),
        OutputTopic(topics.VOICE_SPEAKING, "whether the voice speaks", when="ros4hri", listed_in=topics.VOICES),
        OutputTopic(topics.MATCHES, "how sure it is whose voice it is, 0 once where that ends", when="ros4hri"),
    )

    def __init__(self, types: MessageTypes, settings: Settings, reporter: Reporter) -> None:
        super().__init__(types, settings, reporter)
        self.node = settings[SpeakersNodeConfig]
        self._check_options()
        self._audio = AudioReader(types, self.node, reporter)
        self._ended: list[Output] = []  # what is to be said before all that follows
        self._matches, self._listed, self._faces = MatchLog(types), list[str](), FaceOwners()
        self._bodies: set[str] = set()  # that are tracked now
        self._stamp = 0  # of the newest scene, ns
        self._scenes = SceneFinder(settings, reporter) if self.has_work(settings) else None
        if self._scenes is None:
            reporter.report("no microphones", NO_MICROPHONES)

    @classmethod
    def has_work(cls, settings: Settings) -> bool:
        return bool(settings[SpeakersNodeConfig].microphone_positions.strip())

    def _check_options(self) -> None:
        node = self.node
        if node.ros4hri:
            if not self.types.fields_of(topics.MATCHES.types[0]):
                raise ValueError("ros4hri: expected the package hri_msgs, which is not installed")
            for name in ("voice_prefix", "body_prefix"):
                if not getattr(node, name).isalpha():
                    raise ValueError(f"{name}: expected letters, got {getattr(node, name)!r}")
            if node.voice_prefix == node.body_prefix:
                raise ValueError(
                    f"voice_prefix: expected another one than body_prefix, got {node.voice_prefix!r} twice"
                )
        if node.markers and not self.types.fields_of("visualization_msgs/msg/Marker"):
            raise ValueError("markers: expected the package visualization_msgs, which is not installed")

    def types_of(self, topic: topics.Topic) -> tuple[str, ...]:
        if self._scenes is None:
            return ()
        if not all(map(self.types.fields_of, topic.types)) and topic.name.startswith("/humans/faces/"):
            return ()  # without hri_msgs there are no faces
        if topic in (topics.TRANSFORMS, topics.STATIC_TRANSFORMS) and not self._reads_transforms(self._scenes):
            return ()
        return self._audio.types_of(topic)

    def _reads_transforms(self, scenes: SceneFinder) -> bool:
        return scenes.view.reads_transforms and bool(self.types.fields_of(topics.TRANSFORMS.types[0]))

    def facts(self) -> dict[str, Any]:
        scenes = self._scenes
        if scenes is None:
            return {"model": "none", "waits for": "microphone_positions"}
        return {
            "model": f"{self.settings[HearingConfig].hearing_model}, {self.node.model}",
            "device": "cpu",
            "waits for": lambda: scenes.view.missing or "nothing",
            "tracks ahead of audio [s]": lambda: f"{scenes.finder.facts.video_ahead_seconds:.2f}",
            "clocks apart [s]": lambda: f"{scenes.watch.clocks.apart_seconds:.2f}",
            "microphones disagree with positions": lambda: f"{scenes.watch.check.disagreement:.2f}",
            "robot speaks": lambda: "yes: nobody else is heard" if scenes.finder.robot_speaks else "no",
            "voices": lambda: ", ".join(self._listed) or "none",
        }

    def configure(self, settings: Settings) -> None:
        super().configure(settings)
        if self._scenes is not None:
            try:
                self._scenes.finder.rules = rules_of(settings)
            except ValueError as error:
                self.reporter.report(str(error), f"{error}: the settings before stay")

    def on_camera_info(self, message: Any, _: int) -> list[Output]:
        """sensor_msgs/CameraInfo of the camera in whose images people are tracked."""
        if self._scenes is not None:
            self._scenes.view.add_info(message)
        return []

    def on_transforms(self, message: Any, _: int) -> list[Output]:
        """tf2_msgs/TFMessage, static or not."""
        if self._scenes is not None:
            self._scenes.view.add_transforms(message)
        return []

    def on_robot_speaking(self, message: Any, _: int) -> list[Output]:
        """std_msgs/Bool: whether the robot itself speaks or moves loudly now."""
        if self._scenes is not None:
            self._scenes.finder.robot_speaks = bool(message.data)
        return []

    def on_faces(self, message: Any, _: int) -> list[Output]:
        """hri_msgs/IdsList: the faces that there are; what was said of others ends."""
        self._faces.listed(message.ids)
        return self._matches.keep(FACE, set(message.ids))

    def on_face_region(self, message: Any, _: int, topic_id: str) -> list[Output]:
        """hri_msgs/NormalizedRegionOfInterest2D: where a face is. Gives nothing."""
        self._faces.add_region(topic_id, message)
        return []

    def on_face_landmarks(self, message: Any, _: int, topic_id: str) -> list[Output]:
        """hri_msgs/FacialLandmarks: the lips of whose face it is. Gives nothing."""
        owner = self._faces.owners.get(topic_id)
        if owner is not None and self._scenes is not None:
            time = convert.stamp_to_nanoseconds(message.header.stamp) / NANOSECONDS
            opening = mouth_opening(landmarks_in_pixels(message))
            if math.isfinite(opening):
                self._scenes.finder.see_lips([owner.track_id], [opening], time)
        return []

    def on_audio_info(self, message: Any, _: int) -> list[Output]:
        """The format of the chunks before and after it."""
        return self._heard(self._audio.announce(message))

    def on_audio(self, message: Any, receive_time: int) -> list[Output]:
        """A chunk of all microphones."""
        return self._heard(self._audio.read(message, receive_time))

    def on_tracks(self, message: Any, receive_time: int) -> list[Output]:
        """The tracks of one image."""
        place = Place.IGNORED if self._scenes is None else self._scenes.place(message)
        if self._scenes is None or place == Place.IGNORED:
            return []
        outputs: list[Output] = []
        if place == Place.ANEW:
            outputs = self.flush()  # nothing already received is lost
            self.reset()
        prefix = self.node.body_prefix
        self._bodies = {f"{prefix}{track.id}" for track in message.tracks if track.state != TrackState.TENTATIVE}
        self._faces.see(convert.stamp_to_nanoseconds(message.header.stamp), *self._scenes.people(message))
        outputs += self._taken() + self._matches.keep(BODY, self._bodies)
        return outputs + self._outputs(self._scenes.see(message, receive_time))

    def reset(self) -> None:
        """All pairs and voices go: what follows is of another time."""
        if self._scenes is not None:
            self._scenes.reset()
        self._faces.reset()
        self._ended += self._end()

    def flush(self) -> list[Output]:
        outputs = self._heard(self._audio.give_up())
        return outputs + (self._outputs(self._scenes.flush()) if self._scenes is not None else [])

    def close(self) -> list[Output]:
        outputs = self.flush()
        return outputs + self._end()

    def _heard(self, received: list[Any]) -> list[Output]:
        scenes = self._scenes
        return self._audio.each(received, lambda one: self._outputs(scenes.hear(one))) if scenes is not None else []

    def _outputs(self, scenes: list[StampedScene]) -> list[Output]:
        outputs = self._taken()
        for stamped in scenes:
            outputs += self._output(stamped)
        return outputs

    def _output(self, stamped: StampedScene) -> list[Output]:
        assert self._scenes is not None
        scene, self._stamp, frame_id = stamped
        header = convert.make_header(self.types, self._stamp, frame_id)
        places = self._scenes.places(scene)
        outputs = [topics.SPEAKERS.output(speakers_to_message(self.types, header, scene.speakers, places))]
        if self.node.markers:
            length = self.node.marker_length
            markers = speaker_markers(self.types, header, scene.speakers, places.elevation, length)
            outputs.append(topics.SPEAKER_MARKERS.output(markers))
        return outputs + (self._voices(header, scene) if self.node.ros4hri else [])

    def _voices(self, header: Any, scene: Scene) -> list[Output]:
        """The list of voices, whether each speaks, and whose they are; what ends before what begins."""
        speakers = scene.speakers
        heard = np.flatnonzero(speakers.voice_id)
        ids = [f"{self.node.voice_prefix}{speakers.voice_id[m]}" for m in heard]
        said = self._matches.update(scene.time, self._pairs(scene))
        outputs = [each for each in said if not each.message.confidence] + self._list(header, ids)
        for voice_id, m in zip(ids, heard, strict=True):
            speaking = self.types.make("std_msgs/msg/Bool", data=bool(speakers.speaking[m]))
            outputs.append(topics.VOICE_SPEAKING.output(speaking, voice_id))
        return outputs + [each for each in said if each.message.confidence]

    def _pairs(self, scene: Scene) -> dict[Pair, float]:
        """The confidence of each voice's body, and of that body's face."""
        found: dict[Pair, float] = {}
        for voice, track, confidence in zip(*(column.tolist() for column in scene.matches), strict=True):
            voice_id, body = f"{self.node.voice_prefix}{voice}", f"{self.node.body_prefix}{track}"
            if body in self._bodies:
                found[Pair(voice_id, body, BODY)] = confidence
            face = self._faces.face_of(track)
            if face is not None:
                found[Pair(voice_id, face[0], FACE)] = confidence * face[1]
        return found

    def _list(self, header: Any, ids: list[str]) -> list[Output]:
        """The list of voices, where it has changed."""
        if ids == self._listed:
            return []
        self._listed = ids
        return [voices.tracked(self.types, header, ids)]

    def _end(self) -> list[Output]:
        return self._matches.end() + self._list(convert.make_header(self.types, self._stamp, ""), [])

    def _taken(self) -> list[Output]:
        ended, self._ended = self._ended, []
        return ended

    inputs = (
        Input(topics.CAMERA_INFO, on_camera_info, "the camera's calibration", optional=True, anywhere=True),
        Input(topics.STATIC_TRANSFORMS, on_transforms, "where camera and microphones are", depth=100, optional=True,
              anywhere=True),
        Input(topics.TRANSFORMS, on_transforms, "the same, of what moves", depth=100, optional=True, anywhere=True),
        Input(topics.FACES, on_faces, "the ids of all faces, where they are found", optional=True, anywhere=True),
        Input(topics.FACE_REGION, on_face_region, "where it is in the image", optional=True, listed_in=topics.FACES),
        Input(topics.FACE_LANDMARKS, on_face_landmarks, "how it moves its lips", optional=True, listed_in=topics.FACES),
        Input(topics.ROBOT_SPEAKING, on_robot_speaking, "the robot talks or moves loudly now", optional=True,
              beside=topics.AUDIO, anywhere=True),
        Input(topics.AUDIO_INFO, on_audio_info, "format of `audio`, where sent apart", optional=True, any_name=True,
              beside=topics.AUDIO),
        Input(topics.TRACKS, on_tracks, "the people in one image", depth=TRACKS_QUEUE, any_name=True, lossless=True),
        Input(topics.AUDIO, on_audio, "what all microphones hear", depth=AUDIO_QUEUE, any_name=True, anywhere=True,
              lossless=True),
    )  # fmt: skip
