"""The map from images to the microphones, by camera_info, TF and parameters; what is missing or wrong is said once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from recordings import types_with

from dvae.audiovisual.geometry import GeometryConfig
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.camera_view import PATIENCE, CameraView, CameraViewConfig, Frames
from dvae_nodes.wire import conversions as convert

TYPES = types_with()
SIZE = (640, 480)
HERE = "0 0 0 0 0 0"
FRAMES = Frames("camera", SIZE)
OPTICAL = (-0.5, 0.5, -0.5, 0.5)  # of an optical frame in one with x forward


def camera_info(frame_id: str = "camera", focal: float = 500.0, **changes: Any) -> Any:
    matrix = np.array([focal, 0, 320, 0, focal, 240, 0, 0, 1.0]) if focal else np.zeros(9)
    roi = {"x_offset": 0, "y_offset": 0, "height": 0, "width": 0, "do_rectify": False, **changes.pop("roi", {})}
    fields = {
        "header": convert.make_header(TYPES, 1, frame_id), "height": 480, "width": 640, "distortion_model": "plumb_bob",
        "d": np.zeros(5), "k": matrix, "r": np.eye(3).ravel(),
        "p": np.insert(matrix, (3, 6, 9), 0.0),
        "binning_x": 0, "binning_y": 0, "roi": TYPES.make("sensor_msgs/msg/RegionOfInterest", **roi), **changes,
    }  # fmt: skip
    return TYPES.make("sensor_msgs/msg/CameraInfo", **fields)


def transforms(*edges: tuple[str, str, tuple[float, ...], tuple[float, ...]]) -> Any:
    made = []
    for parent, child, moved, turned in edges:
        translation = TYPES.make("geometry_msgs/msg/Vector3", **dict(zip("xyz", moved, strict=True)))
        rotation = TYPES.make("geometry_msgs/msg/Quaternion", **dict(zip("xyzw", turned, strict=True)))
        transform = TYPES.make("geometry_msgs/msg/Transform", translation=translation, rotation=rotation)
        header = convert.make_header(TYPES, 1, parent)
        made.append(
            TYPES.make("geometry_msgs/msg/TransformStamped", header=header, child_frame_id=child, transform=transform)
        )
    return TYPES.make("tf2_msgs/msg/TFMessage", transforms=made)


def make_view(geometry: GeometryConfig | None = None, **settings: Any) -> tuple[CameraView, list[str]]:
    said: list[str] = []
    return CameraView(CameraViewConfig(**settings), geometry or GeometryConfig(), Reporter(said.append)), said


def azimuth(view: CameraView, column: float) -> float:
    """In degrees, of somebody at this column."""
    assert view.bearings is not None
    return float(np.degrees(view.bearings.bearings(np.array([[column - 30, 100, column + 30, 350.0]])).azimuth[0]))


def test_a_calibrated_camera_at_the_microphones() -> None:
    view, said = make_view(microphones_in_camera=HERE)
    view.look(FRAMES, "mics")
    assert view.bearings is None
    assert view.missing.startswith("camera_info: expected that of the camera, got none")
    view.add_info(camera_info())
    view.look(FRAMES, "mics")
    assert azimuth(view, 320) == pytest.approx(0.0, abs=1e-6)
    assert azimuth(view, 320 - 500 * np.tan(np.radians(20))) == pytest.approx(20.0, abs=0.5)  # left is positive
    assert not view.reads_transforms
    assert not said
    known = view.bearings
    view.add_info(camera_info())
    view.look(FRAMES, "mics")
    assert view.bearings is known  # nothing has changed
    view.add_info(camera_info(focal=250.0))
    view.look(FRAMES, "mics")
    assert azimuth(view, 320 - 250 * np.tan(np.radians(20))) == pytest.approx(20.0, abs=0.5)


def test_tf_gives_the_pose_also_of_a_head_that_turns() -> None:
    view, said = make_view(GeometryConfig(distance=2.0))
    view.add_info(camera_info("lens"))
    frames = Frames("lens", SIZE)
    view.look(frames, "mics")
    assert "connect 'mics' with 'lens', got mics and lens (publish it, or set microphones_in_camera)" in view.missing
    still, quarter = (0.0, 0.0, 0.0, 1.0), (0.0, 0.0, np.sin(np.pi / 4), np.cos(np.pi / 4))
    view.add_transforms(transforms(("base", "mics", (0, 0, 1), still), ("head", "lens", (0, 0, 0), OPTICAL)))
    view.add_transforms(transforms(("base", "head", (0, 0, 1), still)))
    view.look(frames, "mics")
    assert azimuth(view, 320) == pytest.approx(0.0, abs=1e-6)
    view.add_transforms(transforms(("base", "head", (0, 0, 1), quarter)))  # to the left
    view.look(frames, "mics")
    assert azimuth(view, 320) == pytest.approx(90.0, abs=1e-6)
    # the camera is half a metre left of the microphones: who is 2 m before it is left of them
    view.add_transforms(transforms(("base", "head", (0, 0.5, 1), still)))
    view.look(frames, "mics")
    assert azimuth(view, 320) == pytest.approx(np.degrees(np.arctan2(0.5, 2.0)), abs=0.5)
    assert not said


def test_the_field_of_view_stands_for_a_camera_info_that_does_not_come() -> None:
    view, said = make_view(microphones_in_camera=HERE, field_of_view=60.0)
    view.look(Frames("camera", (0, 0)), "mics")
    assert "field_of_view: expected tracks with the size of the image, got none" in view.missing
    view.look(FRAMES, "mics")
    assert azimuth(view, 0.0) == pytest.approx(30.0, abs=1.0)
    view.add_info(camera_info(focal=0.0))  # not calibrated
    view.look(FRAMES, "mics")
    assert azimuth(view, 0.0) == pytest.approx(30.0, abs=1.0)
    assert len(said) == 1
    assert "camera_info: expected K" in said[0]
    assert "(the camera is not calibrated): field_of_view of 60 degrees is used" in said[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"focal": 0.0},
        {"k": np.array([500, 0, 320, 0, -500, 240, 0, 0, 1.0])},
        {"k": np.full(9, np.nan)},
        {"k": np.array([0.8, 0, 0.5, 0, 0.8, 0.5, 0, 0, 1.0])},  # of an image that is one unit wide
        {"k": np.array([500, 0, 1e9, 0, 500, 240, 0, 0, 1.0])},
        {"width": 0},
        {"d": np.zeros(3)},
        {"d": np.ones(5), "distortion_model": "fisheye_of_mine"},
    ],
)
def test_a_camera_info_that_means_nothing_is_said_once_and_the_one_before_stays(wrong: dict[str, Any]) -> None:
    view, said = make_view(microphones_in_camera=HERE)
    for _ in range(5):
        view.add_info(camera_info(**wrong))
    for _ in range(2 * PATIENCE):
        view.look(FRAMES, "mics")
    assert view.bearings is None
    assert len(said) == 1
    assert said[0].startswith("camera_info: expected ")
    assert said[0] == f"{view.missing}: nobody is matched"
    assert "got none" not in view.missing  # one has come
    view.add_info(camera_info())
    view.add_info(camera_info(**wrong))
    view.look(FRAMES, "mics")
    assert azimuth(view, 320) == pytest.approx(0.0, abs=1e-6)


def test_what_is_missing_is_said_once_when_patience_ends() -> None:
    view, said = make_view()
    view.add_info(camera_info())
    for _ in range(PATIENCE - 1):
        view.look(FRAMES, "mics")
    assert not said
    for _ in range(10 * PATIENCE):
        view.look(FRAMES, "mics")
    assert said == [
        "tf: expected transforms that connect 'mics' with 'camera', got mics and camera (publish it, or set "
        "microphones_in_camera): nobody is matched"
    ]
    view.add_transforms(transforms(("camera", "mics", (0, 0, 0), OPTICAL)))
    view.look(FRAMES, "")
    assert "tf: expected a frame_id in audio and camera_info, got '' and 'camera' (set microphone_frame" in view.missing


def test_transforms_that_are_none_and_circles(rng: np.random.Generator) -> None:
    view, said = make_view()
    view.add_info(camera_info())
    still = (0.0, 0.0, 0.0, 1.0)
    view.add_transforms(transforms(("a", "mics", (0, 0, 0), (0, 0, 0, 0.0)), ("a", "mics", (0, 0, 0), still)))
    assert said[0].startswith("tf: a to mics: expected finite numbers and a unit quaternion")
    view.add_transforms(transforms(("mics", "a", (0, 0, 0), still)))
    view.look(FRAMES, "mics")
    assert "expected frames in a tree, got a circle: mics -> a -> mics" in view.missing
    assert len(said) == 1


def test_two_who_say_different_parents_are_named() -> None:
    view, said = make_view()
    view.add_info(camera_info())
    still = (0.0, 0.0, 0.0, 1.0)
    for _ in range(5):
        view.add_transforms(transforms(("odom", "camera", (0, 0, 0), still)))
        view.add_transforms(transforms(("mics", "camera", (0, 0, 0), OPTICAL)))
    view.look(FRAMES, "mics")
    assert azimuth(view, 320) == pytest.approx(0.0, abs=1e-6)
    assert said == ["tf: expected one parent of 'camera', got 'odom' and then 'mics': the newest counts"]


def test_microphones_far_from_the_camera_are_said() -> None:
    view, said = make_view(microphones_in_camera="-120 0 50 0 0 0")  # millimetres
    view.add_info(camera_info())
    view.look(FRAMES, "mics")
    text = "expected the microphones within 20 m of the camera, got 130.0 m (metres?): used as it is"
    assert said == [f"microphones_in_camera: {text}"]


def test_frames_and_sizes_that_do_not_fit_are_said() -> None:
    view, said = make_view()
    view.add_info(camera_info("other"))
    view.add_transforms(transforms(("mics", "other", (0, 0, 0), (0.0, 0.0, 0.0, 1.0))))  # z is up: no optical frame
    view.look(Frames("camera", (320, 240)), "mics")
    assert len(said) == 3
    assert "camera_info: expected the frame_id of the tracks, 'camera', got 'other'" in said[0]
    assert (
        "camera_info: expected the size of the tracked images, 320 x 240, got 640 x 480: its matrix is scaled"
        in said[1]
    )
    assert "tf: expected 'other' to be an optical frame (z forward, y down)" in said[2]


def test_smaller_cut_and_rectified_images() -> None:
    left = 320 - 500 * np.tan(np.radians(20))  # 20 degrees, in the full image

    def view_of(size: tuple[int, int], **changes: Any) -> CameraView:
        view, _ = make_view(microphones_in_camera=HERE, rectified="p" in changes)
        view.add_info(camera_info(**changes))
        view.look(Frames("camera", size), "mics")
        return view

    assert azimuth(view_of((320, 240)), left / 2) == pytest.approx(20.0, abs=0.5)
    assert azimuth(view_of((320, 240), binning_x=2, binning_y=2), left / 2) == pytest.approx(20.0, abs=0.5)
    cut = {"x_offset": 100, "y_offset": 0, "width": 400, "height": 480}
    assert azimuth(view_of((400, 480), roi=cut), left - 100) == pytest.approx(20.0, abs=0.5)
    rectified = np.array([400, 0, 300, 0, 0, 400, 240, 0, 0, 0, 1, 0.0])
    view = view_of(SIZE, p=rectified, d=np.array([-0.3, 0.1, 0, 0, 0]))
    assert azimuth(view, 300 - 400 * np.tan(np.radians(20))) == pytest.approx(20.0, abs=0.5)


def test_a_pose_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ValueError, match="microphones_in_camera: expected 'x y z roll pitch yaw'"):
        make_view(microphones_in_camera="1 2 3")
    with pytest.raises(ValueError, match=r"radians \(at most a full turn\), got '0 0 0 0 0 180'"):
        make_view(microphones_in_camera="0 0 0 0 0 180")
