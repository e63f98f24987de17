"""OSPA-T on cases that are computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dvae.data.motchallenge import FrameBoxes
from dvae.evaluation.metrics.ospa import ospa_t


def frame(*people: tuple[int, float, float]) -> FrameBoxes:
    """Boxes of (id, x, y of the centre)."""
    rows = np.array(people, dtype=np.float64).reshape(-1, 3)
    return FrameBoxes(
        np.column_stack([rows[:, 1:] - [10.0, 20.0], rows[:, 1:] + [10.0, 20.0]]),
        rows[:, 0].astype(np.int64),
        np.ones(len(rows)),
    )


def test_perfect_tracks_have_none_whatever_their_ids() -> None:
    truth = [frame((1, 100, 50), (2, 200, 50)), frame((1, 110, 50), (2, 190, 50)), frame()]
    result = [frame((31, 200, 50), (7, 100, 50)), frame((31, 190, 50), (7, 110, 50)), frame()]
    np.testing.assert_allclose(ospa_t(truth, result), 0.0)


def test_places_and_numbers() -> None:
    truth = [frame((1, 0, 0), (2, 100, 0)), frame((1, 0, 0), (2, 100, 0)), frame((1, 0, 0)), frame(), frame((1, 0, 0))]
    result = [
        frame((1, 3, 4), (2, 100, 0)),  # 5 and 0 pixels
        frame((1, 0, 0)),  # one is missed
        frame((1, 0, 0), (2, 300, 0), (3, 400, 0)),  # two are too many
        frame((3, 400, 0)),
        frame((1, 500, 0)),  # farther than the cut-off
    ]
    expected = [np.sqrt(25 / 2), 65 / np.sqrt(2), 65 * np.sqrt(2 / 3), 65.0, 65.0]
    np.testing.assert_allclose(ospa_t(truth, result), expected)


def test_an_exchange_of_ids_costs_the_label_penalty_from_then_on() -> None:
    truth = [frame((1, 0, 0), (2, 100, 0))] * 3
    result = [frame((1, 0, 0), (2, 100, 0))] * 2 + [frame((2, 0, 0), (1, 100, 0))]
    np.testing.assert_allclose(ospa_t(truth, result), [0.0, 0.0, 25.0])
    np.testing.assert_allclose(ospa_t(truth, result, label_penalty=0.0), 0.0)


def test_a_track_that_breaks_is_a_stranger_after_it() -> None:
    """The longer part has the name; near the cut-off the penalty adds no more."""
    truth = [frame((1, 0, 0))] * 4
    result = [frame((8, 0, 0))] * 3 + [frame((9, 60, 0))]
    np.testing.assert_allclose(ospa_t(truth, result), [0.0, 0.0, 0.0, 65.0])
    result[3] = frame((9, 30, 40))
    np.testing.assert_allclose(ospa_t(truth, result)[3], np.sqrt(50**2 + 25**2))
    np.testing.assert_allclose(ospa_t(truth, result, cutoff=50.0, order=1.0)[3], 50.0)


def test_nothing_at_all() -> None:
    assert len(ospa_t([], [])) == 0
    np.testing.assert_allclose(ospa_t([frame()], [frame()]), [0.0])
    with pytest.raises(ValueError, match="as many frames of tracks as of the truth, 1, got 2"):
        ospa_t([frame()], [frame(), frame()])
