"""The speakers node as a robot sees it: tracks, four microphones, a camera and TF in; who speaks out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is missing: source a ROS or run `make test`")
from array_scene import (
    ANGLES,
    SQUARE,
    audio_info_message,
    audio_messages,
    camera_info_message,
    tracks_message,
    transforms_message,
    turns,
)
from dvae_perception.msg import SpeakerArray
from live_messages import DATA, TYPES, frame_message
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from dvae_nodes.overlay import OverlayNode
from dvae_nodes.speakers import SpeakersNode
from dvae_nodes.wire.conversions import stamp_to_nanoseconds
from dvae_nodes.wire.images import image_from_message

LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class PersonManager:
    """A client made of hri_msgs: of each voice the body with the highest confidence of at least 0.5."""

    def __init__(self, stage: Any) -> None:
        from hri_msgs.msg import IdsList, IdsMatch

        self._stage, self._sure = stage, dict[tuple[str, str], float]()
        self._lists = stage.listen(IdsList, "/humans/voices/tracked", LATCHED)
        self._matches = stage.listen(IdsMatch, "/humans/candidate_matches")
        self._speaking: dict[str, list[Any]] = {}

    def body_of(self, voice: str) -> str | None:
        sure: dict[str, float] = {}
        for match in self._matches:
            assert (match.id1_type, match.id2_type) == (match.VOICE, match.BODY)
            if match.id1 == voice:
                sure[match.id2] = match.confidence
        return max((body for body, each in sure.items() if each >= 0.5), key=lambda body: sure[body], default=None)

    def who_speaks(self) -> set[str | None]:
        from std_msgs.msg import Bool

        for voice in self._lists[-1].ids if self._lists else []:
            if voice not in self._speaking:
                self._speaking[voice] = self._stage.listen(Bool, f"/humans/voices/{voice}/is_speaking")
        return {self.body_of(voice) for voice, said in self._speaking.items() if said and said[-1].data}

    def listed(self) -> list[str]:
        return list(self._lists[-1].ids) if self._lists else []


def play(stage: Any, node: Any, sound: Any, angles: dict[int, float] = ANGLES) -> None:
    """Tracks at 20 Hz and audio, each message when the one before it was handled."""
    events = [(when, "audio", message) for when, message in audio_messages(TYPES, sound)]
    times = np.arange(0.0, sound.shape[1] / 16000, 0.05)
    events += [(t + 0.05, "tracks", tracks_message(TYPES, t, angles)) for t in times.tolist()]
    for _, topic, message in sorted(events, key=lambda each: each[0]):
        count = node.meter(topic).count
        stage.publish(topic, message)
        stage.until(lambda topic=topic, count=count: node.meter(topic).count > count)


def test_a_person_manager_knows_who_speaks(stage: Any) -> None:
    from tf2_msgs.msg import TFMessage
    from visualization_msgs.msg import MarkerArray

    static = stage.peer.create_publisher(TFMessage, "/tf_static", LATCHED)
    static.publish(transforms_message(TYPES, "body", "microphones"))  # before the node is there, as usual
    node = stage.add(SpeakersNode, microphone_positions=SQUARE, ros4hri=True, markers=True)
    speakers, markers = stage.listen(SpeakerArray, "speakers"), stage.listen(MarkerArray, "speakers/markers")
    manager = PersonManager(stage)
    stage.publish("/tf", transforms_message(TYPES, "body", "head", "camera"))
    stage.publish("camera_info", camera_info_message(TYPES))
    stage.publish("audio_info", audio_info_message(TYPES))
    for topic in ("/tf_static", "/tf", "camera_info", "audio_info"):
        stage.until(lambda topic=topic: node.meter(topic).count == 1)
    play(stage, node, turns(DATA, *ANGLES.values()))
    node.trigger_deactivate()
    stage.until(lambda: len(speakers) >= 120 and len(markers) == len(speakers))
    halves = speakers[30:58], speakers[80:118]
    for half, expected in zip(halves, ({1}, {2}), strict=True):
        said = [{s.track_id for s in message.speakers if s.speaking} for message in half]
        assert sum(each == expected for each in said) > 0.8 * len(half)
    assert [stamp_to_nanoseconds(m.header.stamp) for m in speakers[:120]] == [
        stamp_to_nanoseconds(tracks_message(TYPES, t, {}).header.stamp) for t in np.arange(0.0, 6.0, 0.05)
    ]
    assert speakers[0].header.frame_id == "microphones"
    stage.until(lambda: not manager.listed())  # the list is empty, and all that was said is taken back
    stage.until(lambda: manager.body_of("s1") is None and manager.body_of("s2") is None)
    assert not stage.problems(node)


def test_a_person_manager_asks_while_they_speak(stage: Any) -> None:
    node = stage.add(
        SpeakersNode, microphone_positions=SQUARE, ros4hri=True, microphones_in_camera="0 0 0 0 0 0", sample_rate=16000,
        num_channels=4, body_prefix="p",
    )  # fmt: skip
    manager = PersonManager(stage)
    stage.publish("camera_info", camera_info_message(TYPES))
    stage.until(lambda: node.meter("camera_info").count == 1)
    play(stage, node, turns(DATA, ANGLES[2]))
    stage.until(lambda: manager.listed() == ["s1"] and manager.body_of("s1") == "p2")
    stage.until(lambda: stage.peer.count_publishers("/humans/voices/s1/is_speaking") == 1)
    manager.who_speaks()  # listens from now on
    stage.publish("tracks", tracks_message(TYPES, 3.05, {1: ANGLES[1]}))  # that person leaves: taken back at once
    stage.until(lambda: manager.body_of("s1") is None)
    assert "/tf" not in {s.topic_name for s in node.subscriptions}


def test_the_overlay_shows_who_speaks(stage: Any) -> None:
    node = stage.add(OverlayNode)
    annotated = stage.listen(Image, "image/annotated")
    blank = np.zeros((480, 640, 3), dtype=np.uint8)
    tracks = tracks_message(TYPES, 0.0, ANGLES)
    seconds = stamp_to_nanoseconds(tracks.header.stamp) / 1e9
    stage.publish("image", frame_message(seconds, blank))
    silent = image_from_message(stage.send("tracks", tracks, annotated))
    speaker = TYPES.make("dvae_perception/msg/Speaker", track_id=1, speaking=True, probability=0.9)
    stage.publish("speakers", SpeakerArray(header=tracks.header, speakers=[speaker]))
    stage.until(lambda: node.meter("speakers").count == 1)
    later = tracks_message(TYPES, 0.1, ANGLES)
    stage.publish("image", frame_message(seconds + 0.1, blank))
    spoken = image_from_message(stage.send("tracks", later, annotated))
    changed = np.flatnonzero((silent != spoken).any(axis=(0, 2)))
    assert changed.size  # a bubble over the one on the left
    assert changed.max() < 320
    much_later = tracks_message(TYPES, 5.0, ANGLES)
    stage.publish("image", frame_message(seconds + 5.0, blank))
    stage.until(lambda: node.meter("image").count == 3)
    gone = image_from_message(stage.send("tracks", much_later, annotated))
    assert not (gone[:, :, :] == 255).all(axis=2).any()  # nothing white is left of it


def test_what_is_missing_is_said_and_the_node_lives(stage: Any, capfd: Any) -> None:
    node = stage.add(SpeakersNode)
    assert "microphone_positions: expected where the microphones are, got none" in capfd.readouterr().err
    assert not [s for s in node.subscriptions if s.topic_name in ("/tracks", "/audio")]
    assert node.active
