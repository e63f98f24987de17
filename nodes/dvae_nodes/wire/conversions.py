"""Messages to arrays and back: one function each, pure, the same for live ROS and for bags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.enhancement.activity import FrameActivity
from dvae.signal.audio_file import Audio
from dvae.tracking.boxes import Boxes
from dvae.tracking.tracks import Tracks
from dvae_nodes.wire.messages import MessageTypes

NANOSECONDS = 1_000_000_000


# ---------------------------------------------------------------------- time


def stamp_to_nanoseconds(stamp: Any) -> int:
    """builtin_interfaces/Time -> nanoseconds."""
    return int(stamp.sec) * NANOSECONDS + int(stamp.nanosec)


def make_header(types: MessageTypes, nanoseconds: int, frame_id: str) -> Any:
    """std_msgs/Header at `nanoseconds`."""
    seconds, rest = divmod(max(nanoseconds, 0), NANOSECONDS)
    stamp = types.make("builtin_interfaces/Time", sec=seconds, nanosec=rest)
    return types.make("std_msgs/Header", stamp=stamp, frame_id=frame_id)


# ---------------------------------------------------------------------- detections and tracks


class Detections(NamedTuple):
    """boxes (K, 4) as x1, y1, x2, y2 in pixels, scores (K,), class_ids (K)."""

    boxes: Boxes
    scores: NDArray[np.float64]
    class_ids: list[str]


def detections_from_message(message: Any, wanted: tuple[str, ...] = ()) -> Detections:
    """vision_msgs/Detection2DArray -> boxes, best scores and their classes ("" without hypothesis). With `wanted`, only
    hypotheses of these classes count, and a detection without any scores -inf. Boxes that are wrong (NaN, no size) are
    passed on: the tracker judges them."""
    boxes = np.zeros((len(message.detections), 4))
    scores, class_ids = np.ones(len(message.detections)), []
    for k, detection in enumerate(message.detections):
        center, box = detection.bbox.center.position, detection.bbox
        half_x, half_y = box.size_x / 2, box.size_y / 2
        boxes[k] = center.x - half_x, center.y - half_y, center.x + half_x, center.y + half_y
        found = [r.hypothesis for r in detection.results if not wanted or r.hypothesis.class_id in wanted]
        best = max(found, key=lambda hypothesis: hypothesis.score, default=None)
        scores[k] = best.score if best else (-np.inf if wanted else 1.0)
        class_ids.append(best.class_id if best else "")
    return Detections(boxes, scores, class_ids)


def detections_to_message(
    types: MessageTypes,
    header: Any,
    boxes: Boxes,
    scores: NDArray[Any],
    class_ids: list[str] | str,
    ids: list[str] | None = None,
) -> Any:
    """Boxes (K, 4), scores (K,) and classes (K, or one for all) -> vision_msgs/Detection2DArray; `ids` fill the track
    id."""
    names = [class_ids] * len(boxes) if isinstance(class_ids, str) else class_ids
    zeros = np.zeros(36)
    messages = []
    for k, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
        pose = types.make(
            "geometry_msgs/PoseWithCovariance",
            pose=types.make(
                "geometry_msgs/Pose",
                position=types.make("geometry_msgs/Point", x=0.0, y=0.0, z=0.0),
                orientation=types.make("geometry_msgs/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0),
            ),
            covariance=zeros,
        )
        hypothesis = types.make("vision_msgs/ObjectHypothesis", class_id=names[k], score=float(scores[k]))
        position = types.make("vision_msgs/Point2D", x=(x1 + x2) / 2, y=(y1 + y2) / 2)
        center = types.make("vision_msgs/Pose2D", position=position, theta=0.0)
        messages.append(
            types.make(
                "vision_msgs/Detection2D",
                header=header,
                results=[types.make("vision_msgs/ObjectHypothesisWithPose", hypothesis=hypothesis, pose=pose)],
                bbox=types.make("vision_msgs/BoundingBox2D", center=center, size_x=x2 - x1, size_y=y2 - y1),
                id=ids[k] if ids else "",
            )
        )
    return types.make("vision_msgs/Detection2DArray", header=header, detections=messages)


def tracks_to_message(
    types: MessageTypes, header: Any, tracks: Tracks, class_ids: list[str], image_size: tuple[int, int] | None
) -> Any:
    """Tracks and their classes (N) -> dvae_perception/TrackArray."""
    width, height = image_size or (0, 0)
    messages = [
        types.make(
            "dvae_perception/Track",
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
        "dvae_perception/TrackArray", header=header, image_width=width, image_height=height, tracks=messages
    )


# ---------------------------------------------------------------------- audio

SAMPLE_TYPES = {"S8": "<i1", "U8": "<u1", "S16LE": "<i2", "S16BE": ">i2", "S32LE": "<i4", "F32LE": "<f4"}
RAW_CODINGS = ("wave", "wav", "raw", "pcm")
PORTAUDIO_FIELDS = {1: "float32_data", 2: "int32_data", 8: "int16_data", 16: "int8_data", 32: "uint8_data"}
RATE_RANGE = (1000, 384_000)
MAX_CHANNELS = 64


@dataclass(frozen=True)
class AudioFormat:
    """How a stream of audio is coded."""

    sample_rate: int
    channels: int
    sample_type: str = "S16LE"

    def __post_init__(self) -> None:
        low, high = RATE_RANGE
        if not low <= self.sample_rate <= high:
            raise ValueError(f"expected a sample rate of {low} to {high} Hz, got {self.sample_rate}")
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise ValueError(f"expected 1 to {MAX_CHANNELS} channels, got {self.channels}")
        if self.sample_type not in SAMPLE_TYPES:
            raise ValueError(f"expected a sample format of {', '.join(SAMPLE_TYPES)}, got {self.sample_type!r}")


def format_from_info(info: Any) -> AudioFormat:
    """audio_common_msgs/AudioInfo of ros-drivers -> format; ValueError for coded audio such as mp3."""
    if info.coding_format.lower() not in RAW_CODINGS:
        raise ValueError(
            f"expected uncompressed audio (coding_format 'wave'), got {info.coding_format!r}: "
            "start audio_capture with format:=wave"
        )
    return AudioFormat(int(info.sample_rate), int(info.channels), info.sample_format.upper())


def decode_bytes(data: bytes, audio_format: AudioFormat) -> tuple[Audio, bytes]:
    """Interleaved samples -> channels (C, S) and the bytes of an incomplete last sample."""
    kind = np.dtype(SAMPLE_TYPES[audio_format.sample_type])
    block = kind.itemsize * audio_format.channels
    whole = len(data) // block * block
    samples = np.frombuffer(data[:whole], dtype=kind).reshape(-1, audio_format.channels)
    return to_float(samples).T, data[whole:]


def to_float(samples: NDArray[Any]) -> Audio:
    """Integer samples of any width, or floats -> float32 in [-1, 1]."""
    if samples.dtype.kind == "f":
        return np.asarray(samples, dtype=np.float32)
    scale = float(2 ** (8 * samples.dtype.itemsize - 1))
    offset = scale if samples.dtype.kind == "u" else 0.0
    return ((samples.astype(np.float32) - offset) / scale).astype(np.float32)


def decode_portaudio(audio: Any) -> tuple[Audio, AudioFormat]:
    """audio_common_msgs/Audio of mgonzs13 -> channels (C, S) and their format; ValueError for an unknown code."""
    if audio.info.format not in PORTAUDIO_FIELDS:
        raise ValueError(f"expected a PortAudio format of {list(PORTAUDIO_FIELDS)}, got {audio.info.format}")
    field = PORTAUDIO_FIELDS[audio.info.format]
    samples = np.asarray(getattr(audio.audio_data, field))
    found = AudioFormat(int(audio.info.rate), int(audio.info.channels))
    whole = samples.size // found.channels * found.channels
    return to_float(samples[:whole].reshape(-1, found.channels)).T, found


def to_int16(waveform: Audio) -> NDArray[np.int16]:
    """[-1, 1] -> 16 bit, clipped."""
    return np.clip(np.round(waveform * 32768.0), -32768, 32767).astype(np.int16)


def audio_bytes_message(types: MessageTypes, waveform: Audio) -> Any:
    """Mono (S,) -> audio_common_msgs/AudioData of ros-drivers, S16LE."""
    data = np.frombuffer(to_int16(waveform).astype("<i2").tobytes(), dtype=np.uint8)
    return types.make("audio_common_msgs/AudioData", data=types.numbers(data))


def audio_info_message(types: MessageTypes, sample_rate: int) -> Any:
    """audio_common_msgs/AudioInfo of ros-drivers for mono S16LE."""
    return types.make(
        "audio_common_msgs/AudioInfo",
        channels=1,
        sample_rate=sample_rate,
        sample_format="S16LE",
        bitrate=16 * sample_rate,
        coding_format="wave",
    )


def portaudio_message(types: MessageTypes, header: Any, waveform: Audio, sample_rate: int) -> Any:
    """Mono (S,) -> audio_common_msgs/AudioStamped of mgonzs13, 16 bit."""
    empty = {"float32": np.float32, "int32": np.int32, "int8": np.int8, "uint8": np.uint8}
    fields = {f"{name}_data": types.numbers(np.zeros(0, dtype=kind)) for name, kind in empty.items()}
    data = types.make("audio_common_msgs/AudioData", int16_data=types.numbers(to_int16(waveform)), **fields)
    info = types.make("audio_common_msgs/AudioInfo", format=8, channels=1, rate=sample_rate, chunk=waveform.size)
    return types.make(
        "audio_common_msgs/AudioStamped",
        header=header,
        audio=types.make("audio_common_msgs/Audio", audio_data=data, info=info),
    )


def activity_to_message(types: MessageTypes, header: Any, frames: list[FrameActivity], duration: float) -> Any:
    """The frames of one stretch of `duration` seconds -> dvae_perception/SpeechActivity."""
    return types.make(
        "dvae_perception/SpeechActivity",
        header=header,
        duration=duration,
        probability=float(np.mean([frame.probability for frame in frames])),
        speaking=bool(frames[-1].speaking),
        level=float(np.max([frame.level_db for frame in frames])),
        snr=float(np.mean([frame.snr_db for frame in frames])),
        azimuth=float(frames[-1].azimuth),
    )


# ---------------------------------------------------------------------- images


def image_from_message(message: Any) -> NDArray[np.uint8]:
    """sensor_msgs/Image -> BGR (H, W, 3), by cv_bridge where it is installed and rosbags-image elsewhere.

    ValueError for an encoding that neither knows, or data that does not fit the size.
    """
    try:
        try:
            from cv_bridge import CvBridge  # only on a full ROS installation
        except ImportError:
            return _image_by_rosbags(message)
        return np.asarray(CvBridge().imgmsg_to_cv2(message, desired_encoding="bgr8"))
    except Exception as error:
        size = f"{message.width}x{message.height}"
        raise ValueError(
            f"expected an image that converts to bgr8, got encoding {message.encoding!r}, {size}, "
            f"{len(message.data)} bytes: {error}"
        ) from error


def _image_by_rosbags(message: Any) -> NDArray[np.uint8]:
    from types import SimpleNamespace

    from rosbags.image import image_to_cvimage

    view = SimpleNamespace(
        height=message.height,
        width=message.width,
        encoding=message.encoding,
        is_bigendian=message.is_bigendian,
        step=message.step,
        data=np.frombuffer(message.data, dtype=np.uint8),
    )
    return np.asarray(image_to_cvimage(view, "bgr8"))  # type: ignore[arg-type]


def image_to_message(types: MessageTypes, header: Any, image: NDArray[np.uint8]) -> Any:
    """BGR (H, W, 3) -> sensor_msgs/Image, bgr8."""
    height, width = image.shape[:2]
    return types.make(
        "sensor_msgs/Image",
        header=header,
        height=height,
        width=width,
        encoding="bgr8",
        is_bigendian=0,
        step=3 * width,
        data=types.numbers(np.ascontiguousarray(image).reshape(-1)),
    )
