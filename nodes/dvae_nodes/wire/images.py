"""Image messages to arrays and back, by OpenCV alone: the same live and in bags.

sensor_msgs/Image in the encodings of sensor_msgs/image_encodings.hpp that show colours or grey, with or without padding
at the end of the rows; sensor_msgs/CompressedImage as image_transport writes it. Depth is refused: it is no picture.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from dvae_nodes.wire.messages import MessageTypes

Image = NDArray[np.uint8]


class Encoding(NamedTuple):
    """How pixels lie in the data. channels: values of `depth` bits for each pixel of a row; code: of `cv2.cvtColor` to
    BGR, None where it is BGR already; chroma_rows: further rows below the image for each of its rows."""

    depth: int
    channels: int
    code: int | None
    chroma_rows: float = 0.0


DEPTH = ("16UC1", "32FC1")
# OpenCV names a Bayer pattern by its second row, ROS by its first
BAYER = {
    "rggb": cv2.COLOR_BayerBG2BGR,
    "bggr": cv2.COLOR_BayerRG2BGR,
    "gbrg": cv2.COLOR_BayerGR2BGR,
    "grbg": cv2.COLOR_BayerGB2BGR,
}
UYVY, YUYV = Encoding(8, 2, cv2.COLOR_YUV2BGR_UYVY), Encoding(8, 2, cv2.COLOR_YUV2BGR_YUY2)
ENCODINGS = {
    **{f"mono{depth}": Encoding(depth, 1, cv2.COLOR_GRAY2BGR) for depth in (8, 16)},
    **{f"bgr{depth}": Encoding(depth, 3, None) for depth in (8, 16)},
    **{f"rgb{depth}": Encoding(depth, 3, cv2.COLOR_RGB2BGR) for depth in (8, 16)},
    **{f"bgra{depth}": Encoding(depth, 4, cv2.COLOR_BGRA2BGR) for depth in (8, 16)},
    **{f"rgba{depth}": Encoding(depth, 4, cv2.COLOR_RGBA2BGR) for depth in (8, 16)},
    **{f"bayer_{name}{depth}": Encoding(depth, 1, code) for name, code in BAYER.items() for depth in (8, 16)},
    # as OpenCV has them: grey, BGR, BGRA. 16UC1 is not among them: it is how depth is sent
    "8uc1": Encoding(8, 1, cv2.COLOR_GRAY2BGR),
    "8uc3": Encoding(8, 3, None),
    "8uc4": Encoding(8, 4, cv2.COLOR_BGRA2BGR),
    "16uc3": Encoding(16, 3, None),
    "uyvy": UYVY,
    "yuv422": UYVY,
    "yuyv": YUYV,
    "yuv422_yuy2": YUYV,
    "nv12": Encoding(8, 1, cv2.COLOR_YUV2BGR_NV12, 0.5),
    "nv21": Encoding(8, 1, cv2.COLOR_YUV2BGR_NV21, 0.5),
}


def image_from_message(message: Any) -> Image:
    """sensor_msgs/Image or CompressedImage -> BGR (H, W, 3), 8 bit.

    ValueError for no pixels, an encoding that shows no colours or grey, or data that does not fit.
    """
    if hasattr(message, "format"):
        return decompressed(message.format, np.frombuffer(message.data, dtype=np.uint8))
    try:
        return _converted(message)
    except (ValueError, cv2.error) as error:
        raise ValueError(
            f"expected an image that converts to bgr8, got encoding {message.encoding!r}, "
            f"{message.width}x{message.height}, step {message.step}, {len(message.data)} bytes: {error}"
        ) from error


def decompressed(description: str, data: Image) -> Image:
    """`format` and `data` of a CompressedImage -> BGR (H, W, 3); ValueError for depth and for what OpenCV cannot read.

    The format is a name such as "jpeg", or as image_transport says it: "rgb8; jpeg compressed bgr8".
    """
    got = f"format {description!r}, {data.size} bytes"
    if "compressedDepth" in description or description.split(";")[0].strip() in DEPTH:
        raise ValueError(f"expected a compressed image in colour or grey, got depth: {got}")
    image = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION) if data.size else None
    if image is None:
        raise ValueError(f"expected JPEG, PNG or another format that OpenCV reads, got {got}")
    swapped = "compressed rgb" in description  # written with red in the place of blue
    return np.asarray(image[..., ::-1] if swapped else image, dtype=np.uint8)


def _converted(message: Any) -> Image:
    encoding = ENCODINGS.get(message.encoding.lower())
    if message.encoding in DEPTH:
        raise ValueError("depth is no picture")
    if encoding is None:
        raise ValueError(f"expected one of {', '.join(ENCODINGS)}")
    pixels = _pixels(message, encoding)
    if encoding.code is not None:
        pixels = cv2.cvtColor(pixels, encoding.code)
    if pixels.dtype == np.uint16:
        pixels = np.multiply(pixels, 255.0 / 65535.0)
    return np.ascontiguousarray(pixels, dtype=np.uint8)


def _pixels(message: Any, encoding: Encoding) -> NDArray[Any]:
    """The values of an image (rows, W) or (rows, W, channels), without the padding of rows, in our byte order."""
    height, width = int(message.height), int(message.width)
    row_bytes = width * encoding.channels * encoding.depth // 8
    step = int(message.step) or row_bytes
    if not (height and width):
        raise ValueError("expected at least one pixel")
    if step < row_bytes:
        raise ValueError(f"expected a step of at least {row_bytes} bytes")
    rows = _rows(height, step, len(message.data), encoding)
    needed = step * (rows - 1) + row_bytes  # the last row may come without its padding
    if len(message.data) < needed:
        raise ValueError(f"expected at least {needed} bytes of data")
    data = np.frombuffer(message.data, dtype=np.uint8)[: step * rows]
    lines = np.lib.stride_tricks.as_strided(data, (rows, row_bytes), (step, 1), writeable=False)
    values = np.ascontiguousarray(lines)
    if encoding.depth == 16:
        values = values.view(">u2" if message.is_bigendian else "<u2").astype(np.uint16)
    return values if encoding.channels == 1 else values.reshape(rows, width, encoding.channels)


def _rows(height: int, step: int, num_bytes: int, encoding: Encoding) -> int:
    """Rows in the data with those of chroma. `height` is that of the image; some drivers count all rows with it."""
    rows = round(height * (1 + encoding.chroma_rows))
    all_counted = encoding.chroma_rows and step * (rows - 1) >= num_bytes >= step * height and height % 3 == 0
    return height if all_counted else rows


def image_to_message(types: MessageTypes, header: Any, image: Image) -> Any:
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
