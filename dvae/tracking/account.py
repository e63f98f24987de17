"""What came in and what became of it, in numbers, and from them why no track comes and what would let one in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.tracking.admission import LARGEST_SCORE, Rule, limits_of
from dvae.tracking.config import TrackerConfig
from dvae.tracking.tracks import Tracks, TrackState

Array = NDArray[np.float64]
NOWHERE = (-np.inf, -np.inf)
SCALE = 1.001  # scores above are on another scale than 0 to 1


class Account(NamedTuple):
    """Of one frame or of several: `plus` adds them up."""

    frames: int = 0
    frames_with_boxes: int = 0
    boxes: tuple[int, ...] = (0,) * len(Rule)  # by what became of them
    startable: int = 0  # boxes that are used and score birth_score
    score_range: tuple[float, float] = (np.inf, -np.inf)  # of finite scores
    reach: tuple[float, float] = NOWHERE  # largest x and y of boxes outside the image
    maps: int = 0  # of the camera, left out
    tracklets: int = 0  # that began
    confirmed: int = 0  # confirmed tracks in all frames
    visible: int = 0  # those of them that are visible

    def plus(self, other: Account) -> Account:
        """Both together."""
        return Account(
            self.frames + other.frames,
            self.frames_with_boxes + other.frames_with_boxes,
            tuple(a + b for a, b in zip(self.boxes, other.boxes, strict=True)),
            self.startable + other.startable,
            (min(self.score_range[0], other.score_range[0]), max(self.score_range[1], other.score_range[1])),
            (max(self.reach[0], other.reach[0]), max(self.reach[1], other.reach[1])),
            self.maps + other.maps,
            self.tracklets + other.tracklets,
            self.confirmed + other.confirmed,
            self.visible + other.visible,
        )

    @property
    def given(self) -> int:
        """Boxes that came."""
        return sum(self.boxes)

    @property
    def used(self) -> int:
        """Boxes that were used."""
        return self.boxes[Rule.USED]

    def of_tracks(self, tracks: Tracks, num_born: int) -> Account:
        """With what the frame's tracks are."""
        confirmed = int(np.count_nonzero(tracks.state != TrackState.TENTATIVE))
        return self._replace(tracklets=num_born, confirmed=confirmed, visible=int(np.count_nonzero(tracks.visible)))


def account_of(boxes: Array, scores: Array, rules: NDArray[np.int64], config: TrackerConfig) -> Account:
    """Of the detections of one frame: boxes (K, 4), scores (K,), and what became of them, rules (K,)."""
    if not len(rules):
        return Account(frames=1)
    if not rules.any():
        counts, finite, reach = (len(rules), *(0,) * (len(Rule) - 1)), scores, NOWHERE
    else:
        counts = tuple(np.bincount(rules, minlength=len(Rule)).tolist())
        finite, outside = scores[np.abs(scores) <= LARGEST_SCORE], boxes[rules == Rule.OUTSIDE]
        reach = (float(outside[:, 2].max(initial=-np.inf)), float(outside[:, 3].max(initial=-np.inf)))
    startable = int(np.count_nonzero((rules == Rule.USED) & (scores >= config.birth_score)))
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (np.inf, -np.inf)
    return Account(1, 1, counts, startable, (low, high), reach)


def left_out(account: Account, config: TrackerConfig, image_size: tuple[float, float] | None) -> dict[Rule, str]:
    """For each rule that left boxes out: how many, why, and what lets them in."""
    limits = limits_of(image_size)
    size = f"the image of {image_size[0]:g} x {image_size[1]:g}" if image_size else "an image"
    x, y = account.reach
    said = {
        Rule.UNWANTED: "of a class that is not tracked",
        Rule.NOT_FINITE: "with NaN or infinite coordinates",
        Rule.NO_SIZE: "without a positive width and height",
        Rule.TOO_SMALL: f"with a side below {limits.least:.2g} pixels, which {size} cannot show (pixels are expected, "
        "no fractions of the image)",
        Rule.TOO_LARGE: f"that reach beyond {limits.farthest:g} pixels, which {size} cannot hold",
        Rule.OUTSIDE: f"outside {size} (they reach to {x:.0f} x {y:.0f}: is the image size right?)",
        Rule.NO_SCORE: f"with a score that is no number up to {LARGEST_SCORE:g} (0 to 1 is expected)",
        Rule.LOW_SCORE: f"with a score below min_score {config.min_score:g}: lower it to use them",
        Rule.DUPLICATE: f"that overlap a better one by more than duplicate_iou {config.duplicate_iou:g}",
        Rule.TOO_MANY: f"beyond the {config.max_detections} best of a frame (max_detections)",
    }
    return {rule: f"{account.boxes[rule]} {text}" for rule, text in said.items() if account.boxes[rule]}


def summary(account: Account, config: TrackerConfig, image_size: tuple[float, float] | None) -> str:
    """One line: how many boxes came and were left out, and by which rules; empty where all were used."""
    found = left_out(account, config, image_size)
    scores = f"; the scores are {scores_text(account)}" if account.boxes[Rule.LOW_SCORE] else ""
    total = account.given - account.used
    return f"{total} of {account.given} boxes left out: {', '.join(found.values())}{scores}" if found else ""


def scores_text(account: Account) -> str:
    """The range of the scores that came."""
    low, high = account.score_range
    return f"{low:.3g} to {high:.3g}" if low < high else f"all {low:.3g}" if low == high else "none"


def strange_scores(account: Account) -> str:
    """One line where scores are not between 0 and 1, as the settings expect; else empty."""
    low, high = account.score_range
    if (high <= SCALE and low >= 0.0) or low > high:
        return ""
    guess = "percent: divide them by 100" if high <= 100.0 else "divide them by the largest that there can be"
    if low < 0.0:
        guess = "logits: take their sigmoid"
    if low == -1.0 and high <= SCALE:
        guess = "-1 says that there is no score: give 1"
    return (
        f"expected scores from 0 to 1, got {scores_text(account)} (perhaps {guess}; or set min_score, birth_score and "
        "visible_score on that scale)"
    )


def why_nothing(account: Account, config: TrackerConfig, image_size: tuple[float, float] | None) -> str:
    """One line: why no visible track came of these frames, and what would change it; empty where one came."""
    if account.visible:
        return ""
    if not account.given:
        return f"no track in {account.frames} frames: no box came"
    began = f"no track in {account.frames_with_boxes} frames with {account.given} boxes"
    maps = f"{account.maps} maps of the camera left out" if account.maps else ""
    out = joined(summary(account, config, image_size), maps)
    if not account.used:
        return joined(f"{began}: {out}", strange_scores(account))
    if not account.startable:
        least = max(config.birth_score, config.min_score)
        reason = (
            f"{account.used} boxes score {scores_text(account)}, below birth_score {least:g}, so that none starts a "
            "track: lower birth_score, and visible_score with it"
        )
    elif not account.tracklets:
        reason = f"none of {account.startable} boxes that may start a track began one: they lie over tracks (birth_iou)"
    elif not account.confirmed:
        reason = (
            f"{account.tracklets} tracklets began and none was seen in confirm_hits {config.confirm_hits} frames "
            "running: are all frames given, and is the frame rate right? Else lower confirm_hits"
        )
    else:
        reason = (
            f"tracks were confirmed, but their boxes score {scores_text(account)} and on average less than "
            f"visible_score {config.visible_score:g}: lower it"
        )
    return joined(f"{began}: {reason}", out, strange_scores(account))


def joined(*parts: str) -> str:
    """Those that say something, in one line."""
    return "; ".join(part for part in parts if part)
