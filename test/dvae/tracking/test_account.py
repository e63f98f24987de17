from __future__ import annotations

import numpy as np
import pytest
from people import SIZE, walkers

from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.account import Account, left_out, strange_scores, summary, why_nothing
from dvae.tracking.admission import Rule
from dvae.tracking.config import TrackerConfig
from dvae.tracking.online import OnlineTracker
from dvae.tracking.tracks import TrackState

CONFIG = TrackerConfig()


def test_accounts_add_up_to_what_was_counted_by_hand(shipped: TrajectorySRNN, rng: np.random.Generator) -> None:
    truth = walkers(30, [[100, 300], [500, 300]], [[3, 0], [0, 1]])
    odd = np.array([[np.nan, 0, 1, 1], [5, 5, 5, 9], [0, 0, 1e-9, 9], [0, 0, 1e9, 9], [1200, 900, 1300, 1000]])
    tracker, total, results = OnlineTracker(shipped, image_size=SIZE), Account(), []
    born: set[int] = set()
    for t, boxes in enumerate(truth):
        given = np.concatenate([boxes, boxes[:1], odd]) if t % 5 else boxes[:0]
        scores = [0.9, 0.5 if t > 20 else 0.8, 0.7, *[0.9] * 5]
        results.append(tracker.update(given, t / 30, scores[: len(given)]))
        born |= set(results[-1].track_id.tolist())
        total = total.plus(tracker.account)
    assert (total.frames, total.frames_with_boxes, total.given) == (30, 24, 24 * 8)
    expected = dict.fromkeys(Rule, 0) | {Rule.USED: 48, Rule.DUPLICATE: 24}
    expected |= dict.fromkeys((Rule.NOT_FINITE, Rule.NO_SIZE, Rule.TOO_SMALL, Rule.TOO_LARGE, Rule.OUTSIDE), 24)
    assert dict(zip(Rule, total.boxes, strict=True)) == expected
    assert total.startable == 24 + 24 - 8
    assert total.score_range == (0.5, 0.9)
    assert total.reach == (1300, 1000)
    assert total.tracklets == len(born)
    assert total.confirmed == sum(int((tracks.state != TrackState.TENTATIVE).sum()) for tracks in results)
    assert total.visible == sum(int(tracks.visible.sum()) for tracks in results)
    assert set(left_out(total, CONFIG, SIZE)) == {rule for rule in Rule if rule != Rule.USED and total.boxes[rule]}
    assert summary(total, CONFIG, SIZE).startswith(
        "144 of 192 boxes left out: 24 with NaN or infinite coordinates, 24 w"
    )
    assert why_nothing(total, CONFIG, SIZE) == ""
    tracker.reset()
    assert tracker.account == Account()


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.0, 1.0, ""), (np.inf, -np.inf, ""), (0.2, 1.0000001, ""), (2.0, 98.0, "percent: divide them by 100"),
        (-4.0, 6.0, "logits: take their sigmoid"), (-0.1, 0.9, "logits"),
        (-1.0, -1.0, "-1 says that there is no score"),
    ],
)  # fmt: skip
def test_scores_on_another_scale(low: float, high: float, said: str) -> None:
    found = strange_scores(Account(score_range=(low, high)))
    assert (said in found) if said else not found
