"""What the microphones of the simulated scenes hear."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from talk import HOP, RATE, Room, draw_turns, heard_walking, speaking_times


def test_turns_overlap_where_asked_and_nobody_talks_over_themselves() -> None:
    none = draw_turns(np.random.default_rng(0), 2, 60.0, 0.0)
    some = draw_turns(np.random.default_rng(0), 3, 60.0, 0.9)
    assert all(after.start > before.end for before, after in itertools.pairwise(none))
    assert any(after.start < before.end for before, after in itertools.pairwise(some))
    for person in range(3):
        mine = [turn for turn in some if turn.person == person]
        assert len(mine) > 3
        assert all(after.start > before.end for before, after in itertools.pairwise(mine))


def test_speaking_times_bridge_short_pauses_only() -> None:
    voice = np.zeros(4 * RATE)
    noise = np.random.default_rng(0).normal(size=4 * RATE)
    for start, end in ((0.5, 1.0), (1.2, 2.0), (2.6, 3.0)):
        voice[int(start * RATE) : int(end * RATE)] = noise[int(start * RATE) : int(end * RATE)]
    speaks = speaking_times(voice)
    assert len(speaks) == 200
    assert np.flatnonzero(np.diff(speaks.astype(int))).tolist() == [24, 99, 129, 149]


class FreeField(Room):
    """Each place has one echo as many samples late as its x says."""

    def responses(self, places: np.ndarray) -> list[np.ndarray]:
        return [np.tile(np.eye(50)[round(place[0])], (4, 1)) for place in places]


def test_who_walks_is_heard_from_where_they_are() -> None:
    room = FreeField(np.ones(3), np.ones(3), 0.0, 0.3)
    voice = np.random.default_rng(0).normal(size=4 * HOP)
    still = heard_walking(voice, np.tile([7.0, 0, 0], (6, 1)), room)
    assert np.allclose(still[2, 7:], voice[:-7])
    moving = heard_walking(voice, np.array([[3.0, 0, 0]] * 2 + [[9.0, 0, 0]] * 4), room)
    assert np.allclose(moving[0, 3:HOP], voice[: HOP - 3])
    assert np.allclose(moving[0, 2 * HOP + 9 :], voice[2 * HOP : -9])
    assert not np.allclose(moving[0, HOP + 9 : 2 * HOP], voice[HOP : 2 * HOP - 9])


def test_a_room_has_the_direct_sound_first() -> None:
    pytest.importorskip("pyroomacoustics")
    room = Room(np.array([7.0, 6.0, 3.0]), np.array([2.0, 3.0, 1.2]), 0.1, 0.2)
    (response,) = room.responses(np.array([[2.0, 0.0, 0.0]]))
    first = np.argmax(np.abs(response), axis=1)
    assert (first[[0, 3]] < first[[1, 2]]).all()  # those in front hear it earlier
    assert abs(first.mean() - 40 - 2.0 / 343.0 * RATE) < 2  # 40: half the length of the interpolating filter
