"""Images and the tracks found in them, paired by their stamps -> annotated images, with who speaks where that comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dvae.configuration import setting
from dvae.signal.audio_clock import NANOSECONDS
from dvae.tracking.tracks import TrackState
from dvae.vision.painter import PaintedTrack, TrackPainter
from dvae_nodes.lifecycle.pipeline import Input, OutputTopic, Pipeline, Settings
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire import images, topics
from dvae_nodes.wire.conversions import stamp_to_nanoseconds
from dvae_nodes.wire.messages import MessageTypes, Output
from dvae_nodes.wire.pairs import make_pairs

PAIR_QUEUE = 30
KNOWN_FOR = NANOSECONDS  # so long it is drawn that somebody speaks, where nothing newer comes


@dataclass(frozen=True)
class OverlayConfig:
    """Settings of the overlay."""

    trail_length: int = setting(40, "positions in the trail of a track", unit="frames", minimum=1, maximum=1000)


def tracks_to_paint(message: Any, speaking: Mapping[int, float]) -> list[PaintedTrack]:
    """dvae_perception/TrackArray, and the probability for those who speak, by track -> what `TrackPainter` draws."""
    return [
        PaintedTrack(
            int(track.id),
            np.asarray(track.box, dtype=np.float64),
            np.asarray(track.variance, dtype=np.float64),
            track.state == TrackState.TENTATIVE,
            track.state == TrackState.OCCLUDED,
            speaking.get(int(track.id), 0.0),
        )
        for track in message.tracks
    ]


class OverlayPipeline(Pipeline):
    """Draws the tracks on the images they were found in."""

    name = "overlay"
    configs = (OverlayConfig,)
    outputs = (OutputTopic(topics.ANNOTATED, "the image with boxes, ids, trails, what is uncertain, and who speaks"),)

    def __init__(self, types: MessageTypes, settings: Settings, reporter: Reporter) -> None:
        super().__init__(types, settings, reporter)
        self._painter = TrackPainter(settings[OverlayConfig].trail_length)
        self._pairs = make_pairs(PAIR_QUEUE)
        self._speakers: Any = None  # the newest

    def reset(self) -> None:
        self._painter = TrackPainter(self.settings[OverlayConfig].trail_length)
        self._pairs = make_pairs(PAIR_QUEUE)
        self._speakers = None

    def facts(self) -> dict[str, Any]:
        return {"model": "none", "device": "cpu"}

    def on_image(self, message: Any, _: int) -> list[Output]:
        """An image, before its tracks or after them."""
        return [self._drawn(*pair) for pair in self._pairs.add(0, message)]

    def on_tracks(self, message: Any, _: int) -> list[Output]:
        """The tracks of one image."""
        return [self._drawn(*pair) for pair in self._pairs.add(1, message)]

    def on_speakers(self, message: Any, _: int) -> list[Output]:
        """Who speaks; it comes after the tracks that it is about, and is drawn on the next images. Gives nothing."""
        self._speakers = message
        return []

    def _speaking_at(self, stamp: int) -> dict[int, float]:
        """By track, the probability for those who speak, as far as it is known near a time in ns."""
        if self._speakers is None or abs(stamp - stamp_to_nanoseconds(self._speakers.header.stamp)) > KNOWN_FOR:
            return {}
        return {s.track_id: s.probability for s in self._speakers.speakers if s.speaking and s.track_id}

    def _drawn(self, image: Any, tracks: Any) -> Output:
        """The image with its tracks, with the header of the image."""
        speaking = self._speaking_at(stamp_to_nanoseconds(image.header.stamp))
        canvas = self._painter.draw(images.image_from_message(image), tracks_to_paint(tracks, speaking))
        return topics.ANNOTATED.output(images.image_to_message(self.types, image.header, canvas))

    inputs = (
        Input(topics.IMAGE, on_image, "the camera", depth=PAIR_QUEUE, any_name=True, shared=True),
        Input(topics.SPEAKERS, on_speakers, "who of them speaks", depth=PAIR_QUEUE, optional=True, lossless=True),
        Input(topics.TRACKS, on_tracks, "the tracks found in it", depth=PAIR_QUEUE, lossless=True),
    )
