from __future__ import annotations

import numpy as np
from bearings import heard

from dvae.audiovisual.association import gather
from dvae.audiovisual.heard_only import HeardOnly
from dvae.audiovisual.listening import Presence
from dvae.audiovisual.succession import NOBODY, settle


def at(ids: list[int], degrees: list[float], deviation: float = 2.0) -> HeardOnly:
    return HeardOnly(np.array(ids, dtype=np.int64), np.radians(degrees), np.full(len(ids), np.radians(deviation) ** 2))


def test_of_those_who_coincide_the_seen_and_the_older_stay() -> None:
    given = at([-1, -2, -3, -4, -5], [0.0, 100.0, 103.0, -179.0, 50.0])
    lives = np.array([True, True, True, True, False])
    speakers, heir = settle(given, lives, at([7, 8], [178.0, 2.0]))
    assert heir.tolist() == [8, -2, -2, 7, NOBODY]
    assert speakers.source_id.tolist() == [-2]
    speakers, heir = settle(given, lives, at([], []))
    assert heir.tolist() == [-1, -2, -2, -4, NOBODY]
    assert speakers.source_id.tolist() == [-1, -2, -4]


def test_who_takes_over_inherits_what_was_heard() -> None:
    presence = Presence(np.array([1, 2, -1]), np.array([0.2, 0.5, 0.9]), np.array([3.0, 5.0, 4.0]))
    after = presence.passed_on(np.array([1, NOBODY, 1]), np.array([9, 1]))
    assert after.level.tolist() == [0.0, 0.9]
    assert after.heard.tolist() == [-np.inf, 4.0]
    assert presence.of(np.array([-1, 5])).heard.tolist() == [4.0, -np.inf]


def test_who_is_heard_is_so_after_a_while_and_a_while_longer() -> None:
    presence = Presence(np.array([1, 2]), np.zeros(2), np.full(2, -np.inf))
    times = []
    for t in range(60):
        now = t / 30
        frame = gather([heard(now, 10.0) if t < 30 else heard(now)], now - 1 / 30, 5.0)
        presence = presence.after(frame, np.tile([0.8, 0.2], (len(frame.azimuth), 1)))
        times.append(presence.heard[0])
    # 0.8 (1 - exp(-t / 0.2)) is above 0.3 from 0.094 s on, and falls below it 0.19 s after the end
    assert times.index(2 / 30) == 2
    assert np.isinf(times[1])
    assert np.isclose(times[-1], 29 / 30 + 0.196, atol=1 / 30)
    assert np.isinf(presence.heard[1])
