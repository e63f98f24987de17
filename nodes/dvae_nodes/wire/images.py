"""Image messages to arrays and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dvae_nodes.wire.messages import MessageTypes


def image_from_message(message: Any) -> NDArray[np.uint8]:
    """sensor_msgs/msg/Image -> BGR (H, W, 3), by cv_bridge where it is installed and rosbags-image elsewhere.

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
        "sensor_msgs/msg/Image",
        header=header,
        height=height,
        width=width,
        encoding="bgr8",
        is_bigendian=0,
        step=3 * width,
        data=types.numbers(np.ascontiguousarray(image).reshape(-1)),
    )
