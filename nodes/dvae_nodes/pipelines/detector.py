"""Images in, people out, by OpenCV's HOG people detector: a plain camera works without another package."""

from __future__ import annotations

from typing import Any

from dvae.vision.hog import HogConfig, HogDetector
from dvae_nodes.lifecycle.pipeline import Input, OutputTopic, Pipeline, Settings
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire import images, topics
from dvae_nodes.wire.messages import MessageTypes, Output


class DetectorPipeline(Pipeline):
    """Finds people in the images of one camera. It takes longer than a camera's frame interval on many machines, so
    that a live node gives it the newest image and drops those it has no time for."""

    name = "detector"
    configs = (HogConfig,)
    outputs = (OutputTopic(topics.DETECTIONS, "boxes, scores and class `person`"),)

    def __init__(self, types: MessageTypes, settings: Settings, reporter: Reporter) -> None:
        super().__init__(types, settings, reporter)
        self._detector = HogDetector(settings[HogConfig])

    def configure(self, settings: Settings) -> None:
        super().configure(settings)
        self._detector.config = settings[HogConfig]

    def facts(self) -> dict[str, Any]:
        return {"model": "OpenCV HOG people detector", "device": "cpu"}

    def on_image(self, message: Any, _: int) -> list[Output]:
        """One image -> its people, with the image's header."""
        boxes, scores = self._detector.detect(images.image_from_message(message))
        found = convert.detections_to_message(self.types, message.header, boxes, scores, "person")
        return [topics.DETECTIONS.output(found)]

    inputs = (Input(topics.IMAGE, on_image, "the camera", depth=1, newest_only=True, any_name=True),)
