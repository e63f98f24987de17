"""The tracker on bag messages: what detectors really send, and what is said of it. No ROS is needed."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from live_messages import BOX
from make_bag import audio_types

from dvae.signal.audio_clock import NANOSECONDS
from dvae.tracking.config import TrackerConfig
from dvae_nodes.lifecycle.pipeline import Settings, handle
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.tracker import TrackerNodeConfig, TrackerPipeline
from dvae_nodes.wire import conversions as convert

OTHER = [300.0, 120.0, 380.0, 300.0]


class Camera:
    """A tracker pipeline with what it reported and what came out."""

    def __init__(self, config: TrackerConfig | None = None, **settings: Any) -> None:
        self.types = audio_types(False)
        self.log: list[str] = []
        self.reporter = Reporter(self.log.append)
        settings = {"image_width": 640, "image_height": 480, **settings}
        configured = Settings(TrackerNodeConfig(**settings), config or TrackerConfig())
        self.pipeline = TrackerPipeline(self.types, configured, self.reporter)
        self.outputs: list[Any] = []

    def message(
        self, seconds: float, boxes: Any = (BOX,), names: Any = None, scores: Any = None, theta: float = 0.0
    ) -> Any:
        """names: of each box; None in it for a box without results."""
        header = convert.make_header(self.types, round(seconds * NANOSECONDS), "camera")
        found = np.asarray(boxes, dtype=float).reshape(-1, 4)
        names = ["person"] * len(found) if names is None else names
        scores = np.ones(len(found)) if scores is None else np.asarray(scores, dtype=float)
        message = convert.detections_to_message(self.types, header, found, scores, [name or "" for name in names])
        for detection, name in zip(message.detections, names, strict=True):
            detection.bbox.center.theta = theta
            if name is None:
                detection.results = []
        return message

    def see(self, message: Any, received: float = 0.0) -> list[Any]:
        work = partial(self.pipeline.on_detections, message, round(received * NANOSECONDS))
        found: list[Any] = handle(self.reporter, "detections", work) or []
        self.outputs += found
        return found

    def watch(self, count: int, **what: Any) -> Camera:
        for t in range(count):
            self.see(self.message(10 + t / 30, **what))
        return self

    def of(self, topic: str) -> list[Any]:
        return [output.message for output in self.outputs if output.topic == topic]

    @property
    def problems(self) -> dict[str, int]:
        return dict(self.reporter.counts)


@pytest.mark.parametrize(
    ("config", "settings", "what", "said"),
    [
        (None, {}, {"scores": [-1.0]}, "30 of 30 boxes left out: 30 with a score below min_score 0.3"),
        (None, {}, {"scores": [0.45]}, "30 boxes score all 0.45, below birth_score 0.6"),
        (TrackerConfig(birth_score=0.4), {}, {"scores": [0.45]}, "less than visible_score 0.55: lower it"),
        (None, {}, {"scores": [np.nan]}, "30 with a score that is no number up to 1000"),
        (None, {"class_id": "person"}, {"names": ["chair"]}, "30 of a class that is not tracked; class_id is 'person', "
         "and what came is 'chair' (30)"),
        (None, {"class_id": "person"}, {"names": [None]}, "what came is '' (30)"),
        (None, {"image_width": 64, "image_height": 48}, {}, "30 outside the image of 64 x 48 (they reach to 160 x 260"),
        (None, {}, {"boxes": [[0.2, 0.2, 0.25, 0.6]]}, "30 with a side below 0.064 pixels"),
    ],
)  # fmt: skip
def test_why_no_track_comes_is_said_once_with_numbers(
    config: TrackerConfig | None, settings: dict[str, Any], what: dict[str, Any], said: str
) -> None:
    camera = Camera(config, **settings).watch(29, **what)
    assert "no tracks" not in camera.problems
    assert said.replace("30", "29") in camera.pipeline.facts()["no track because"]()
    camera.see(camera.message(11.5, **what))
    (line,) = [line for line in camera.log if "no track in 30 frames with 30 boxes" in line]
    assert said in line
    assert "\n" not in line
    camera.watch(200, **what)
    assert sum("no track in" in line for line in camera.log) == 1


def test_a_short_recording_without_tracks_says_why_at_its_end() -> None:
    camera = Camera().watch(12, scores=[0.45])
    assert not camera.log
    camera.pipeline.close()
    assert "no track in 12 frames with 12 boxes: 12 boxes score all 0.45, below birth_score 0.6" in camera.log[0]
    camera = Camera().watch(12)
    camera.pipeline.close()
    assert not camera.log
    camera = Camera().watch(60, boxes=[])
    assert camera.pipeline.facts()["no track because"]() == "no track in 60 frames: no box came"
    camera.pipeline.close()
    assert camera.log == ["detections: no track in 60 frames: no box came"]


def test_an_empty_scene_and_one_with_people_say_nothing() -> None:
    assert not Camera().watch(100, boxes=[]).log
    camera = Camera().watch(100)
    for t in range(200):  # they leave; the detector goes on with doubtful boxes
        camera.see(camera.message(20 + t / 30, scores=[0.2]))
    assert not camera.log
    camera = Camera().watch(100)
    assert not camera.log
    assert camera.pipeline.facts()["boxes"]() == "100 of 100 used in 100 frames"
    assert camera.pipeline.facts()["boxes left out"]() == "none"
    assert camera.pipeline.facts()["no track because"]() == ""


@pytest.mark.parametrize("stamp", [0.0, -5.0])
def test_a_message_without_stamp_is_left_out_and_nobody_is_forgotten(stamp: float) -> None:
    camera = Camera().watch(10)
    message = camera.message(11.0)
    message.header.stamp.sec = int(stamp)
    message.header.stamp.nanosec = 0
    assert camera.see(message) == []
    (tracks, _) = camera.see(camera.message(10 + 10 / 30))
    assert [track.id for track in tracks.message.tracks] == [1]
    assert camera.problems == {"no stamp": 1}
    assert "use_sim_time without /clock?; set the parameter stamp to arrival" in camera.log[0]


@pytest.mark.parametrize("constant", [0.0, 77.0])
def test_stamps_that_do_not_advance_are_said_and_arrival_is_the_way_out(constant: float) -> None:
    camera, with_arrival = Camera(), Camera(stamp="arrival")
    for t in range(30):
        camera.see(camera.message(constant), 10 + t / 30)
        with_arrival.see(with_arrival.message(constant), 10 + t / 30)
    assert len(camera.of("tracks")) == (constant > 0)
    cause = "stamps stand still" if constant else "no stamp"
    assert camera.problems[cause] == (2 if constant else 30)
    assert any("set the parameter stamp to arrival to use the time of receipt" in line for line in camera.log)
    tracks = with_arrival.of("tracks")
    assert len(tracks) == 30
    assert [track.id for track in tracks[-1].tracks] == [1]
    assert convert.stamp_to_nanoseconds(tracks[-1].header.stamp) == round((10 + 29 / 30) * NANOSECONDS)
    assert tracks[-1].header.frame_id == "camera"
    assert not with_arrival.problems


def test_stamps_of_one_moment_stand_still() -> None:
    camera = Camera()
    for t in range(12):
        camera.see(camera.message(77.0 + t * 1e-8))
    assert camera.problems == {"late detections": 11, "stamps stand still": 1}


def test_arrival_without_a_clock_is_said() -> None:
    camera = Camera(stamp="arrival")
    assert camera.see(camera.message(10.0), 0.0) == []
    assert "use_sim_time is set, but nothing comes on /clock" in camera.log[0]


def test_stamps_in_pairs_are_said() -> None:
    camera = Camera()
    for t in range(30):
        for _ in range(2):
            camera.see(camera.message(10 + t / 30))
    assert camera.problems == {"late detections": 30, "stamps stand still": 3}
    assert "got that of the frame before 10 times, now" in camera.log[-1]


@pytest.mark.parametrize(
    ("name", "setting", "is_body"),
    [
        ("person", None, True), ("Person", None, True), ("pedestrian", None, True), ("chair", None, False),
        ("0", None, False), (None, None, False), ("0", "0", True), ("chair", "*", True), (None, "*", True),
        ("person", "0, 1", False),
    ],
)  # fmt: skip
def test_only_people_are_bodies(name: str | None, setting: str | None, is_body: bool) -> None:
    camera = Camera(ros4hri=True, **({} if setting is None else {"person_classes": setting}))
    camera.watch(40, names=[name])
    assert [track.id for track in camera.of("tracks")[-1].tracks] == [1]
    assert list(camera.of("/humans/bodies/tracked")[-1].ids) == (["b1"] if is_body else [])
    assert bool(camera.of("/humans/bodies/b1/roi")) == is_body
    said = [line for line in camera.log if line.startswith("ros4hri: no body in 30 frames with tracks")]
    assert len(said) == (not is_body)
    if said:
        assert f"they are of class '{name or ''}' (30), and people are " in said[0]
        assert "set person_classes to those that are people (* for all)" in said[0]


def test_a_person_beside_a_chair_is_the_only_body() -> None:
    camera = Camera(ros4hri=True).watch(60, boxes=[OTHER, BOX], names=["chair", "person"])
    assert list(camera.of("/humans/bodies/tracked")[-1].ids) == ["b2"]
    assert len(camera.of("tracks")[-1].tracks) == 2
    assert not camera.problems


def test_settings_that_do_not_fit_are_refused_or_said() -> None:
    with pytest.raises(ValueError, match=r"person_classes: expected the classes that are people \(\* for all\)"):
        Camera(ros4hri=True, person_classes=" ,")
    with pytest.raises(ValueError, match="expected both image_width and image_height, or 0 for both, got 640 and 0"):
        Camera(image_height=0)
    camera = Camera(TrackerConfig(min_score=0.7))
    assert camera.log == [
        "birth_score 0.6 is below min_score 0.7, which leaves out lower scores: tracks start from 0.7"
    ]


def test_the_best_result_of_a_box_counts() -> None:
    camera = Camera()
    for t in range(4):
        message = camera.message(10 + t / 30, boxes=[BOX], names=["dog"], scores=[0.2])
        more = camera.message(1.0, boxes=[BOX] * 3, names=["person", "chair", "cat"], scores=[0.9, 0.5, np.nan])
        message.detections[0].results = [
            *more.detections[2].results, *message.detections[0].results, *more.detections[0].results,
            *more.detections[1].results,
        ]  # fmt: skip
        camera.see(message)
    assert [track.class_id for track in camera.of("tracks")[-1].tracks] == ["person"]
    assert not camera.problems


def test_boxes_without_results_are_used_with_a_word() -> None:
    camera = Camera().watch(5, names=[None])
    assert [track.class_id for track in camera.of("tracks")[-1].tracks] == [""]
    assert camera.log == ["detections: 1 of 1 boxes have no result: taken as class '', score 1"]


@pytest.mark.parametrize("theta", [np.pi / 2, np.pi / 6, -0.4, 3.0, np.pi])
def test_a_rotated_box_is_the_upright_one_around_it(theta: float) -> None:
    camera = Camera()
    x, y = 30.0 * np.array([1, 1, -1, -1]), 80.0 * np.array([1, -1, 1, -1])
    turned = np.array([x * np.cos(theta) - y * np.sin(theta), x * np.sin(theta) + y * np.cos(theta)])
    found = convert.detections_from_message(camera.message(1.0, boxes=[[270, 160, 330, 320]], theta=theta))
    expected = [*(turned.min(axis=1) + [300, 240]), *(turned.max(axis=1) + [300, 240])]
    np.testing.assert_allclose(found.boxes[0], expected)
    assert found.rotated == 1
    camera.see(camera.message(1.0, boxes=[[270, 160, 330, 320]], theta=theta))
    assert camera.log == ["detections: 1 of 1 boxes are rotated (theta): the upright ones around them are used"]
    camera.see(camera.message(2.0, theta=np.nan))
    assert "1 with NaN or infinite coordinates" in camera.log[-1]


def test_odd_numbers_in_one_frame_change_nothing_and_are_said() -> None:
    odd = [[0, 0, 1e155, 1e155], [5, 5, 5 + 1e-163, 90], [0, 0, 1e308, 100], [1e200, 1e200, 2e200, 2e200]]
    plain, camera = Camera(), Camera()
    for t in range(40):
        boxes = np.array([BOX, OTHER]) + [2 * t, 0, 2 * t, 0]
        plain.see(plain.message(10 + t / 30, boxes))
        camera.see(camera.message(10 + t / 30, np.vstack([boxes, odd]) if t == 20 else boxes))
    ids, ids_plain = ([[(k.id, k.box.tolist()) for k in m.tracks] for m in c.of("tracks")] for c in (camera, plain))
    assert ids == ids_plain
    assert camera.problems == {"boxes": 1}


def test_duplicates_and_strange_scores_are_said() -> None:
    camera = Camera().watch(10, boxes=[BOX, BOX], scores=[90.0, 80.0])
    assert [track.id for track in camera.of("tracks")[-1].tracks] == [1]
    assert camera.problems == {"duplicates": 10, "scores": 10}
    assert "2 boxes, left out: 1 that overlap a better one by more than duplicate_iou 0.75" in camera.log[0]
    assert "expected scores from 0 to 1, got 80 to 90 (perhaps percent: divide them by 100" in camera.log[1]


def test_classes_that_come_and_go_are_forgotten() -> None:
    camera = Camera(smoothing_lag=3)
    for t in range(60):
        names = ["person", *(f"class {t} {k}" for k in range(20))]
        boxes = [[40 + t, 100, 100 + t, 260], *([20.0 * k, 300, 20.0 * k + 15, 350] for k in range(20))]
        camera.see(camera.message(10 + t / 30, boxes, names))
    assert len(camera.pipeline._classes._numbers) == len(camera.pipeline._classes._names) == 21
    camera.outputs += camera.pipeline.flush()
    smoothed = camera.of("tracks/smoothed")
    assert len(smoothed) == 60
    for t, message in enumerate(smoothed):
        assert message.tracks[0].class_id == "person"
        assert {track.class_id for track in message.tracks[1:]} == {f"class {t} {k}" for k in range(20)}


@pytest.mark.parametrize("step", [3, 5])
def test_a_slow_detector_with_empty_messages_between(step: int) -> None:
    camera = Camera()
    for t in range(20 * step):
        camera.see(camera.message(10 + t / 30, [BOX, OTHER] if t % step == 0 else []))
    assert [track.id for track in camera.of("tracks")[-1].tracks] == [7, 8]
    assert not camera.problems


def test_a_slow_detector_that_sends_nothing_between() -> None:
    camera = Camera()
    for t in range(0, 60, 5):
        camera.see(camera.message(10 + t / 30, [BOX, OTHER]))
    assert [track.id for track in camera.of("tracks")[-1].tracks] == [1, 2]
