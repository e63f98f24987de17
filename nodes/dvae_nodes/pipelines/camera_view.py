"""What leads from the image to the microphones: the camera by camera_info, its pose by TF, or parameters for both.

Where something is missing there is no map, and so nobody is matched: it is said what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from dvae.audiovisual.geometry import CalibratedMap, CameraModel, GeometryConfig, Pose
from dvae.configuration import setting
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire.transforms import TransformTree, frame_name

PATIENCE = 30  # frames of tracks, until which camera and transforms may still come
FAR = 20.0  # m from the camera, where microphones rarely are
LEAST_UP = 0.5  # cosine of the angle between up in the image and up for the microphones, below which something is wrong


@dataclass(frozen=True)
class CameraViewConfig:
    """Where camera and microphones are."""

    microphones_in_camera: str = setting(
        "",
        '"x y z roll pitch yaw" of the microphones as seen from the camera (x forward, y left, z up); empty: by TF',
        unit="m, rad",
    )
    microphone_frame: str = setting("", "frame of the microphones in TF; empty: that of the audio's headers")
    field_of_view: float = setting(
        0.0,
        "from the left to the right side of the image, used where no camera_info comes; 0: nobody is matched then",
        unit="degrees",
        minimum=0.0,
        maximum=179.0,
    )
    rectified: bool = setting(False, "people are found in rectified images: P of camera_info, without distortion")


class Frames(NamedTuple):
    """What a frame of tracks says: the image's frame_id, and its size in pixels, (0, 0) where unknown."""

    frame_id: str
    size: tuple[int, int]


class CameraView:
    """Is told what comes; `bearings` is the map from boxes to azimuths, None while something is missing."""

    def __init__(self, config: CameraViewConfig, geometry: GeometryConfig, reporter: Reporter) -> None:
        """ValueError for a pose that cannot be read."""
        self.config, self._geometry, self._reporter = config, geometry, reporter
        self._pose = Pose.parse(config.microphones_in_camera) if config.microphones_in_camera.strip() else None
        self._tree = TransformTree()
        self._info: Any = None
        self._lack = "camera_info: expected that of the camera, got none (or set field_of_view)"  # while there is none
        self._num_infos = 0  # that differed from the one before
        self._made_of: tuple[Any, ...] = ()
        self._num_without = 0  # frames in a row
        self.bearings: CalibratedMap | None = None
        self.missing = "tracks"  # what there is no map for the lack of, for /diagnostics

    @property
    def reads_transforms(self) -> bool:
        """Whether TF is asked."""
        return self._pose is None

    def add_info(self, info: Any) -> None:
        """A sensor_msgs/CameraInfo. One that cannot be used is said, and the one before stays."""
        if self._info is not None and _text(info) == _text(self._info):
            return
        try:
            self._camera(info, (0, 0))
        except ValueError as error:
            self._refuse(f"camera_info: {error}")
            return
        self._info = info
        self._num_infos += 1

    def add_transforms(self, message: Any) -> None:
        """A tf2_msgs/TFMessage; what is no transform in it is said, the others are taken."""
        for stamped in message.transforms:
            try:
                left = self._tree.add(stamped)
            except ValueError as error:
                self._reporter.report("tf", f"tf: {error}: left out")
                continue
            if left:
                child, parent = frame_name(stamped.child_frame_id), frame_name(stamped.header.frame_id)
                text = f"tf: expected one parent of {child!r}, got {left!r} and then {parent!r}: the newest counts"
                self._reporter.report(f"parents of {child}", text)

    def look(self, frames: Frames, microphone_frame: str) -> None:
        """A frame of tracks, and the frame of the audio: bring `bearings` up to date."""
        state = (self._num_infos, self._tree.num_changes, frames, microphone_frame)
        if state != self._made_of:
            self._made_of = state
            try:
                self.bearings, self.missing = self._make(frames, microphone_frame), ""
            except ValueError as error:
                self.bearings, self.missing = None, str(error)
        self._num_without = 0 if self.bearings else self._num_without + 1
        if self._num_without == PATIENCE:
            self._say_no_map(self.missing)

    def _make(self, frames: Frames, microphone_frame: str) -> CalibratedMap:
        if self._info is not None:
            camera = self._camera(self._info, frames.size)
            self._compare(frames)
        elif not self.config.field_of_view:
            raise ValueError(self._lack)
        elif not all(frames.size):
            raise ValueError("field_of_view: expected tracks with the size of the image, got none (set image_width and "
                             "image_height of the tracker)")  # fmt: skip
        else:
            camera = CameraModel.from_field_of_view(self.config.field_of_view, frames.size)
        pose = self._pose or self._looked_up(frames, microphone_frame)
        if (apart := float(np.linalg.norm(pose.translation))) > FAR:
            text = (
                f"expected the microphones within {FAR:g} m of the camera, got {apart:.1f} m (metres?): used as it is"
            )
            self._reporter.report("far", f"{'microphones_in_camera' if self._pose else 'tf'}: {text}")
        return CalibratedMap(camera, pose, self._geometry)

    def _looked_up(self, frames: Frames, microphone_frame: str) -> Pose:
        """By TF, between the frames of the headers."""
        source = self.config.microphone_frame or microphone_frame
        target = self._info.header.frame_id if self._info is not None else ""
        target = target or frames.frame_id
        way_out = "publish it, or set microphones_in_camera"
        if not source or not target:
            raise ValueError(f"tf: expected a frame_id in audio and camera_info, got {source!r} and {target!r} "
                             "(set microphone_frame, or microphones_in_camera)")  # fmt: skip
        try:
            found = self._tree.lookup(target, source)
        except ValueError as error:
            raise ValueError(f"tf: {error} ({way_out})") from None
        if -found.rotation[1, 2] < LEAST_UP:
            text = f"tf: expected {target!r} to be an optical frame (z forward, y down), got one whose y is not down"
            self._reporter.report(
                f"optical {target}", f"{text}, as the microphones in {source!r} see it: used as it is"
            )
        return Pose(found.rotation, found.translation)

    def _compare(self, frames: Frames) -> None:
        """A word where camera_info is not that of the image."""
        own, other = frame_name(self._info.header.frame_id), frame_name(frames.frame_id)
        if own and other and own != other:
            text = (
                f"camera_info: expected the frame_id of the tracks, {other!r}, got {own!r}: is it that of this camera?"
            )
            self._reporter.report(f"frame_id {own} {other}", f"{text} It is used as such")
        width, height = _size(self._info)
        if all(frames.size) and frames.size != (width, height):
            given = f"{frames.size[0]} x {frames.size[1]}"
            text = f"camera_info: expected the size of the tracked images, {given}, got {width} x {height}"
            self._reporter.report(f"size {frames.size}", f"{text}: its matrix is scaled")

    def _camera(self, info: Any, size: tuple[int, int]) -> CameraModel:
        """The camera for images of this size (0: of its own); ValueError for one that is not calibrated."""
        own = _size(info)
        matrix = np.array(info.p, dtype=np.float64).reshape(3, 4)[:, :3] if self.config.rectified else info.k
        matrix = np.array(matrix, dtype=np.float64).reshape(3, 3)
        CameraModel(matrix, image_size=own)  # its numbers are judged before they are scaled
        matrix[:2, 2] -= info.roi.x_offset, info.roi.y_offset
        scale = np.divide(size, own) if all(size) else np.ones(2)
        matrix[:2] *= (scale / [max(info.binning_x, 1), max(info.binning_y, 1)])[:, None]
        distortion, model = ((), "plumb_bob") if self.config.rectified else (info.d, info.distortion_model)
        return CameraModel(matrix, distortion, model, size if all(size) else own)

    def _refuse(self, text: str) -> None:
        """A camera_info that cannot be used: a word, and what there is instead."""
        angle = self.config.field_of_view
        if self._info is not None:
            self._reporter.report("camera_info", f"{text}: the one before stays")
        elif angle:
            self._reporter.report("camera_info", f"{text}: field_of_view of {angle:g} degrees is used")
        else:
            self._lack = f"{text} (or set field_of_view)"
            self._num_infos += 1
            self._say_no_map(self._lack)

    def _say_no_map(self, lack: str) -> None:
        self._reporter.report(f"no map {lack}", f"{lack}: nobody is matched")


def _size(info: Any) -> tuple[int, int]:
    """Of the images that a camera_info comes with."""
    width, height = info.roi.width or info.width, info.roi.height or info.height
    return int(width) // max(info.binning_x, 1), int(height) // max(info.binning_y, 1)


def _text(info: Any) -> str:
    """All that a camera_info says, without its stamp."""
    roi = info.roi
    size = (info.width, info.height, info.binning_x, info.binning_y, roi.x_offset, roi.y_offset, roi.width, roi.height)
    numbers = [np.asarray(each).tolist() for each in (info.k, info.d, info.p)]
    return f"{info.header.frame_id} {info.distortion_model} {size} {numbers}"
