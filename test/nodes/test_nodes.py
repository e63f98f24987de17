"""The nodes as a robot sees them: messages in, messages out."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is missing: source a ROS or run `make test`")
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from dvae_perception.msg import SpeechActivity, Track, TrackArray
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from dvae.evaluation.metrics.speech import si_sdr
from dvae.signal.audio_clock import NANOSECONDS
from dvae.signal.audio_file import read_mono
from dvae_nodes.detector import DetectorNode
from dvae_nodes.enhancer import EnhancerNode
from dvae_nodes.overlay import OverlayNode
from dvae_nodes.perception import NODES
from dvae_nodes.tracker import TrackerNode
from dvae_nodes.wire import audio
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire.messages import LiveTypes

DATA = Path(__file__).resolve().parents[1] / "data"
TYPES = LiveTypes()
SECOND = NANOSECONDS
BOX = [100.0, 100.0, 160.0, 260.0]


def detections(seconds: float, boxes: Any = (BOX,), scores: Any = None) -> Any:
    header = convert.make_header(TYPES, round(seconds * SECOND), "camera")
    found = np.asarray(boxes, dtype=float).reshape(-1, 4)
    return convert.detections_to_message(
        TYPES, header, found, np.ones(len(found)) if scores is None else scores, "person"
    )


# ---------------------------------------------------------------------- tracker


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
    assert "positive size inside the image, got 4 others, the first x1, y1, x2, y2 = [nan" in capfd.readouterr().err
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
        stage.publish("image", convert.image_to_message(TYPES, header, texture[y : y + 400, x : x + 600]))
        stage.until(lambda seen=seen: node.meter("image").count > seen)
        box = [300 - x + 150, 200 - y + 150, 340 - x + 150, 310 - y + 150]  # a person who stands still in the scene
        message = stage.send("detections", detections(10 + t / 30, [] if t == 11 else [box]), tracks)
    assert [(t.id, t.state) for t in message.tracks] == [(1, Track.OCCLUDED)]
    np.testing.assert_allclose(message.tracks[0].box, box, atol=4)  # predicted where the camera moved it


def test_tracker_takes_live_parameters_and_refuses_others(stage: Any) -> None:
    node = stage.add(TrackerNode)
    tracks = stage.listen(TrackArray, "tracks")
    refused = node.set_parameters([Parameter("max_detections", value=3)])[0]
    assert not refused.successful
    assert "max_detections is fixed once the node is configured" in refused.reason
    refused = node.set_parameters([Parameter("confirm_hits", value=0)])[0]
    assert not refused.successful
    assert node.set_parameters([Parameter("confirm_hits", value=1)])[0].successful
    message = stage.send("detections", detections(1.0), tracks)
    assert message.tracks[0].state == Track.CONFIRMED
    described = node.describe_parameter("max_missed_seconds")
    assert "[s]" in described.description


@pytest.mark.parametrize("model", ["missing", "damaged"])
def test_a_bad_model_is_named_and_the_node_can_be_configured_afterwards(
    stage: Any, model: str, tmp_path: Path, capfd: Any
) -> None:
    from dvae.models.store.find import find_model

    if model == "damaged":
        for path in find_model("motion_srnn").iterdir():
            (tmp_path / path.name).write_bytes(path.read_bytes()[:200])
    name = str(tmp_path) if model == "damaged" else "no_such_model"
    node = stage.add(TrackerNode, start=False, model=name)
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    error = capfd.readouterr().err
    assert "not configured" in error
    assert "expected" in error
    assert name in error
    node.set_parameters([Parameter("model", value="motion_srnn")])
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS


def test_incompatible_qos_is_named(stage: Any) -> None:
    node = stage.add(TrackerNode, **{"qos_overrides./detections.subscription.reliability": "reliable"})
    best_effort = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    stage.peer.create_publisher(Detection2DArray, "detections", best_effort)
    stage.until(lambda: "qos detections" in stage.problems(node))
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    stage.listen(TrackArray, "tracks", latched)
    stage.until(lambda: "qos tracks" in stage.problems(node))
    assert node.active


def test_diagnostics_say_rate_latency_model_and_why_nothing_comes(stage: Any) -> None:
    stage.add(TrackerNode)
    found, tracks = stage.listen(DiagnosticArray, "/diagnostics"), stage.listen(TrackArray, "tracks")
    for t in range(3):
        stage.send("detections", detections(10 + t / 30), tracks)
    stage.until(lambda: any(status_values(d).get("detections messages") == "3" for d in found))
    values = status_values(found[-1])
    assert {
        "model",
        "device",
        "detections rate [Hz]",
        "detections processing p99 [ms]",
        "detections drops",
    } <= values.keys()
    assert values["model"] == "motion_srnn"


def status_values(message: Any) -> dict[str, str]:
    return {entry.key: entry.value for status in message.status for entry in status.values}


def test_silence_is_explained(stage: Any) -> None:
    from dvae_nodes.lifecycle.diagnostics import explain_silence

    node = stage.add(TrackerNode)
    expected = "vision_msgs/msg/Detection2DArray"
    # a topic of its own: DDS forgets the publishers of earlier tests slowly
    assert "nobody publishes it" in explain_silence(node, "quiet", expected)
    other = rclpy.context.Context()  # one participant cannot have two types on a topic
    rclpy.init(context=other)
    stranger = rclpy.create_node("stranger", context=other)
    stranger.create_publisher(Image, "quiet", 1)
    stage.until(lambda: "got publishers of sensor_msgs/msg/Image" in explain_silence(node, "quiet", expected))
    stranger.destroy_node()
    rclpy.try_shutdown(context=other)


def test_sim_time_without_clock_is_said_and_a_jump_back_resets(stage: Any) -> None:
    node = stage.add(TrackerNode, use_sim_time=True, confirm_hits=1)
    found, tracks = stage.listen(DiagnosticArray, "/diagnostics"), stage.listen(TrackArray, "tracks")
    stage.until(lambda: any("nothing comes on /clock" in s.message for d in found for s in d.status))
    for seconds in (100, 101):
        stage.publish("/clock", Clock(clock=Time(sec=seconds)))
        stage.until(lambda seconds=seconds: node.get_clock().now().nanoseconds >= seconds * SECOND)
    assert [t.id for t in stage.send("detections", detections(101.0), tracks).tracks] == [1]
    stage.publish("/clock", Clock(clock=Time(sec=50)))
    stage.until(lambda: "clock" in stage.problems(node))
    assert [t.id for t in stage.send("detections", detections(50.0), tracks).tracks] == [2]


# ---------------------------------------------------------------------- lifecycle


@pytest.mark.parametrize("name", list(NODES))
def test_two_lifecycle_rounds_leave_nothing_behind(stage: Any, name: str) -> None:
    node = stage.add(NODES[name], start=False)

    def entities() -> tuple[int, ...]:
        gc.collect()
        return tuple(len(list(found)) for found in (node.subscriptions, node.publishers, node.timers))

    before = entities()
    for _ in range(2):
        for transition in ("configure", "activate", "deactivate", "cleanup"):
            assert getattr(node, f"trigger_{transition}")() == TransitionCallbackReturn.SUCCESS
    assert entities() == before
    assert node.trigger_shutdown() == TransitionCallbackReturn.SUCCESS


def test_an_inactive_node_drops_and_says_so(stage: Any) -> None:
    node = stage.add(TrackerNode)
    node.trigger_deactivate()
    stage.publish("detections", detections(1.0))
    stage.until(lambda: node.meter("detections").drops == 1)
    tracks = stage.listen(TrackArray, "tracks")
    node.trigger_activate()
    assert stage.send("detections", detections(2.0), tracks).tracks[0].id == 1


# ---------------------------------------------------------------------- enhancer

CHUNK = 512


def audio_messages(waveform: Any, start: float = 10.0, chunk: int = CHUNK, rate: int = 16000) -> list[Any]:
    """AudioDataStamped of 16 bit mono."""
    messages = []
    for first in range(0, len(waveform), chunk):
        header = convert.make_header(TYPES, round((start + first / rate) * SECOND), "microphone")
        data = audio.audio_bytes_message(TYPES, waveform[first : first + chunk])
        messages.append(TYPES.make("audio_common_msgs/msg/AudioDataStamped", header=header, audio=data))
    return messages


def test_enhancer_cleans_and_keeps_every_sample_in_its_place(stage: Any) -> None:
    from audio_common_msgs.msg import AudioDataStamped, AudioInfo

    clean, noisy = (read_mono(DATA / f"demo_speech_{name}.flac", 16000)[:48000] for name in ("clean", "noisy"))
    node = stage.add(EnhancerNode)
    enhanced, activity = (
        stage.listen(AudioDataStamped, "audio/enhanced"),
        stage.listen(SpeechActivity, "speech_activity"),
    )
    infos = stage.listen(AudioInfo, "audio/enhanced_info")
    messages = audio_messages(noisy)
    stage.publish("audio", messages[0])  # before the format is known: kept
    stage.until(lambda: "waiting" in stage.problems(node))
    stage.send("audio_info", audio.audio_info_message(TYPES, 16000), infos)
    for message in messages[1:]:
        stage.publish("audio", message)
        stage.executor.spin_once(timeout_sec=0.0)
    stage.until(lambda: node.meter("audio").count == len(messages))
    node.trigger_deactivate()  # hands out the samples that are still inside
    samples = lambda m: np.frombuffer(bytes(m.audio.data), dtype="<i2") / 32768  # noqa: E731
    stage.until(lambda: sum(len(samples(m)) for m in enhanced) >= noisy.size)
    position = 0
    for message in enhanced:  # the input's stamps, without gap or overlap
        stamp = convert.stamp_to_nanoseconds(message.header.stamp) / SECOND
        assert stamp == pytest.approx(10.0 + position / 16000, abs=1e-6)
        assert message.header.frame_id == "microphone"
        position += len(samples(message))
    assert position == noisy.size
    found = np.concatenate([samples(m) for m in enhanced])
    assert si_sdr(clean, found) > si_sdr(clean, noisy) + 3
    stage.until(lambda: len(activity) == len(enhanced))
    assert sum(m.duration for m in activity) == pytest.approx(3.0, abs=1e-6)
    assert any(m.speaking for m in activity)
    assert (infos[0].sample_rate, infos[0].sample_format) == (16000, "S16LE")


def test_a_voice_as_a_client_of_ros4hri_hears_it(stage: Any) -> None:
    from audio_common_msgs.msg import AudioData
    from hri_msgs.msg import AudioFeatures, IdsList
    from std_msgs.msg import Bool

    noisy = read_mono(DATA / "demo_speech_noisy.flac", 16000)[:32000]
    node = stage.add(EnhancerNode, ros4hri=True, sample_rate=16000)
    speaking = stage.listen(Bool, "/humans/voices/v1/is_speaking")
    heard, features = (
        stage.listen(AudioData, "/humans/voices/v1/audio"),
        stage.listen(AudioFeatures, "/humans/voices/v1/features"),
    )
    stage.until(lambda: stage.peer.count_publishers("/humans/voices/v1/audio") == 1)
    for message in audio_messages(noisy):
        stage.publish("audio", message)
        stage.executor.spin_once(timeout_sec=0.0)
    stage.until(lambda: node.meter("audio").count == 63)
    latched = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    lists = stage.listen(IdsList, "/humans/voices/tracked", latched)  # a client that comes late
    stage.until(lambda: bool(lists) and len(heard) >= 50)
    assert list(lists[-1].ids) == ["v1"]
    stage.publish("robot_speaking", Bool(data=True))
    stage.until(lambda: node.meter("robot_speaking").count == 1)
    node.trigger_deactivate()
    stage.until(lambda: not lists[-1].ids and sum(len(m.data) for m in heard) == 2 * noisy.size)
    stage.until(lambda: len(heard) == len(features) == len(speaking))
    assert any(m.data for m in speaking)
    assert len(features[-1].mfcc) == 13
    assert 0 < max(m.rms for m in features) < 1


def test_mp3_is_refused_with_advice(stage: Any, capfd: Any) -> None:
    from audio_common_msgs.msg import AudioDataStamped, AudioInfo

    node = stage.add(EnhancerNode)
    enhanced = stage.listen(AudioDataStamped, "audio/enhanced")
    mp3 = AudioInfo(channels=1, sample_rate=16000, sample_format="S16LE", bitrate=128, coding_format="mp3")
    stage.publish("audio_info", mp3)
    stage.until(lambda: "audio format" in stage.problems(node))
    for message in audio_messages(np.zeros(2048, dtype=np.float32)):
        stage.publish("audio", message)
    stage.until(lambda: node.meter("audio").count == 4)
    assert not enhanced
    assert "expected uncompressed audio (coding_format 'wave'), got 'mp3'" in capfd.readouterr().err
    stage.publish("audio_info", audio.audio_info_message(TYPES, 16000))  # corrected: it goes on
    stage.until(lambda: node.meter("audio_info").count == 2)
    for message in audio_messages(np.zeros(4096, dtype=np.float32), start=20.0):
        stage.publish("audio", message)
    stage.until(lambda: bool(enhanced))


# ---------------------------------------------------------------------- images


def frame_message(seconds: float, image: Any) -> Any:
    return convert.image_to_message(TYPES, convert.make_header(TYPES, round(seconds * SECOND), "camera"), image)


def test_detector_tracker_and_overlay_work_together(stage: Any) -> None:
    video = cv2.VideoCapture(str(DATA / "demo_video.mp4"))
    stage.add(DetectorNode)
    stage.add(TrackerNode)
    stage.add(OverlayNode)
    tracks, annotated = stage.listen(TrackArray, "tracks"), stage.listen(Image, "image/annotated")
    reliable = QoSProfile(depth=5)
    for index in range(5):
        _, image = video.read()
        stage.publish("image", frame_message(1 + index / 10, image), reliable)
        stage.until(lambda index=index: len(tracks) > index or len(annotated) > index, seconds=60)
    stage.until(lambda: bool(annotated))
    assert any(t.state == Track.CONFIRMED for t in tracks[-1].tracks)
    newest = annotated[-1]
    assert (newest.width, newest.height, newest.encoding, newest.header.frame_id) == (768, 576, "bgr8", "camera")


def test_unknown_encoding_is_named_and_the_node_goes_on(stage: Any, capfd: Any) -> None:
    node = stage.add(DetectorNode)
    found = stage.listen(Detection2DArray, "detections")
    image = np.zeros((200, 150, 3), dtype=np.uint8)
    strange = frame_message(1.0, image)
    strange.encoding = "nothing8"
    stage.publish("image", strange)
    stage.until(lambda: any("image" in cause for cause in stage.problems(node)))
    assert "expected an image that converts to bgr8, got encoding 'nothing8', 150x200" in capfd.readouterr().err
    short = frame_message(1.5, image)
    short.data = short.data[:100]
    stage.publish("image", short)
    assert stage.send("image", frame_message(2.0, image), found).detections == []


def test_overlay_pairs_by_stamp_in_any_order_and_survives_a_bad_image(stage: Any) -> None:
    node = stage.add(OverlayNode)
    annotated = stage.listen(Image, "image/annotated")
    image = np.zeros((200, 300, 3), dtype=np.uint8)
    track = TYPES.make(
        "dvae_perception/msg/Track",
        id=1,
        state=1,
        box=np.array(BOX),
        velocity=np.zeros(4),
        variance=np.ones(4),
        confidence=1.0,
        age=1.0,
        time_since_detection=0.0,
        detection_index=0,
    )

    def tracks(seconds: float) -> Any:
        header = convert.make_header(TYPES, round(seconds * SECOND), "camera")
        return TrackArray(header=header, image_width=300, image_height=200, tracks=[track])

    stage.publish("image", frame_message(1.0, image))
    stage.publish("image", frame_message(2.0, image))
    stage.publish("tracks", tracks(2.0))
    stage.until(lambda: len(annotated) == 1)
    assert convert.stamp_to_nanoseconds(annotated[0].header.stamp) == 2 * SECOND
    drawn = convert.image_from_message(annotated[0])
    assert drawn[150, 100].any()  # the left side of the box
    assert not drawn[150, 130].any()  # its inside
    strange = frame_message(3.0, image)
    strange.encoding = "nothing8"
    stage.publish("tracks", tracks(3.0))
    stage.publish("image", strange)
    stage.until(lambda: bool(stage.problems(node)))
    stage.publish("tracks", tracks(4.0))
    stage.publish("image", frame_message(4.0, image))
    stage.until(lambda: len(annotated) == 2)


def test_launch_files_describe_themselves() -> None:
    pytest.importorskip("launch_ros", reason="launch and launch_ros are missing: not available as wheels")
    import importlib.util

    for path in sorted((Path(__file__).resolve().parents[2] / "launch").glob("*.launch.py")):
        spec = importlib.util.spec_from_file_location(path.stem.replace(".", "_"), path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert module.generate_launch_description().entities


def test_cv_bridge_and_our_own_conversion_agree() -> None:
    pytest.importorskip("cv_bridge", reason="cv_bridge is missing: not available as a wheel")
    image = np.random.default_rng(0).integers(0, 255, size=(5, 7, 3), dtype=np.uint8)
    message = frame_message(1.0, image)
    assert np.array_equal(convert.image_from_message(message), convert._image_by_rosbags(message))
