"""Node `detector`: image -> detections (vision_msgs/Detection2DArray), by OpenCV's HOG people detector.

Detection takes longer than a camera's frame interval on many machines. It runs in a worker thread that always takes
the newest image (those it had no time for are counted as drops), so that nothing else in the process waits for it.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from dvae.vision.hog import HogConfig, HogDetector
from dvae_nodes.lifecycle.node import PerceptionNode, run_nodes
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire.messages import LiveTypes, Output


class DetectorNode(PerceptionNode):
    """Finds people in the images of one camera."""

    configs = (HogConfig,)
    detector: HogDetector | None = None

    def __init__(self, **options: Any) -> None:
        super().__init__("detector", **options)
        self._newest: Any = None
        self._arrived = threading.Condition()
        self._worker: threading.Thread | None = None

    def build(self) -> dict[str, Any]:
        from sensor_msgs.msg import Image
        from vision_msgs.msg import Detection2DArray

        self.detector = HogDetector(self.parameters.get(HogConfig))
        self.announce(Detection2DArray, "detections")
        self.listen(Image, "image", self.on_image, depth=1)
        return {"model": "OpenCV HOG people detector", "device": "cpu"}

    def start(self) -> None:
        self._stopping = False
        self._worker = threading.Thread(target=self._work, name="detector", daemon=True)
        self._worker.start()

    def stop(self) -> list[Output]:
        with self._arrived:
            self._stopping = True
            self._arrived.notify()
        if self._worker:
            self._worker.join()  # the image in work is finished and published
            self._worker = None
        return []

    def on_image(self, message: Any) -> list[Output]:
        """Leave the image for the worker."""
        with self._arrived:
            if self._newest is not None:
                self.meter("image").drops += 1
            self._newest = message
            self._arrived.notify()
        return []

    def measure(self, meter: Any, processing_seconds: float, message: Any) -> None:
        """The worker measures when it has the result."""

    def _work(self) -> None:
        meter = self.meter("image")
        while True:
            with self._arrived:
                self._arrived.wait_for(lambda: self._stopping or self._newest is not None)
                message, self._newest = self._newest, None
            if message is None:
                return
            began = time.perf_counter()
            try:
                detections = self.detect(message)
            except Exception as error:  # one bad image must not end the worker
                self.reporter.report(f"image {type(error).__name__}", f"image: {error}: ignored")
                continue
            self.publish_outputs([Output("detections", detections)])
            super().measure(meter, time.perf_counter() - began, message)

    def detect(self, message: Any) -> Any:
        """sensor_msgs/Image -> Detection2DArray with the image's header."""
        assert self.detector is not None
        boxes, scores = self.detector.detect(convert.image_from_message(message))
        return convert.detections_to_message(LiveTypes(), message.header, boxes, scores, "person")

    def apply_parameters(self) -> None:
        if self.detector:
            self.detector.config = self.parameters.get(HogConfig)

    def release(self) -> None:
        self.detector = None


def main() -> None:
    """Entry point."""
    run_nodes(lambda: [DetectorNode()])


if __name__ == "__main__":
    main()
