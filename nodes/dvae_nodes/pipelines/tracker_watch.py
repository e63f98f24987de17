"""What is said of the boxes that a tracker gets: which were left out, and why no track or no body comes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from dvae.tracking.account import Account, joined, left_out, strange_scores, summary, why_nothing
from dvae.tracking.admission import Rule, valid_boxes
from dvae.tracking.class_names import ClassList
from dvae.tracking.config import TrackerConfig
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire.conversions import Detections

PATIENCE = 30  # frames with boxes and without a track, after which it is said why
MOST_CLASSES = 10  # names that are counted
FAULTS = (Rule.NOT_FINITE, Rule.NO_SIZE, Rule.TOO_SMALL, Rule.TOO_LARGE, Rule.OUTSIDE, Rule.NO_SCORE)


def counted(classes: Counter[str]) -> str:
    """Names of classes, the most frequent first."""
    return ", ".join(f"{name!r} ({count})" for name, count in classes.most_common(MOST_CLASSES))


def count_classes(classes: Counter[str], names: Iterable[str]) -> None:
    """Add the names; of those that come after the first few only their number."""
    for name in names:
        known = name in classes or len(classes) < MOST_CLASSES
        classes[name if known else "others"] += 1


class TrackerWatch:
    """Keeps account of all frames, and of those since a track was last visible."""

    def __init__(self, reporter: Reporter, image_size: tuple[int, int] | None, wanted: ClassList) -> None:
        self._reporter, self._size, self._wanted = reporter, image_size, wanted
        self.total = self.since = Account()
        self._config = TrackerConfig()
        self._classes: Counter[str] = Counter()  # of boxes since a track was last visible
        self._bodiless: Counter[str] = Counter()  # of tracks since there was a body
        self._bodiless_frames = 0

    def facts(self) -> dict[str, Any]:
        """For /diagnostics."""
        return {
            "boxes": lambda: f"{self.total.used} of {self.total.given} used in {self.total.frames} frames",
            "boxes left out": lambda: summary(self.total, self._config, self._size) or "none",
            "no track because": lambda: self._why() if self.since.frames else "",
        }

    def restart(self) -> None:
        """Nothing is waited for any more."""
        self.since = Account()
        self._classes.clear()
        self._bodiless.clear()
        self._bodiless_frames = 0

    def add(self, account: Account, detections: Detections, config: TrackerConfig) -> None:
        """A frame, with the tracker's account of it."""
        self._config = config
        self.total = self.total.plus(account)
        if account.visible:
            self.since = Account()
            self._classes.clear()
        else:
            self.since = self.since.plus(account)
            count_classes(self._classes, detections.class_ids)
        self._report_boxes(account, detections, config)
        if account.given and self._is_time_to_say():
            self._reporter.report("no tracks", f"detections: {self._why()}")

    def finish(self) -> None:
        """Nothing more comes: where no track ever came, say why, after a few frames or empty ones too."""
        if self.total.frames and not self.total.visible and self.total.frames_with_boxes < PATIENCE:
            self._reporter.report("no tracks", f"detections: {self._why()}")

    def add_bodies(self, tracks: Iterable[str], num_bodies: int, people: ClassList) -> None:
        """A frame's confirmed tracks by their classes, and how many of them are people."""
        if num_bodies:
            self._bodiless.clear()
            self._bodiless_frames = 0
            return
        names = list(tracks)
        count_classes(self._bodiless, names)
        self._bodiless_frames += bool(names)
        if names and self._bodiless_frames % PATIENCE == 0:
            self._reporter.report(
                "no bodies",
                f"ros4hri: no body in {self._bodiless_frames} frames with tracks: they are of class "
                f"{counted(self._bodiless)}, and people are {people.text!r}: set person_classes to those that are "
                "people (* for all)",
            )

    def _is_time_to_say(self) -> bool:
        """Each time that patience ends; but where tracks came before, boxes of low scores alone are an empty scene."""
        is_over = self.since.frames_with_boxes > 0 and self.since.frames_with_boxes % PATIENCE == 0
        return is_over and (not self.total.visible or self.since.boxes[Rule.LOW_SCORE] < self.since.given)

    def _why(self) -> str:
        since = self.since
        classes = f"class_id is {self._wanted.text!r}, and what came is {counted(self._classes)}"
        return joined(why_nothing(since, self._config, self._size), classes if since.boxes[Rule.UNWANTED] else "")

    def _report_boxes(self, account: Account, detections: Detections, config: TrackerConfig) -> None:
        found = left_out(account, config, self._size)
        faults = [found[rule] for rule in FAULTS if rule in found]
        if faults:
            wrong = detections.boxes[~valid_boxes(detections.boxes, self._size)].tolist()
            first = f"; the first is x1, y1, x2, y2 = {wrong[0]}" if wrong else ""
            self._reporter.report("boxes", f"detections: {account.given} boxes, left out: {', '.join(faults)}{first}")
        for rule, cause in ((Rule.TOO_MANY, "too many boxes"), (Rule.DUPLICATE, "duplicates")):
            if rule in found:
                self._reporter.report(cause, f"detections: {account.given} boxes, left out: {found[rule]}")
        if account.maps:
            self._reporter.report("camera", "image: a motion between two images that no camera makes: left out")
        scores = strange_scores(account)
        if scores:
            self._reporter.report("scores", f"detections: {scores}")
        if detections.without_result:
            text = f"{detections.without_result} of {account.given} boxes have no result: taken as class '', score 1"
            self._reporter.report("no results", f"detections: {text}")
        if detections.rotated:
            text = f"{detections.rotated} of {account.given} boxes are rotated (theta): the upright ones around them"
            self._reporter.report("theta", f"detections: {text} are used")
