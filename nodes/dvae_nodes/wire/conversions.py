"""Messages to arrays and back: one function each, pure, the same for live ROS and for bags."""

from __future__ import annotations

import math
from collections.abc import Container
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.enhancement.activity import FrameActivity
from dvae.signal.audio_clock import NANOSECONDS
from dvae.tracking.boxes import Boxes
from dvae.tracking.tracks import Tracks
from dvae_nodes.wire.messages import MessageTypes

# ---------------------------------------------------------------------- time

LAST_STAMP = 2**31 * NANOSECONDS - 1  # its seconds are an int32


def stamp_to_nanoseconds(stamp: Any) -> int:
    """builtin_interfaces/msg/Time -> nanoseconds."""
    return int(stamp.sec) * NANOSECONDS + int(stamp.nanosec)


def nanoseconds_of(seconds: float) -> int:
    """A time in s in ns; 0, which is none, where it is not finite."""
    return round(seconds * NANOSECONDS) if math.isfinite(seconds) else 0


def make_stamp(types: MessageTypes, nanoseconds: int) -> Any:
    """builtin_interfaces/msg/Time at `nanoseconds`, or at the first or last time that a stamp can be."""
    seconds, rest = divmod(min(max(nanoseconds, 0), LAST_STAMP), NANOSECONDS)
    return types.make("builtin_interfaces/msg/Time", sec=seconds, nanosec=rest)


def make_header(types: MessageTypes, nanoseconds: int, frame_id: str) -> Any:
    """std_msgs/msg/Header with such a stamp."""
    return types.make("std_msgs/msg/Header", stamp=make_stamp(types, nanoseconds), frame_id=frame_id)


# ---------------------------------------------------------------------- detections and tracks


class Detections(NamedTuple):
    """boxes (K, 4) as x1, y1, x2, y2 in pixels, scores (K,), class_ids (K); how many of them have no result, and how
    many are rotated."""

    boxes: Boxes
    scores: NDArray[np.float64]
    class_ids: list[str]
    without_result: int = 0
    rotated: int = 0


def detections_from_message(message: Any, wanted: Container[str] | None = None) -> Detections:
    """vision_msgs/Detection2DArray of any release -> boxes, best scores and their classes ("", 1 without hypothesis).
    With `wanted` only hypotheses of these classes count; a detection without any scores -inf and has its best class.
    For a rotated box stands the upright one around it. Boxes that are wrong (NaN, no size) are passed on: the tracker
    judges them."""
    boxes = np.zeros((len(message.detections), 4))
    scores, class_ids, without_result, rotated = np.ones(len(message.detections)), [], 0, 0
    for k, detection in enumerate(message.detections):
        pose = detection.bbox.center
        center, theta = getattr(pose, "position", pose), pose.theta  # before 4.0 it is a geometry_msgs/Pose2D
        half_x, half_y = detection.bbox.size_x / 2, detection.bbox.size_y / 2
        if theta:
            half_x, half_y, rotated = *upright(half_x, half_y, theta), rotated + 1
        boxes[k] = center.x - half_x, center.y - half_y, center.x + half_x, center.y + half_y
        found = [_hypothesis(result) for result in detection.results]
        best = max(found, key=score_order, default=None)
        if wanted is not None:
            best_wanted = max((one for one in found if one.class_id in wanted), key=score_order, default=None)
            scores[k] = best_wanted.score if best_wanted else -np.inf
            best = best_wanted or best
        elif best:
            scores[k] = best.score
        class_ids.append(best.class_id if best else "")
        without_result += not found
    return Detections(boxes, scores, class_ids, without_result, rotated)


def upright(half_x: float, half_y: float, theta: float) -> tuple[float, float]:
    """Half the width and the height of the upright box around one that is turned by `theta` rad; NaN where that is no
    number."""
    if not math.isfinite(theta):
        return math.nan, math.nan
    cosine, sine = abs(math.cos(theta)), abs(math.sin(theta))
    return half_x * cosine + half_y * sine, half_x * sine + half_y * cosine


def score_order(hypothesis: Any) -> float:
    """A score to compare: what is none is the least."""
    return -math.inf if math.isnan(hypothesis.score) else float(hypothesis.score)


class _Hypothesis(NamedTuple):
    class_id: str
    score: float


def _hypothesis(result: Any) -> Any:
    """Class and score of a vision_msgs/ObjectHypothesisWithPose, which has them itself before 3.0."""
    return result.hypothesis if hasattr(result, "hypothesis") else _Hypothesis(str(result.id), result.score)


def detections_to_message(
    types: MessageTypes,
    header: Any,
    boxes: Boxes,
    scores: NDArray[Any],
    class_ids: list[str] | str,
    ids: list[str] | None = None,
) -> Any:
    """Boxes (K, 4), scores (K,) and classes (K, or one for all) -> vision_msgs/Detection2DArray, of the release that
    there is; `ids` fill the track id."""
    names = [class_ids] * len(boxes) if isinstance(class_ids, str) else class_ids
    messages = []
    for k, box in enumerate(boxes.tolist()):
        results = [_result(types, names[k], float(scores[k]))]
        messages.append(_detection(types, header, _box(types, box), results, ids[k] if ids else ""))
    return types.make("vision_msgs/msg/Detection2DArray", header=header, detections=messages)


def _detection(types: MessageTypes, header: Any, box: Any, results: list[Any], track_id: str) -> Any:
    """vision_msgs/Detection2D; before 3.0 with a place for the image, which stays empty."""
    kind = "vision_msgs/msg/Detection2D"
    values = {"id": track_id, "tracking_id": track_id, "is_tracking": bool(track_id)}
    known = {name: values[name] for name in types.fields_of(kind) if name in values}
    if "source_img" in types.fields_of(kind):
        size: dict[str, Any] = {"height": 0, "width": 0, "is_bigendian": 0, "step": 0}
        data = types.numbers(np.zeros(0, dtype=np.uint8))
        known["source_img"] = types.make("sensor_msgs/msg/Image", header=header, encoding="", data=data, **size)
    return types.make(kind, header=header, results=results, bbox=box, **known)


def _result(types: MessageTypes, class_id: str, score: float) -> Any:
    """vision_msgs/ObjectHypothesisWithPose, without a pose."""
    pose = types.make(
        "geometry_msgs/msg/PoseWithCovariance",
        pose=types.make(
            "geometry_msgs/msg/Pose",
            position=types.make("geometry_msgs/msg/Point", x=0.0, y=0.0, z=0.0),
            orientation=types.make("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0),
        ),
        covariance=np.zeros(36),
    )
    kind = "vision_msgs/msg/ObjectHypothesisWithPose"
    if "id" in types.fields_of(kind):  # before 3.0
        return types.make(kind, id=class_id, score=score, pose=pose)
    hypothesis = types.make("vision_msgs/msg/ObjectHypothesis", class_id=class_id, score=score)
    return types.make(kind, hypothesis=hypothesis, pose=pose)


def _box(types: MessageTypes, box: list[float]) -> Any:
    """x1, y1, x2, y2 -> vision_msgs/BoundingBox2D, with the center that the release has."""
    x1, y1, x2, y2 = box
    place = {"x": (x1 + x2) / 2, "y": (y1 + y2) / 2}
    if types.fields_of("vision_msgs/msg/Pose2D"):
        position = types.make("vision_msgs/msg/Point2D", **place)
        center = types.make("vision_msgs/msg/Pose2D", position=position, theta=0.0)
    else:  # before 4.0
        center = types.make("geometry_msgs/msg/Pose2D", **place, theta=0.0)
    return types.make("vision_msgs/msg/BoundingBox2D", center=center, size_x=x2 - x1, size_y=y2 - y1)


def tracks_to_message(
    types: MessageTypes, header: Any, tracks: Tracks, class_ids: list[str], image_size: tuple[int, int] | None
) -> Any:
    """Tracks and their classes (N) -> dvae_perception/TrackArray."""
    width, height = image_size or (0, 0)
    messages = [
        types.make(
            "dvae_perception/msg/Track",
            id=int(tracks.track_id[n]),
            class_id=class_ids[n],
            state=int(tracks.state[n]),
            visible=bool(tracks.visible[n]),
            box=tracks.boxes[n],
            velocity=tracks.velocity[n],
            variance=tracks.variance[n],
            confidence=float(tracks.confidence[n]),
            age=float(tracks.age[n]),
            time_since_detection=float(tracks.time_since_detection[n]),
            detection_index=int(tracks.detection_index[n]),
        )
        for n in range(len(tracks.track_id))
    ]
    return types.make(
        "dvae_perception/msg/TrackArray", header=header, image_width=width, image_height=height, tracks=messages
    )


# ---------------------------------------------------------------------- speech


def activity_to_message(types: MessageTypes, header: Any, frames: list[FrameActivity], duration: float) -> Any:
    """The frames of one stretch of `duration` seconds -> dvae_perception/SpeechActivity."""
    return types.make(
        "dvae_perception/msg/SpeechActivity",
        header=header,
        duration=duration,
        probability=float(np.mean([frame.probability for frame in frames])),
        speaking=bool(frames[-1].speaking),
        level=float(np.max([frame.level_db for frame in frames])),
        snr=float(np.mean([frame.snr_db for frame in frames])),
        azimuth=float(frames[-1].azimuth),
    )
