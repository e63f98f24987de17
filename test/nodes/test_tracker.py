"""The tracker node as a robot sees it: messages in, messages out."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is missing: source a ROS or run `make test`")
from dvae_perception.msg import Track, TrackArray
from live_messages import BOX, SECOND, TYPES, detections
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from vision_msgs.msg import Detection2DArray

from dvae_nodes.tracker import TrackerNode
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire import images


def test_tracker_tracks_and_repeats_the_header(stage: Any) -> None:
    stage.add(TrackerNode, image_width=640, image_height=480)
    tracks, as_detections = stage.listen(TrackArray, "tracks"), stage.listen(Detection2DArray, "tracks/detections")
    for t in range(5):
        box = np.array(BOX) + [3 * t, 0, 3 * t, 0]
        message = stage.send("detections", detections(10 + t / 30, [box]), tracks)
        assert message.header == detections(10 + t / 30).header
    track = message.tracks[0]
    assert (track.id, track.state, track.detection_index) == (1, Track.CONFIRMED, 0)
    assert (message.image_width, message.image_height) == (640, 480)
    np.testing.assert_allclose(track.box, box, atol=5)
    assert track.velocity[0] > 0
    assert track.age == pytest.approx(4 / 30)
    assert (np.asarray(track.variance) > 0).all()
    stage.until(lambda: len(as_detections) == 5)
    assert [d.id for d in as_detections[-1].detections] == ["1"]
    empty = stage.send("detections", detections(10.2, []), tracks)  # empty frames are frames
    assert [t.state for t in empty.tracks] == [Track.OCCLUDED]


def test_tracker_survives_every_wrong_input(stage: Any, capfd: Any) -> None:
    node = stage.add(TrackerNode, image_width=640, image_height=480)
    tracks = stage.listen(TrackArray, "tracks")
    bad = [[np.nan, 0, 10, 20], [0, 0, np.inf, 20], [5, 5, 5, 5], [900, 0, 950, 90]]
    for t in range(4):
        message = stage.send("detections", detections(10 + t / 30, [*bad, BOX]), tracks)
    assert [(t.id, t.detection_index) for t in message.tracks] == [(1, 4)]
    assert stage.problems(node) == {"boxes": 4}
    said = capfd.readouterr().err
    assert "detections: 5 boxes, left out: 2 with NaN or infinite coordinates, 1 without a positive width" in said
    assert "1 outside the image of 640 x 480 (they reach to 950 x 90: is the image size right?)" in said
    assert "the first is x1, y1, x2, y2 = [nan" in said
    # the same stamp again, and one that is a little late: ignored, and the track goes on
    stage.publish("detections", detections(10 + 3 / 30))
    stage.publish("detections", detections(10.05))
    stage.until(lambda: stage.problems(node).get("late detections") == 2)
    message = stage.send("detections", detections(10 + 4 / 30), tracks)
    assert [t.id for t in message.tracks] == [1]
    # a looped bag: time goes back by seconds; a new track with a new id
    message = stage.send("detections", detections(2.0), tracks)
    assert [t.id for t in message.tracks] == [2]
    assert stage.problems(node)["time went back"] == 1
    # 500 boxes
    corner = np.random.default_rng(0).uniform(0, [600, 400], size=(500, 2))
    message = stage.send("detections", detections(2.1, np.hstack([corner, corner + [20, 50]])), tracks)
    assert len(message.tracks) >= 1
    assert stage.problems(node)["too many boxes"] == 1


def test_frames_that_come_while_nobody_looks_are_not_lost(stage: Any) -> None:
    node = stage.add(TrackerNode)
    stage.send("detections", detections(10), stage.listen(TrackArray, "tracks"))
    for t in range(1, 60):
        stage.publish("detections", detections(10 + t / 30))
    stage.until(lambda: node.meter("detections").count == 60)


def test_tracker_keeps_classes_apart_and_names_them(stage: Any) -> None:
    stage.add(TrackerNode, class_id="person, dog")
    tracks = stage.listen(TrackArray, "tracks")
    for t in range(4):
        message = detections(10 + t / 30, [BOX, BOX, BOX])
        for detection, name in zip(message.detections, ("dog", "person", "chair"), strict=True):
            detection.results[0].hypothesis.class_id = name
        message.detections = message.detections[:: 1 if t % 2 else -1]
        found = stage.send("detections", message, tracks)
    assert sorted(t.class_id for t in found.tracks) == ["dog", "person"]
    assert all(t.state == Track.CONFIRMED for t in found.tracks)


def test_smoothed_tracks_come_late_with_their_own_stamp_and_none_is_lost(stage: Any) -> None:
    node = stage.add(TrackerNode, smoothing_lag=3)
    tracks, late = stage.listen(TrackArray, "tracks"), stage.listen(TrackArray, "tracks/smoothed")
    for t in range(8):
        stage.send("detections", detections(10 + t / 30), tracks)
    stage.until(lambda: len(late) == 5)
    stage.send("detections", detections(2.0), tracks)  # a looped bag: what is held comes before the new frames
    stage.until(lambda: len(late) == 8)
    node.trigger_deactivate()
    stage.until(lambda: len(late) == 9)
    assert [m.header for m in late] == [m.header for m in tracks]
    assert late[0].tracks[0].state == Track.CONFIRMED  # it was confirmed within the lag
    assert tracks[0].tracks[0].state == Track.TENTATIVE


def test_bodies_as_a_client_of_ros4hri_sees_them(stage: Any) -> None:
    from hri_msgs.msg import IdsList, NormalizedRegionOfInterest2D

    node = stage.add(TrackerNode, ros4hri=True, image_width=640, image_height=480, max_missed_seconds=0.5)
    tracks = stage.listen(TrackArray, "tracks")
    for t in range(4):
        stage.send("detections", detections(10 + t / 30, [BOX, [300.0, 100.0, 700.0, 260.0]]), tracks)
    latched = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    lists = stage.listen(IdsList, "/humans/bodies/tracked", latched)  # a client that comes late
    stage.until(lambda: bool(lists))
    assert list(lists[-1].ids) == ["b1", "b2"]
    regions = stage.listen(NormalizedRegionOfInterest2D, "/humans/bodies/b2/roi")
    stage.until(lambda: stage.peer.count_publishers("/humans/bodies/b2/roi") == 1)
    for t in range(4, 40):
        stage.send("detections", detections(10 + t / 30, [BOX, [300.0, 100.0, 700.0, 260.0]]), tracks)
        if regions:
            break
    region = regions[-1]
    assert (region.xmin, region.ymax, region.xmax) == pytest.approx((300 / 640, 260 / 480, 1.0), abs=0.02)
    assert region.header.frame_id == "camera"
    # the second person is hidden, stays listed, is given up: list and topic go
    stage.send("detections", detections(12.0), tracks)
    stage.until(lambda: list(lists[-1].ids) == ["b1", "b2"])
    for t in range(1, 25):
        stage.send("detections", detections(12.0 + t / 30), tracks)
    stage.until(lambda: list(lists[-1].ids) == ["b1"])
    stage.until(lambda: stage.peer.count_publishers("/humans/bodies/b2/roi") == 0)
    node.trigger_deactivate()
    stage.until(lambda: not lists[-1].ids)


def test_ros4hri_without_an_image_size_is_not_configured(stage: Any, capfd: Any) -> None:
    node = stage.add(TrackerNode, start=False, ros4hri=True)
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert "ros4hri: expected image_width and image_height" in capfd.readouterr().err


def test_markers_show_confirmed_tracks(stage: Any) -> None:
    from visualization_msgs.msg import Marker, MarkerArray

    stage.add(TrackerNode, markers=True)
    markers = stage.listen(MarkerArray, "tracks/markers")
    for t in range(4):
        message = stage.send("detections", detections(10 + t / 30), markers)
    kinds = {(m.ns, m.id): m for m in message.markers}
    assert message.markers[0].action == Marker.DELETEALL
    assert {("box", 1), ("id", 1), ("trail", 1), ("uncertainty", 1)} <= set(kinds)
    assert kinds["id", 1].text == "1"
    corners = np.array([(p.x, p.y) for p in kinds["box", 1].points])
    np.testing.assert_allclose([*corners.min(0), *corners.max(0)], np.array(BOX) / 1000, atol=5e-3)
    assert message.markers[0].header.frame_id == "camera"


def test_the_camera_is_followed_in_images(stage: Any) -> None:
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.integers(0, 255, size=(700, 1000), dtype=np.uint8), (0, 0), 3)
    texture = cv2.cvtColor(cv2.normalize(texture, None, 0, 255, cv2.NORM_MINMAX), cv2.COLOR_GRAY2BGR)
    node = stage.add(TrackerNode, camera_from_images=True)
    tracks = stage.listen(TrackArray, "tracks")
    shift = np.cumsum(rng.integers(-25, 25, size=(12, 2)), axis=0) + 150
    for t, (x, y) in enumerate(shift.tolist()):
        header = convert.make_header(TYPES, round((10 + t / 30) * SECOND), "camera")
        seen = node.meter("image").count
        stage.publish("image", images.image_to_message(TYPES, header, texture[y : y + 400, x : x + 600]))
        stage.until(lambda seen=seen: node.meter("image").count > seen)
        box = [300 - x + 150, 200 - y + 150, 340 - x + 150, 310 - y + 150]  # a person who stands still in the scene
        message = stage.send("detections", detections(10 + t / 30, [] if t == 11 else [box]), tracks)
    assert [(t.id, t.state) for t in message.tracks] == [(1, Track.OCCLUDED)]
    np.testing.assert_allclose(message.tracks[0].box, box, atol=4)  # predicted where the camera moved it


def test_stamps_live(stage: Any, capfd: Any) -> None:
    """One without stamp among good ones; time of arrival; simulated time that never comes."""
    node = stage.add(TrackerNode)
    tracks = stage.listen(TrackArray, "tracks")
    for t in range(4):
        stage.send("detections", detections(10 + t / 30), tracks)
    stage.publish("detections", detections(0.0))
    stage.until(lambda: stage.problems(node).get("no stamp") == 1)
    message = stage.send("detections", detections(10 + 4 / 30), tracks)
    assert [t.id for t in message.tracks] == [1]
    assert "set the parameter stamp to arrival to use the time of receipt" in capfd.readouterr().err
    node.trigger_deactivate()
    node.trigger_cleanup()
    node.set_parameters([Parameter("stamp", value="arrival")])
    node.autostart()
    for _ in range(4):
        message = stage.send("detections", detections(0.0), tracks)
    assert [t.id for t in message.tracks] == [1]
    assert message.header.stamp.sec > 1_700_000_000
    assert message.header.frame_id == "camera"


def test_simulated_time_that_never_comes_is_said(stage: Any, capfd: Any) -> None:
    node = stage.add(TrackerNode, use_sim_time=True, stamp="arrival")
    stage.publish("detections", detections(10.0))
    stage.until(lambda: stage.problems(node).get("no stamp", 0) > 0)
    assert "use_sim_time is set, but nothing comes on /clock: frame ignored" in capfd.readouterr().err


def test_why_no_track_comes_is_said_by_the_node(stage: Any, capfd: Any) -> None:
    node = stage.add(TrackerNode, class_id="person")
    tracks = stage.listen(TrackArray, "tracks")
    for t in range(32):
        message = detections(10 + t / 30)
        message.detections[0].results[0].hypothesis.class_id = "chair"
        stage.send("detections", message, tracks)
    said = capfd.readouterr().err
    assert "no track in 30 frames with 30 boxes: 30 of 30 boxes left out: 30 of a class that is not tracked" in said
    assert "class_id is 'person', and what came is 'chair' (30)" in said
    assert stage.problems(node) == {"no tracks": 1}
