"""What is said of the streams that a finder of speakers gets: which does not come, is late, or does not fit."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np

from dvae.arrays.agreement import TOO_MUCH, PositionCheck
from dvae.arrays.direction import searched_azimuths
from dvae.arrays.positions import Positions
from dvae.audiovisual.scene import Array
from dvae.audiovisual.speakers import SpeakerFacts
from dvae.signal.audio_clock import NANOSECONDS
from dvae.signal.audio_file import Audio
from dvae.tracking.class_names import ClassList
from dvae.tracking.tracks import TrackState
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.stream_clocks import StreamClocks
from dvae_nodes.wire.audio import AudioChunk

AHEAD = math.radians(60.0)  # so far to the left and to the right people are usually before a camera
PATIENCE_SECONDS = 3.0  # of one stream without the other, after which it is said


def is_usable(track: Any) -> bool:
    """Whether a dvae_perception/Track has an id and a box."""
    x1, y1, x2, y2 = track.box
    return track.id > 0 and bool(np.isfinite(track.box).all()) and x1 < x2 and y1 < y2


class SpeakersWatch:
    """Is shown what comes. positions: of the microphones, (C, 3) in m; rate: of what they hear, Hz; people: classes of
    tracks that may speak; offset: added to the stamps of audio, ns; facts: of the finder before anything came."""

    def __init__(
        self, reporter: Reporter, positions: Positions, rate: int, people: ClassList, offset: int, facts: SpeakerFacts
    ) -> None:
        self._reporter, self._people, self._offset = reporter, people, offset
        self.clocks, self.check = StreamClocks(reporter), PositionCheck(positions, rate)
        self._disagrees = False
        self._alone: dict[str, int] = {}  # since when a stream comes without the other, ns
        self._late = facts.late_frames, facts.late_heard  # of video and of sound, that were left out
        if len(positions) > 1:
            self._say_line(searched_azimuths(positions - positions.mean(axis=0)))

    def _say_line(self, searched: Array) -> None:
        """A word where microphones on a line cannot tell the left from the right of what is ahead."""
        low, high = np.degrees([side[np.abs(side) <= AHEAD].max(initial=0.0) for side in (-searched, searched)])
        if min(low, high) < 0.9 * math.degrees(AHEAD):
            text = "expected microphones that are not on one line, or on one from left to right (y), got another line"
            ahead = f"all voices ahead are taken as from {0.0 - low:.0f} to {high:.0f} degrees"
            self._reporter.report("line", f"microphone_positions: {text}: {ahead}")

    def restart(self) -> None:
        """Time begins anew."""
        self.clocks.reset()

    def add_chunk(self, chunk: AudioChunk) -> None:
        """A chunk has come."""
        self._come("audio", "tracks", chunk.receive_time)
        if chunk.stamp is not None:
            self.clocks.hear(chunk.stamp + self._offset, chunk.receive_time)

    def add_samples(self, samples: Audio) -> None:
        """(C, S) of all microphones; a word where they cannot come from where these are said to be."""
        self.check.feed(samples)
        disagrees = self.check.disagreement > TOO_MUCH
        if disagrees and not self._disagrees:
            text = (
                "audio: expected delays between the channels that sound from some direction has (microphone_positions)"
            )
            got = f"got others (disagreement {self.check.disagreement:.2f}, where 0.1 is usual)"
            why = "positions in another unit than metres or another order than the channels, or equal channels?"
            self._reporter.report("positions", f"{text}, {got}: {why}")
        self._disagrees = disagrees

    def add_tracks(self, tracks: Any, stamp: int, received: int) -> None:
        """The tracks of an image at `stamp` ns; a word on those that are none, or if all are of other classes."""
        self._come("tracks", "audio", received)
        self.clocks.see(stamp, received)
        self._say_unusable(tracks)
        classes = {track.class_id for track in tracks if track.state == TrackState.CONFIRMED}
        if classes and not any(each in self._people for each in classes):
            got = ", ".join(map(repr, sorted(classes)))
            text = f"tracks: expected people (person_classes {self._people.text!r}), got tracks of class {got}"
            self._reporter.report(f"no people {got}", f"{text}: nobody speaks")

    def _say_unusable(self, tracks: Any) -> None:
        for track in tracks:
            if not is_usable(track):
                got = f"id {int(track.id)} with [{', '.join(f'{x:g}' for x in track.box)}]"
                text = "tracks: expected ids from 1 on and boxes [x1, y1, x2, y2] with x1 < x2 and y1 < y2, got "
                self._reporter.report("no track", f"{text}{got}: left out")
        twice = [number for number, count in Counter(int(track.id) for track in tracks).items() if count > 1]
        if twice:
            text = f"tracks: expected each id once in an image, got {twice[0]} more than once: the last one counts"
            self._reporter.report("same id", text)

    def say_late(self, facts: SpeakerFacts) -> None:
        """A word on what the finder has left out."""
        before, self._late = self._late, (facts.late_frames, facts.late_heard)
        for stream, count, known in zip(("tracks", "audio"), self._late, before, strict=True):
            if count > known:
                text = f"{stream}: expected it within max_wait_seconds of the other stream, by their stamps"
                got = f"got it later (tracks are {facts.video_ahead_seconds:+.2f} s ahead)"
                self._reporter.report(f"late {stream}", f"{text}, {got}: left out")

    def _come(self, stream: str, other: str, received: int) -> None:
        """A message of one stream; a word where the other does not come."""
        self._alone.pop(other, None)
        since = self._alone.setdefault(stream, received)
        if received - since >= PATIENCE_SECONDS * NANOSECONDS:
            self._alone[stream] = received
            lack = "nobody is heard" if other == "audio" else "voices belong to nobody"
            text = f"{other}: expected it beside {stream}, got nothing for {PATIENCE_SECONDS:g} s: {lack}"
            self._reporter.report(f"no {other}", text)
