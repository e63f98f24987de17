"""Streams of speech from one direction: what continues which, when one is a voice, when it is gone."""

from __future__ import annotations

import numpy as np
import pytest
from bearings import heard

from dvae.audiovisual.voices import NOBODY, Assigned, VoiceConfig, Voices, alive, assign, begin, choose, hear, name

CONFIG = VoiceConfig()


def streams(*degrees: float, last: float = 0.0) -> Voices:
    """Voices that were heard at `last`, matched to nobody."""
    n = len(degrees)
    ids = np.arange(1, n + 1)
    return Voices(ids, ids, np.radians(degrees), np.ones(n), np.full(n, last), np.full(n, NOBODY), np.zeros(n))


def test_what_is_heard_continues_who_is_near_and_spoke_lately() -> None:
    near, far = streams(0.0, 8.0, -178.0, last=9.0), heard(9.0, 3.0, 6.0, 179.0, 40.0)
    assert choose(near, far, 9.0, CONFIG).tolist() == [0, 1, 2, -1]
    silent = near._replace(last_heard=np.array([0.0, 9.0, 9.0]))
    assert choose(silent, far, 9.0, CONFIG).tolist() == [1, 1, 2, -1]
    assert choose(streams(), far, 9.0, CONFIG).tolist() == [-1] * 4


def test_directions_of_a_stream_are_one_around_the_circle() -> None:
    found = assign(streams(180.0, 90.0), heard(0.0, 176.0, -178.0, weight=0.4, speech=0.5), np.array([0, 0]))
    np.testing.assert_allclose(found.weight, [0.8, 0.0])
    np.testing.assert_allclose(found.mass, [0.4, 0.0])
    np.testing.assert_allclose(np.degrees(found.azimuth), [179.0, 90.0])


def test_the_strongest_direction_that_continues_none_begins_a_stream() -> None:
    sound = heard(2.0, 10.0, 100.0, weight=0.9)
    assert begin(streams(10.0), sound, np.array([0, -1]), 7, 2.0).stream_id.tolist() == [1, 7]
    assert begin(streams(10.0), sound, np.array([0, 0]), 7, 2.0).stream_id.tolist() == [1]
    assert begin(streams(10.0), heard(2.0, 100.0, weight=0.2), np.array([-1]), 7, 2.0).stream_id.tolist() == [1]


@pytest.mark.parametrize(("every", "is_voice"), [(1, True), (50, False)])
def test_enough_speech_makes_a_voice_and_sounds_now_and_then_do_not(every: int, is_voice: bool) -> None:
    one, step = streams(0.0)._replace(voice_id=np.array([0]), speech_seconds=np.zeros(1)), 0.02
    for k in range(1000):
        now = np.array([1.0 if k % every == 0 else 0.0])
        one = name(hear(one, Assigned(now, now, np.zeros(1)), step, k * step, CONFIG), 5, CONFIG)
        if is_voice and k * step < 0.25:
            assert one.voice_id.tolist() == [0]
    assert one.voice_id.tolist() == ([5] if is_voice else [0])


def test_a_voice_is_remembered_longer_than_what_is_none_yet() -> None:
    both = streams(0.0, 90.0, last=1.0)._replace(voice_id=np.array([0, 3]))
    assert alive(both, 1.9, CONFIG).tolist() == [True, True]
    assert alive(both, 2.1, CONFIG).tolist() == [False, True]
    assert alive(both, 11.1, CONFIG).tolist() == [False, False]


def test_a_stream_turns_to_where_it_is_heard_the_short_way() -> None:
    one = streams(178.0)
    found = hear(one, Assigned(np.ones(1), np.ones(1), np.radians([-178.0])), CONFIG.turning_seconds, 1.0, CONFIG)
    assert np.degrees(found.azimuth[0]) % 360.0 == pytest.approx(178.0 + 4.0 * (1.0 - np.exp(-1.0)))
    assert found.last_heard.tolist() == [1.0]
