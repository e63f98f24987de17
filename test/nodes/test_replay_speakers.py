"""dvae-replay says who speaks where it is told where the microphones are: always the same, and silent otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from array_scene import (
    ANGLES,
    SQUARE,
    START,
    audio_info_message,
    audio_messages,
    box_at,
    camera_info_message,
    transforms_message,
    turns,
)
from make_bag import audio_types
from recordings import Recorded, write
from rosbags.highlevel import AnyReader

from dvae.cli.common import settings_from_options
from dvae.signal.audio_clock import NANOSECONDS
from dvae_nodes.lifecycle.pipeline import Settings
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.speakers import SpeakersPipeline
from dvae_nodes.replay import main, replay
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire import topics
from dvae_nodes.wire.audio import AUDIO_KINDS

DATA = Path(__file__).resolve().parents[1] / "data"
TYPES = audio_types(False)
SECONDS = 3.0


def at(seconds: float) -> int:
    return round((START + seconds) * NANOSECONDS)


def people(topic: str = "/camera/detections") -> list[Recorded]:
    found = []
    for t in np.arange(0.0, 2 * SECONDS, 0.05).tolist():
        boxes = np.array([box_at(degrees) for degrees in ANGLES.values()])
        header = convert.make_header(TYPES, at(t), "camera")
        message = convert.detections_to_message(TYPES, header, boxes, np.full(2, 0.9), "person")
        found.append(Recorded(topic, topics.DETECTIONS.types[0], at(t), message))
    return found


def array(topic: str = "/array/audio", channels: int = 4) -> list[Recorded]:
    sound = turns(DATA, *ANGLES.values(), seconds=SECONDS)[:channels]
    info = Recorded(f"{topic}_info", topics.AUDIO_INFO_TYPE, at(-1), audio_info_message(TYPES, channels))
    return [info, *(Recorded(topic, AUDIO_KINDS[1], at(t), m) for t, m in audio_messages(TYPES, sound))]


def camera_and_frames() -> list[Recorded]:
    tree = transforms_message(TYPES, "body", "microphones").transforms
    tree += transforms_message(TYPES, "body", "camera").transforms
    static = TYPES.make(topics.TRANSFORMS.types[0], transforms=tree)
    return [
        Recorded("/tf_static", topics.TRANSFORMS.types[0], at(-1), static),
        Recorded("/camera/camera_info", topics.CAMERA_INFO.types[0], at(-1), camera_info_message(TYPES)),
    ]


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("bags") / "in", TYPES, [*people(), *array(), *camera_and_frames()])


def speakers(*options: str) -> dict[str, Settings]:
    given = [f"microphone_positions={SQUARE}", *options]
    return {"speakers": Settings(*settings_from_options(SpeakersPipeline.configs, given))}


def read(path: Path, topic: str) -> list[Any]:
    with AnyReader([path]) as reader:
        return [reader.deserialize(raw, c.msgtype) for c, _, raw in reader.messages() if c.topic == topic]


def test_who_speaks_in_a_bag_twice_the_same(bag: Path, tmp_path: Path) -> None:
    said: list[str] = []
    settings = speakers("ros4hri=true", "markers=true")
    for name in ("one", "two"):
        counts = replay(bag, tmp_path / name, False, settings=settings, reporter=Reporter(said.append))
        assert counts["/camera/speakers"] == counts["/camera/speakers/markers"] >= counts["/camera/tracks"] == 120
        assert counts["/humans/candidate_matches"] > 10
    assert not [text for text in said if not text.startswith("audio: expected 1 channel")]  # of the enhancer
    files = [(tmp_path / name / f"{name}.mcap").read_bytes() for name in ("one", "two")]
    assert files[0] == files[1]
    found = read(tmp_path / "one", "/camera/speakers")
    for half, expected in ((found[30:58], {1}), (found[80:118], {2})):
        said_by = [{s.track_id for s in message.speakers if s.speaking} for message in half]
        assert sum(each == expected for each in said_by) > 0.8 * len(half)
    lists = [list(m.ids) for m in read(tmp_path / "one", "/humans/voices/tracked")]
    assert lists == [["s1"], ["s1", "s2"], []]
    assert {m.confidence for m in read(tmp_path / "one", "/humans/candidate_matches")[-2:]} == {0.0}


def test_without_positions_nothing_is_done_or_said(bag: Path, tmp_path: Path) -> None:
    said: list[str] = []
    counts = replay(bag, tmp_path / "out", False, reporter=Reporter(said.append))
    assert not [topic for topic in counts if "speakers" in topic or "matches" in topic]
    assert not [text for text in said if "speakers" in text or "microphone_positions" in text]


def test_the_voices_of_the_enhancer_and_those_who_speak_are_one_list(bag: Path, tmp_path: Path) -> None:
    settings = speakers("ros4hri=true") | {
        "enhancer": Settings(*settings_from_options(classes_of("enhancer"), ["ros4hri=true"]))
    }
    replay(bag, tmp_path / "out", False, settings=settings)
    lists = [list(m.ids) for m in read(tmp_path / "out", "/humans/voices/tracked")]
    assert ["v1", "s1", "s2"] in lists
    assert lists[-1] == []


def classes_of(name: str) -> tuple[type, ...]:
    from dvae_nodes.pipelines.table import PIPELINES

    return next(kind.configs for kind in PIPELINES if kind.name == name)


def test_one_of_two_recordings_is_chosen_with_its_format(bag: Path, tmp_path: Path) -> None:
    """A microphone beside the array, in the namespace of nobody."""
    both = write(tmp_path / "in", TYPES, [*people(), *array(), *array("/audio", 1), *camera_and_frames()])
    said: list[str] = []
    counts = replay(both, tmp_path / "guess", False, settings=speakers(), reporter=Reporter(said.append))
    text = (
        "speakers: `audio`: expected a topic for `audio` in /camera, got /array/audio, /audio elsewhere: none is read"
    )
    assert f"{text} (choose: --topic speakers.audio=TOPIC)" in said
    chosen = {"speakers.audio": ["/array/audio"], "enhancer.audio": ["/audio"]}
    counts = replay(both, tmp_path / "chosen", False, settings=speakers(), chosen=chosen)
    assert counts["/audio/enhanced"] > 0
    assert "/array/audio/enhanced" not in counts
    found = read(tmp_path / "chosen", "/camera/speakers")
    assert {2} in [{s.track_id for s in message.speakers if s.speaking} for message in found]


def test_recorded_tracks_are_enough_and_so_is_sound_alone(bag: Path, tmp_path: Path) -> None:
    first = replay(bag, tmp_path / "first")
    kept = write(tmp_path / "tracks", TYPES, [*as_recorded(tmp_path / "first"), *array(), *camera_and_frames()])
    counts = replay(kept, tmp_path / "again", False, settings=speakers())
    assert counts["/camera/speakers"] >= first["/camera/tracks"]
    assert "/camera/tracks" not in counts
    alone = write(tmp_path / "sound", TYPES, array())
    counts = replay(alone, tmp_path / "alone", False, settings=speakers())
    assert counts["/array/speakers"] > 10


def as_recorded(path: Path) -> list[Recorded]:
    with AnyReader([path]) as reader:
        kind = topics.TRACKS.types[0]
        return [
            Recorded(c.topic, kind, when, bytes(raw))
            for c, when, raw in reader.messages()
            if c.topic == "/camera/tracks"
        ]


def test_a_mono_bag_with_positions_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "in", TYPES, [*people(), *array("/camera/audio", 1), *camera_and_frames()])
    import sys

    arguments = ["dvae-replay", str(path), str(tmp_path / "out"), "--speakers", f"microphone_positions={SQUARE}"]
    before, sys.argv = sys.argv, arguments
    try:
        assert main() == 0
    finally:
        sys.argv = before
    text = "audio: expected 4 channels (microphone_positions), got 1: chunk ignored"
    assert capsys.readouterr().err.count(text) == 3  # the first, the tenth, the hundredth
