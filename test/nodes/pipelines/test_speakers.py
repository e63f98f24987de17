"""The pipeline of who speaks: a real voice on four microphones, two people before a camera; odd and missing input."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pytest
from array_scene import (
    ANGLES,
    SQUARE,
    START,
    audio_messages,
    box_at,
    camera_info_message,
    plane_wave,
    tracks_message,
    transforms_message,
    turns,
)
from live_messages import DATA
from make_bag import audio_types

from dvae.audiovisual.binding import BindingConfig
from dvae.audiovisual.speaking import SpeakingConfig
from dvae.signal.audio_clock import NANOSECONDS
from dvae.signal.audio_file import read_mono
from dvae_nodes.lifecycle.pipeline import Settings
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.camera_view import CameraViewConfig
from dvae_nodes.pipelines.scene_finder import SpeakersNodeConfig
from dvae_nodes.pipelines.speakers import NO_MICROPHONES, SpeakersPipeline
from dvae_nodes.wire import audio
from dvae_nodes.wire.conversions import stamp_to_nanoseconds
from dvae_nodes.wire.messages import Output

TYPES = audio_types(False)
HERE = CameraViewConfig(microphones_in_camera="0 0 0 0 0 0")


class Arrival(NamedTuple):
    """A message, the handler that gets it, and when, in seconds after START."""

    seconds: float
    handler: str
    message: Any


class Run:
    """A pipeline, what it said, and what came out of it."""

    def __init__(self, *configs: Any, **settings: Any) -> None:
        self.said: list[str] = []
        node = {"microphone_positions": SQUARE, "sample_rate": 16000, "num_channels": 4, "ros4hri": True, **settings}
        given = Settings(SpeakersNodeConfig(**node), *(configs or (HERE,)))
        self.reporter = Reporter(self.said.append)
        self.pipeline = SpeakersPipeline(TYPES, given, self.reporter)
        self.outputs: list[Output] = []

    def play(self, arrivals: Iterable[Arrival]) -> Run:
        """In the order of time."""
        for seconds, handler, message in sorted(arrivals, key=lambda each: each.seconds):
            received = round((START + seconds) * NANOSECONDS)
            name, *topic_id = handler.split()
            self.outputs += getattr(self.pipeline, name)(message, received, *topic_id)
        return self

    def close(self) -> Run:
        self.outputs += self.pipeline.close()
        return self

    def on(self, topic: str) -> list[Any]:
        return [output.message for output in self.outputs if output.topic == topic]

    def who(self) -> list[tuple[float, set[int]]]:
        """By scene: seconds after START, and the tracks that speak."""
        return [
            (stamp_to_nanoseconds(m.header.stamp) / NANOSECONDS - START, {s.track_id for s in m.speakers if s.speaking})
            for m in self.on("speakers")
        ]


def sound(samples: Any, late: float = 0.0) -> list[Arrival]:
    """Chunks as they are complete, `late` s more."""
    return [Arrival(when + late, "on_audio", message) for when, message in audio_messages(TYPES, samples)]


def video(seconds: float, rate: float = 20.0, angles: dict[int, float] = ANGLES, begin: float = 0.0) -> list[Arrival]:
    """Tracks, 50 ms after their images."""
    times = np.arange(begin, begin + seconds, 1 / rate).tolist()
    return [Arrival(t + 0.05, "on_tracks", tracks_message(TYPES, t, angles)) for t in times]


CAMERA = Arrival(-1.0, "on_camera_info", camera_info_message(TYPES))


@pytest.fixture(scope="module")
def conversation() -> Run:
    """Track 1 speaks for 3 s, then track 2; the voices are of the same person."""
    return Run(markers=True).play([CAMERA, *video(6.0), *sound(turns(DATA, *ANGLES.values()))]).close()


def test_who_speaks_in_turn(conversation: Run) -> None:
    who = conversation.who()
    assert not conversation.said
    assert [m.header.stamp for m in conversation.on("speakers")][:100:10] == [
        tracks_message(TYPES, t, {}).header.stamp for t in np.arange(0.0, 5.0, 0.5)
    ]  # a scene for every image, with its stamp
    first = [speaking for t, speaking in who if 1.0 < t < 2.9]
    second = [speaking for t, speaking in who if 4.0 < t < 5.9]
    assert sum(speaking == {1} for speaking in first) > 0.8 * len(first)
    assert sum(speaking == {2} for speaking in second) > 0.8 * len(second)
    assert not any(2 in speaking for speaking in first)
    assert not any(1 in speaking for speaking in second)


def test_every_field_of_a_speaker(conversation: Run) -> None:
    message = [m for m in conversation.on("speakers") if 2 in {s.track_id for s in m.speakers if s.speaking}][-1]
    assert message.header.frame_id == "microphones"
    people = {s.track_id: s for s in message.speakers}
    for number, degrees in ANGLES.items():
        person = people[number]
        assert np.degrees(person.azimuth) == pytest.approx(degrees, abs=4.0)
        assert 0.0 < np.degrees(person.azimuth_stddev) < 6.0
        assert person.in_view
        assert person.image_column == pytest.approx(box_at(degrees)[[0, 2]].mean(), abs=3.0)
    since = stamp_to_nanoseconds(people[2].since) / NANOSECONDS - START
    assert since == pytest.approx(3.0, abs=0.6)
    assert people[2].probability > 0.5 > people[1].probability
    assert people[2].voice_id != 0


def test_a_client_with_the_rule_of_the_person_manager_gets_the_right_people(conversation: Run) -> None:
    """Confidences of 0.5 and more count, the newest of each pair; ids that are not on their list do not."""
    best: dict[str, dict[str, float]] = {}
    listed: set[str] = set()
    found: list[tuple[str, str]] = []
    for topic, _, message in conversation.outputs:
        if topic == "/humans/voices/tracked":
            listed = set(message.ids)
        elif topic == "/humans/candidate_matches":
            assert (message.id1_type, message.id2_type) == (4, 3)
            assert message.id1 in listed
            best.setdefault(message.id1, {})[message.id2] = message.confidence
        elif topic.endswith("/is_speaking") and message.data:
            voice = topic.split("/")[3]
            assert voice in listed
            found += [(voice, body) for body, sure in best.get(voice, {}).items() if sure >= 0.5]
    bodies = [body for _, body in found]
    assert set(bodies) == {"b1", "b2"}
    third = len(bodies) // 3
    assert bodies[:third] == ["b1"] * third  # first the one, then the other
    assert bodies[-third:] == ["b2"] * third
    assert len({voice for voice, body in found if body == "b1"} & {voice for voice, body in found if body == "b2"}) == 0
    assert all(sure == 0.0 for pairs in best.values() for sure in pairs.values())  # taken back at the end
    assert not listed


def test_matches_are_rare_and_end_once(conversation: Run) -> None:
    said: dict[tuple[str, str], list[float]] = {}
    for message in conversation.on("/humans/candidate_matches"):
        said.setdefault((message.id1, message.id2), []).append(message.confidence)
    for confidences in said.values():
        assert confidences.count(0.0) >= 1
        assert confidences[-1] == 0.0
        assert 0.0 not in [confidences[i] for i, c in enumerate(confidences[1:]) if c == 0.0]  # never twice in a row
        assert len(confidences) < 6 * 5 + 2


def test_markers_point_at_who_speaks(conversation: Run) -> None:
    message = conversation.on("speakers/markers")[-10]
    assert message.markers[0].action == 3
    arrows = {m.id: m for m in message.markers[1:] if m.ns == "direction"}
    tips = {i: (m.points[1].x, m.points[1].y) for i, m in arrows.items()}
    speakers = conversation.on("speakers")[-10].speakers
    for i, speaker in enumerate(speakers):
        assert np.arctan2(tips[i][1], tips[i][0]) == pytest.approx(speaker.azimuth)
        length = np.hypot(np.hypot(*tips[i]), arrows[i].points[1].z)
        assert length == pytest.approx(1.5 if speaker.speaking else 0.45)


def test_without_positions_it_says_so_once_and_does_nothing() -> None:
    run = Run(microphone_positions="")
    assert run.said == [NO_MICROPHONES]
    assert not any(run.pipeline.types_of(entry.topic) for entry in (*run.pipeline.inputs, *run.pipeline.outputs))
    run.play([CAMERA, *video(0.5), *sound(turns(DATA, 0.0, seconds=0.5))]).close()
    assert not run.outputs
    assert len(run.said) == 1


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"microphone_positions": "0 0"}, "expected at least 1 place"),
        ({"microphone_positions": "30 30 0; -30 30 0; -30 -30 0; 30 -30 0"}, "got 84.8528 m: millimetres"),
        ({"channels": "1-3"}, r"channels: expected 4 of them \(microphone_positions\), got 3 in '1-3'"),
        ({"model": "nope"}, "^model: expected a model folder or one of"),
        ({"voice_prefix": "b"}, "voice_prefix: expected another one than body_prefix, got 'b' twice"),
        ({"body_prefix": "1"}, "body_prefix: expected letters, got '1'"),
    ],
)
def test_settings_that_do_not_fit(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Run(**settings)


@pytest.mark.parametrize(
    ("positions", "said"),
    [("0 0.03 0; 0 -0.03 0", 0), ("0.01 0.03 0; -0.01 -0.03 0", 0), ("0.03 0 0; -0.03 0 0", 1), (SQUARE, 0)],
)
def test_a_line_that_takes_the_right_for_the_left_is_said(positions: str, said: int) -> None:
    run = Run(microphone_positions=positions)
    assert len(run.said) == said
    assert all("got another line: all voices ahead are taken as from 0 to 60 degrees" in text for text in run.said)


def test_limits_that_would_end_at_once_what_begins() -> None:
    """At the start they are an error; while the node runs a word, and it goes on as before."""
    wrong = SpeakingConfig(start_probability=0.6, stop_probability=0.7)
    with pytest.raises(ValueError, match="stop_probability: expected at most start_probability"):
        Run(HERE, wrong)
    with pytest.raises(ValueError, match="drop_confidence: expected at most assert_confidence"):
        Run(HERE, BindingConfig(drop_confidence=0.9))
    run = Run()
    run.pipeline.configure(Settings(run.pipeline.node, HERE, wrong))
    assert run.said == ["stop_probability: expected at most start_probability, 0.6, got 0.7: the settings before stay"]


def test_without_a_camera_voices_are_nobodys() -> None:
    run = Run().play([*video(3.0), *sound(turns(DATA, 18.0))]).close()
    assert run.said == [
        "camera_info: expected that of the camera, got none (or set field_of_view): nobody is matched",
    ]
    assert not run.on("/humans/candidate_matches")
    heard = [s for m in run.on("speakers") for s in m.speakers if s.speaking]
    assert heard
    assert {s.track_id for s in heard} == {0}
    assert np.degrees(np.median([s.azimuth for s in heard])) == pytest.approx(18.0, abs=5.0)


def test_the_field_of_view_is_enough() -> None:
    angle = float(np.degrees(2 * np.arctan(320 / 500)))
    camera = CameraViewConfig(microphones_in_camera="0 0 0 0 0 0", field_of_view=angle)
    run = Run(camera).play([*video(3.0), *sound(turns(DATA, -18.0))]).close()
    assert not run.said
    assert {number for _, speaking in run.who() for number in speaking if number} == {2}


def test_mono_is_refused_with_numbers_and_the_tracks_go_on() -> None:
    run = Run(num_channels=1).play([CAMERA, *video(2.0), *sound(turns(DATA, 0.0, seconds=2.0))]).close()
    assert "audio: expected 4 channels (microphone_positions), got 1: chunk ignored" in run.said
    assert len(run.on("speakers")) == 40
    assert not any(speaking for _, speaking in run.who())


@pytest.mark.parametrize(
    "positions",
    [
        "-0.03 0.03 0; 0.03 0.03 0; -0.03 -0.03 0; 0.03 -0.03 0",  # two of them exchanged
        "3 3 0; -3 3 0; -3 -3 0; 3 -3 0",  # centimetres
    ],
)
def test_positions_that_are_others_are_said_once(positions: str) -> None:
    run = Run(microphone_positions=positions).play(sound(turns(DATA, 18.0, -40.0, 100.0))).close()
    told = [text for text in run.said if text.startswith("audio: expected delays between the channels")]
    assert len(told) == 1
    assert "positions in another unit than metres or another order than the channels" in told[0]


def test_sound_without_video_and_video_without_sound() -> None:
    run = Run().play([CAMERA, *sound(turns(DATA, 70.0, seconds=4.0))]).close()
    assert "tracks: expected it beside audio, got nothing for 3 s: voices belong to nobody" in run.said
    heard = [s for m in run.on("speakers") for s in m.speakers if s.speaking]
    assert np.degrees(np.median([s.azimuth for s in heard])) == pytest.approx(70.0, abs=5.0)
    assert {s.in_view for s in heard} == {False}  # beside the image
    assert any(ids for ids in (m.ids for m in run.on("/humans/voices/tracked")))
    run = Run().play([CAMERA, *video(4.0)]).close()
    assert "audio: expected it beside tracks, got nothing for 3 s: nobody is heard" in run.said
    assert len(run.on("speakers")) == 80
    assert not any(speaking for _, speaking in run.who())


def test_clocks_that_are_apart_are_said_with_what_mends_them() -> None:
    """The sound's clock is 0.5 s behind: it arrives as it should, its stamps are older."""
    spoken = turns(DATA, *ANGLES.values())
    behind = [
        a._replace(message=shifted(a.message, -0.5))
        for a in sound(np.concatenate([np.zeros((4, 16000)), spoken], axis=1))
    ]
    run = Run().play([CAMERA, *video(7.0), *behind]).close()
    (line,) = [text for text in run.said if text.startswith("clocks: ")]
    assert "too early" in line
    offset = float(line.split("audio_offset_seconds:=")[1].split()[0])
    assert offset == pytest.approx(0.5, abs=0.1)


def shifted(message: Any, seconds: float) -> Any:
    stamp = stamp_to_nanoseconds(message.header.stamp) + round(seconds * NANOSECONDS)
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, NANOSECONDS)
    return message


def test_slow_video_and_sound_with_gaps() -> None:
    """Five images a second; every ninth chunk and half a second are lost."""
    chunks = sound(turns(DATA, *ANGLES.values()))
    kept = [each for i, each in enumerate(chunks) if i % 9 != 8 and not 30 <= i < 46]
    run = Run().play([CAMERA, *video(6.0, rate=5.0), *kept]).close()
    assert [text.split(":")[0] for text in run.said] == ["audio"] * len(run.said)
    assert any("are lost and replaced by silence" in text for text in run.said)
    assert any("what was received is finished, then starting anew" in text for text in run.said)
    second = [speaking for t, speaking in run.who() if 4.0 < t < 5.9]
    assert sum(speaking == {2} for speaking in second) > 0.7 * len(second)
    assert len(run.on("speakers")) >= 30


def test_a_person_behind() -> None:
    """The camera looks back: who it sees stands at +-180 degrees."""
    camera = CameraViewConfig(microphones_in_camera=f"0 0 0 0 0 {np.pi}")
    speech = read_mono(DATA / "demo_speech_clean.flac", 16000)[:48000]
    for degrees in (178.0, -178.0):
        heard = plane_wave(speech, degrees)
        run = Run(camera).play([CAMERA, *video(3.0, angles={5: 1.0, 6: -25.0}), *sound(heard)]).close()
        assert {number for _, speaking in run.who() for number in speaking} == {5}
        pairs = {(m.id1, m.id2) for m in run.on("/humans/candidate_matches")}
        assert {body for _, body in pairs} == {"b5"}


def test_the_other_kind_of_audio() -> None:
    """AudioStamped of PortAudio: samples and format in one message, at 48 kHz, with another channel before the four."""
    types = audio_types(True)
    heard = turns(DATA, -18.0).repeat(3, axis=1)
    samples = np.concatenate([np.zeros((1, heard.shape[1]), np.float32), heard])
    arrivals = []
    for first in range(0, samples.shape[1], 2048):
        part = np.ascontiguousarray(samples[:, first : first + 2048].T).ravel()
        header = tracks_message(TYPES, first / 48000, {}).header
        message = audio.portaudio_message(types, header, part, 48000, "F32LE")
        message.audio.info.channels = 5
        arrivals.append(Arrival((first + 2048) / 48000, "on_audio", message))
    said: list[str] = []
    node = SpeakersNodeConfig(microphone_positions=SQUARE, channels="2-5")
    run = Run()
    run.said, run.reporter = said, Reporter(said.append)
    run.pipeline = SpeakersPipeline(types, Settings(node, HERE), run.reporter)
    run.play([CAMERA, *video(3.0), *arrivals]).close()
    assert {number for _, speaking in run.who() for number in speaking} == {2}
    assert said == ["audio: expected 16000 Hz, got 48000 Hz: resampled"]


def test_a_head_that_turns() -> None:
    """It turns by 40 degrees a second, with the camera and without the microphones: whoever stands still moves in the
    image, and is matched by where the camera was when the image was taken, not when the sound of that time came."""
    arrivals = [CAMERA]
    for t in np.arange(0.0, 3.0, 0.05).tolist():
        head = -40.0 + 40.0 * min(t, 2.0)  # degrees
        turned = transforms_message(TYPES, "microphones", "head", yaw=np.radians(head))
        arrivals.append(Arrival(t + 0.02, "on_transforms", turned))
        seen = {number: angle - head for number, angle in {1: 10.0, 2: -15.0}.items()}
        arrivals.append(Arrival(t + 0.05, "on_tracks", tracks_message(TYPES, t, seen)))
    arrivals.append(Arrival(-1.0, "on_transforms", transforms_message(TYPES, "head", "camera")))
    run = Run(CameraViewConfig()).play([*arrivals, *sound(turns(DATA, 10.0))]).close()
    assert {number for _, speaking in run.who() for number in speaking} == {1}
    for message in run.on("speakers")[20:55]:
        found = {s.track_id: np.degrees(s.azimuth) for s in message.speakers}
        assert found[2] == pytest.approx(-15.0, abs=3.0)  # 8 degrees off with the pose of 0.2 s later
    assert not run.said


def test_the_robot_itself_is_nobody() -> None:
    said = TYPES.make("std_msgs/msg/Bool", data=True)
    robot = Arrival(-0.5, "on_robot_speaking", said)
    run = Run().play([CAMERA, robot, *video(3.0), *sound(turns(DATA, 18.0))]).close()
    assert not any(speaking for _, speaking in run.who())
    assert not run.on("/humans/candidate_matches")


def test_a_looped_bag_and_another_run_of_the_tracker_begin_anew() -> None:
    spoken = turns(DATA, 18.0)
    once = [CAMERA, *video(3.0, angles={4: 18.0, 5: -18.0}), *sound(spoken)]
    run = Run().play(once)
    run.play([each._replace(seconds=each.seconds + 3.2) for each in once])  # the same stamps again
    assert sum(text.startswith("tracks: expected a stamp after") and "starting anew" in text for text in run.said) == 1
    voices = [m.ids for m in run.on("/humans/voices/tracked")]
    assert [] in voices
    ids = [each for listed in voices for each in listed]
    assert len(set(ids)) >= 2  # the second voice is another one
    ends = [m for m in run.on("/humans/candidate_matches") if m.confidence == 0.0]
    assert ends
    again = [Arrival(6.5 + t, "on_tracks", tracks_message(TYPES, 3.0 + t, {1: 18.0}, age=t)) for t in (0.1, 0.2)]
    run.play(again)
    (line,) = [text for text in run.said if "another run of the tracker" in text]
    assert line.startswith("tracks: expected ids that are not used again, got 1 for somebody else: ")


def face_messages(seconds: float, found: dict[str, float]) -> list[Arrival]:
    """The list of faces, and their regions where somebody in that direction has the head."""
    header = tracks_message(TYPES, seconds, {}).header
    arrivals = [Arrival(seconds, "on_faces", TYPES.make("hri_msgs/msg/IdsList", header=header, ids=list(found)))]
    for face, degrees in found.items():
        x1, y1, x2, _ = (box_at(degrees) + [15, 5, -15, 0]) / [640, 480, 640, 1]
        region = {"header": header, "xmin": x1, "ymin": y1, "xmax": x2, "ymax": y1 + 40 / 480, "c": 0.9}
        message = TYPES.make("hri_msgs/msg/NormalizedRegionOfInterest2D", **region)
        arrivals.append(Arrival(seconds, f"on_face_region {face}", message))
    return arrivals


def test_voices_are_matched_to_faces_too() -> None:
    """The face of track 2 gets another id after 2 s, as by a detector that lost it."""
    faces = [
        arrival
        for t in np.arange(0.0, 3.0, 0.1).tolist()
        for arrival in face_messages(t, {"f1": 18.0, "f2" if t < 2.0 else "f3": -18.0})
    ]
    run = Run().play([CAMERA, *faces, *video(3.0), *sound(turns(DATA, -18.0))]).close()
    said: dict[tuple[str, int], list[float]] = {}
    for m in run.on("/humans/candidate_matches"):
        said.setdefault((m.id2, m.id2_type), []).append(m.confidence)
    assert set(said) == {("b2", 3), ("f2", 2), ("f3", 2)}
    for confidences in said.values():
        assert confidences[-1] == 0.0
        assert confidences.count(0.0) == 1
        assert all(confidence >= 0.5 for confidence in confidences[:-1])
    assert max(said["f2", 2]) < max(said["b2", 3])
    assert not run.said


def landmarks(seconds: float, face: str, opening: float) -> Arrival:
    """Of a face whose inner lips are `opening` widths of the mouth apart; the two pupils are not found."""
    points = np.full((70, 3), [0.4, 0.4, 0.9])
    points[[62, 66, 48, 54], :2] = [0.42, 0.5], [0.42, 0.5 + 0.04 * opening * 640 / 480], [0.40, 0.5], [0.44, 0.5]
    points[68:] = 0.0
    made = [TYPES.make("hri_msgs/msg/NormalizedPointOfInterest2D", x=x, y=y, c=c) for x, y, c in points.tolist()]
    header = tracks_message(TYPES, seconds, {}).header
    message = TYPES.make("hri_msgs/msg/FacialLandmarks", header=header, landmarks=made, height=480, width=640)
    return Arrival(seconds + 0.02, f"on_face_landmarks {face}", message)


@pytest.mark.parametrize("count", [0, 5])
def test_landmarks_that_are_none_are_refused(count: int) -> None:
    run = Run().play([*face_messages(0.0, {"f1": 18.0}), *video(0.2)])
    wrong = landmarks(0.0, "f1", 0.2)
    wrong.message.landmarks = wrong.message.landmarks[:count]
    with pytest.raises(ValueError, match=r"expected landmarks .68, 2. or .*, got"):
        run.play([wrong])


@pytest.mark.parametrize("settings", [{}, {"microphone_positions": "0 0 0", "num_channels": 1}])
def test_lips_tell_apart_who_stands_side_by_side(settings: dict[str, Any]) -> None:
    """Six degrees apart, which directions cannot tell: the lips of one of them move with the sound. With one microphone
    there are no directions at all."""
    heard, angles = turns(DATA, 3.0, seconds=5.0), {1: 3.0, 2: -3.0}
    level = np.sqrt(np.convolve(np.square(heard[0]), np.ones(640) / 640, mode="same"))
    times = np.arange(0.0, 5.0, 0.04).tolist()
    opening = {t: 0.5 * level[round(16000 * t)] / level.max() for t in times}

    def speaking(*moving: str) -> tuple[int, int]:
        faces = [a for t in times[::2] for a in face_messages(t, {"f1": 3.0, "f2": -3.0})]
        lips = [landmarks(t, f, opening[t] if f in moving else 0.05) for t in times for f in ("f1", "f2") if moving]
        channels = heard[:1] if settings else heard
        run = Run(**settings).play([CAMERA, *faces, *video(5.0, angles=angles), *lips, *sound(channels)]).close()
        who = [found for t, found in run.who() if t > 2.0]
        return sum(1 in found for found in who), sum(2 in found for found in who)

    assert max(speaking()) <= 2  # nothing is claimed
    for face, other in (("f1", "f2"), ("f2", "f1")):
        own, others = speaking(face)[:: 1 if face == "f1" else -1]
        assert own > 25, (face, other)
        assert others == 0


def test_what_is_past_is_forgotten() -> None:
    """Nothing that the package makes is kept for each chunk, or each image."""
    run, counts = Run(ros4hri=False), list[int]()
    arrivals = [*video(3.0), *sound(turns(DATA, 18.0))]
    for seconds in (1.0, 2.0, 3.0):
        run.play(each for each in arrivals if seconds - 1.0 < each.seconds <= seconds).outputs.clear()
        gc.collect()
        counts.append(sum(str(type(each).__module__).startswith("dvae") for each in gc.get_objects()))
    assert counts[2] - counts[1] <= 5  # 31 chunks and 20 images came meanwhile


def test_other_classes_do_not_speak() -> None:
    chairs = [
        Arrival(t, "on_tracks", tracks_message(TYPES, t, ANGLES, class_id="chair")) for t in np.arange(0, 3, 0.05)
    ]
    run = Run().play([CAMERA, *chairs, *sound(turns(DATA, 18.0))]).close()
    assert {number for _, speaking in run.who() for number in speaking} <= {0}
    assert "got tracks of class 'chair': nobody speaks" in run.said[0]
    assert set(run.reporter.counts) == {"no people 'chair'"}


@pytest.mark.parametrize(
    ("field", "value", "got"),
    [
        ("id", 0, "id 0 with ["),
        ("box", np.full(4, np.nan), "id 1 with [nan, nan, nan, nan]"),
        ("box", np.array([400.0, 100, 300, 400]), "id 1 with [400, 100, 300, 400]"),
        ("box", np.array([100.0, 100, 100, 100]), "id 1 with [100, 100, 100, 100]"),
    ],
)
def test_tracks_that_are_none_are_said_once_and_the_others_go_on(field: str, value: Any, got: str) -> None:
    frames = video(3.0)
    for frame in frames:
        setattr(frame.message.tracks[0], field, value)
    run = Run().play([CAMERA, *frames, *sound(turns(DATA, -18.0))]).close()
    first = [text for text in run.said if "seen" not in text]
    assert len(first) == 1
    assert f"expected ids from 1 on and boxes [x1, y1, x2, y2] with x1 < x2 and y1 < y2, got {got}" in first[0]
    assert {number for _, speaking in run.who() for number in speaking if number} == {2}


def test_an_id_that_two_have_is_said() -> None:
    frames = video(0.2)
    for frame in frames:
        frame.message.tracks[0].id = 2
    run = Run().play([CAMERA, *frames]).close()
    assert run.said == ["tracks: expected each id once in an image, got 2 more than once: the last one counts"]


def test_one_bad_message_ends_nothing() -> None:
    run = Run()
    early = tracks_message(TYPES, -START, ANGLES)
    run.play([Arrival(-0.9, "on_tracks", early), CAMERA, *video(3.0), *sound(turns(DATA, 18.0))]).close()
    assert any("tracks: expected a stamp, got 0 ns" in text for text in run.said)
    assert {number for _, speaking in run.who() for number in speaking} == {1}


def test_the_order_of_arrival_does_not_matter(conversation: Run) -> None:
    """The tracks 0.3 s later, as by a slow detector: the same scenes."""
    late = [each._replace(seconds=each.seconds + 0.3) for each in video(6.0)]
    run = Run(markers=True).play([CAMERA, *late, *sound(turns(DATA, *ANGLES.values()))]).close()
    assert [str(m) for m in run.on("speakers")] == [str(m) for m in conversation.on("speakers")]
