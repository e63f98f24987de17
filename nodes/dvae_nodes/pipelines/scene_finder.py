"""The finder of speakers with what messages need: stamps, formats, the camera's map, another run of the tracker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np

from dvae.arrays.positions import Positions, parse_positions
from dvae.audiovisual.binding import BindingConfig
from dvae.audiovisual.config import OF_TRACKS, AudioVisualConfig
from dvae.audiovisual.conversation import Rules
from dvae.audiovisual.geometry import GeometryConfig
from dvae.audiovisual.hearing import Hearing, HearingConfig
from dvae.audiovisual.lips import LipConfig
from dvae.audiovisual.scene import Scene
from dvae.audiovisual.speakers import SpeakerConfig, SpeakerFinder
from dvae.audiovisual.speaking import SpeakingConfig
from dvae.audiovisual.tracker import AudioVisualTracker
from dvae.audiovisual.voices import VoiceConfig
from dvae.configuration import setting
from dvae.signal.audio_clock import NANOSECONDS
from dvae.tracking.class_names import ClassList
from dvae.tracking.online import OnlineTracker
from dvae.tracking.tracks import TrackState
from dvae_nodes.lifecycle.pipeline import Settings
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.audio_reader import AudioConfig, Received, check_channels
from dvae_nodes.pipelines.camera_view import CameraView, CameraViewConfig, Frames
from dvae_nodes.pipelines.frame_clock import FrameClock, Place
from dvae_nodes.pipelines.speakers_watch import SpeakersWatch, is_usable
from dvae_nodes.pipelines.stamped_audio import Piece, StampedAudio
from dvae_nodes.pipelines.tracker_run import TrackerRun
from dvae_nodes.wire.conversions import stamp_to_nanoseconds
from dvae_nodes.wire.speakers import Places
from dvae_nodes.wire.transforms import frame_name

Model = TypeVar("Model")
RATE = 16000  # Hz, of what is heard
WAY_OUT = "set the tracker's parameter stamp to arrival"


@dataclass(frozen=True)
class SpeakersNodeConfig(AudioConfig):
    """Settings of the speakers node beside those of the algorithms."""

    microphone_positions: str = setting(
        "",
        'x y z of each microphone in their frame, in channel order, such as "0.03 0 0; -0.03 0 0"; of one, "0 0 0", '
        "lips are the only cue; empty: does nothing",
        unit="m",
    )
    channels: str = setting("all", "which channels of the audio are used, before all else, such as 1-4 or 1,3")
    model: str = setting("motion_srnn", "motion model of people: name of a shipped one, or a folder")
    person_classes: str = setting(
        "person, people, pedestrian, human",
        "classes of tracks that may speak, as the tracker's parameter; separated by commas, * for all",
    )
    reset_after: float = setting(
        1.0, "stamps that go back further start anew (a looped bag); else the frame is late", unit="s", minimum=0.0
    )
    markers: bool = setting(False, "also publish speakers/markers (visualization_msgs)")
    marker_length: float = setting(1.5, "length of the arrow of who speaks", unit="m", minimum=0.01)
    ros4hri: bool = setting(
        False, "also publish /humans/voices and /humans/candidate_matches (REP-155; needs hri_msgs)"
    )
    voice_prefix: str = setting(
        "s", "letters before the number in the ROS4HRI id of a voice: not those of the enhancer"
    )
    body_prefix: str = setting("b", "letters before the number in the ROS4HRI id of a body, as the tracker's")


class StampedScene(NamedTuple):
    """A scene and its time in ns, which for an image is exactly its stamp. frame_id: of the microphones."""

    scene: Scene
    stamp: int
    frame_id: str


def rules_of(settings: Settings) -> Rules:
    """Those of the finder's rules that may change while it runs; ValueError where what begins would end at once."""
    speaking, binding = settings[SpeakingConfig], settings[BindingConfig]
    for ends, low, begins, high in (
        ("stop_probability", speaking.stop_probability, "start_probability", speaking.start_probability),
        ("drop_confidence", binding.drop_confidence, "assert_confidence", binding.assert_confidence),
    ):
        if low > high:
            raise ValueError(f"{ends}: expected at most {begins}, {high:g}, got {low:g}")
    return Rules(speaking, settings[VoiceConfig], binding)


def positions_of(node: SpeakersNodeConfig) -> Positions:
    """(C, 3) in m; ValueError where they cannot be read, or do not fit the channels."""
    positions = parse_positions(node.microphone_positions, least=1)
    check_channels(node.channels, len(positions))
    return positions


def _of(parameter: str, load: Callable[[], Model]) -> Model:
    """A model; an error names the parameter that it is of."""
    try:
        return load()
    except ValueError as error:
        raise ValueError(f"{parameter}: {error}") from error


class SceneFinder:
    """`hear` and `see` what comes -> the scenes that are complete. ValueError for settings that do not fit together."""

    def __init__(self, settings: Settings, reporter: Reporter) -> None:
        node = settings[SpeakersNodeConfig]
        self._reporter, self._people = reporter, ClassList(node.person_classes)
        positions = positions_of(node)
        hearing = _of("hearing_model", lambda: Hearing(positions, settings[HearingConfig]))
        people = _of("model", lambda: OnlineTracker.load(node.model, OF_TRACKS))
        tracker = AudioVisualTracker(people, None, settings[AudioVisualConfig])
        self.finder = SpeakerFinder(hearing, tracker, settings[SpeakerConfig], lip_config=settings[LipConfig])
        self.finder.rules = rules_of(settings)
        self.view = CameraView(settings[CameraViewConfig], settings[GeometryConfig], reporter)
        self._audio = StampedAudio(RATE, "all", node.max_gap, reporter, hearing.num_channels, node.channels)
        self._clock = FrameClock(reporter, "header", node.reset_after, "tracks", WAY_OUT)
        self._run = TrackerRun()
        self._frame_id = ""  # of the audio
        self._stamps: dict[float, int] = {}  # of the frames that wait for their scene, by their time in s
        self._warm_up(hearing.num_channels)
        offset = round(settings[SpeakerConfig].audio_offset_seconds * NANOSECONDS)
        self.watch = SpeakersWatch(reporter, positions, RATE, self._people, offset, self.finder.facts)

    def _warm_up(self, num_channels: int) -> None:
        """The first calls are slow: now, not then."""
        for step in range(3):
            self.finder.see([[0.0, 0.0, 10.0, 20.0]], 0.1 * step, [1])
        self.finder.hear(np.zeros((num_channels, RATE), dtype=np.float32), 0.0)
        self.finder.flush()
        self.finder.reset()

    def reset(self) -> None:
        """Time jumped back, or the ids are others: what was is over."""
        self.finder.reset()
        self._audio.reset()
        self._clock.restart()
        self.watch.restart()
        self._stamps.clear()

    def hear(self, received: Received) -> list[StampedScene]:
        """A chunk of all microphones. After an error the next chunk begins anew."""
        self.watch.add_chunk(received.chunk)
        try:
            return self._heard(self._audio.add(*received))
        except Exception:
            self._audio.reset()
            raise

    def place(self, message: Any) -> Place:
        """Of a dvae_perception/TrackArray in time; ANEW also where its ids are those of another run of the tracker."""
        place = self._clock.place(stamp_to_nanoseconds(message.header.stamp))
        if place == Place.IGNORED:
            return place
        other = self._run.other_id([track for track in message.tracks if track.id > 0])
        if other is not None and place != Place.ANEW:
            text = f"tracks: expected ids that are not used again, got {other} for somebody else: "
            self._reporter.report("tracker run", f"{text}another run of the tracker, starting anew")
        return place if other is None else Place.ANEW

    def see(self, message: Any, received: int) -> list[StampedScene]:
        """The dvae_perception/TrackArray of one image whose place is the next."""
        stamp = stamp_to_nanoseconds(message.header.stamp)
        self._clock.advance(stamp)
        self.watch.add_tracks(message.tracks, stamp, received)
        size = int(message.image_width), int(message.image_height)
        self.view.look(Frames(message.header.frame_id, size), self._frame_id)
        people, _ = self.people(message)
        time = stamp / NANOSECONDS
        self._stamps[time] = stamp
        self.finder.bearings = self.view.bearings
        boxes = np.array(list(people.values()), dtype=np.float64).reshape(-1, 4)
        scenes = self._stamped(self.finder.see(boxes, time, list(people)))
        self.watch.say_late(self.finder.facts)
        return scenes

    def people(self, message: Any) -> tuple[dict[int, Any], tuple[int, int]]:
        """Of a dvae_perception/TrackArray: the boxes of those who are seen and may speak, by track, and the size of the
        image in pixels, 0 where unknown."""
        sure = [track for track in message.tracks if track.state == TrackState.CONFIRMED and is_usable(track)]
        size = int(message.image_width), int(message.image_height)
        if not all(size) and self.view.bearings:
            size = self.view.bearings.camera.image_size
        return {int(track.id): track.box for track in sure if track.class_id in self._people}, size

    def places(self, scene: Scene) -> Places:
        """Where the speakers of a scene are beside their azimuth."""
        tracks, speakers = scene.tracks, scene.speakers
        same = (tracks.track_id == speakers.track_id[:, None]) & (speakers.track_id[:, None] > 0)  # (M, N)
        is_track, row = same.any(axis=1), same.argmax(axis=1) if same.size else np.zeros(len(same), dtype=np.int64)
        bearings = self.view.bearings
        heard = bearings.columns(speakers.azimuth) if bearings else np.full(len(same), np.nan)
        if not is_track.any():
            return Places(np.full(len(heard), np.nan), np.isfinite(heard), heard)
        boxes, visible = tracks.boxes[row], tracks.visible[row]
        column = np.where(is_track, np.where(visible, boxes[:, [0, 2]].mean(axis=1), np.nan), heard)
        elevation = np.full(len(heard), np.nan)
        if bearings:
            elevation[is_track] = bearings.mouth_directions(boxes[is_track]).elevation
        return Places(elevation, np.isfinite(column), column)

    def flush(self) -> list[StampedScene]:
        """What is still inside."""
        return self._heard(self._audio.end()) + self._stamped(self.finder.flush())

    def _heard(self, pieces: list[Piece]) -> list[StampedScene]:
        scenes: list[StampedScene] = []
        for piece in pieces:
            self._frame_id = self._node_frame(piece)
            piece.clock.forget()
            if piece.samples.size:
                self.watch.add_samples(piece.samples)
                scenes += self._stamped(self.finder.hear(piece.samples, piece.stamp / NANOSECONDS))
        self.watch.say_late(self.finder.facts)
        return scenes

    def _node_frame(self, piece: Piece) -> str:
        return self.view.config.microphone_frame or frame_name(piece.frame_id)

    def _stamped(self, scenes: list[Scene]) -> list[StampedScene]:
        found = []
        for scene in scenes:
            self._stamps = {time: stamp for time, stamp in self._stamps.items() if time >= scene.time}
            stamp = self._stamps.pop(scene.time, None)
            found.append(
                StampedScene(scene, round(scene.time * NANOSECONDS) if stamp is None else stamp, self._frame_id)
            )
        return found
