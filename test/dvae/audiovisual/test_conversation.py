"""Between two images: where bodies are, and the voices that are theirs."""

from __future__ import annotations

import numpy as np
from bearings import heard

from dvae.audiovisual.binding import BindingConfig, Bodies
from dvae.audiovisual.conversation import Rules, advance, between, carry, nobody
from dvae.audiovisual.sound import HeardFrame
from dvae.audiovisual.speaking import Observed, SpeakingConfig
from dvae.audiovisual.voices import NOBODY, VoiceConfig, Voices


def bodies(**degrees: float) -> Bodies:
    """Named b1, b2, ..."""
    ids, n = np.array([int(name[1:]) for name in degrees]), len(degrees)
    return Bodies(ids, np.radians(list(degrees.values())), np.full(n, 0.01), np.full(n, np.nan))


def test_people_move_steadily_from_one_image_to_the_next_the_short_way() -> None:
    before = nobody()._replace(bodies=bodies(b1=10.0, b2=170.0, b4=np.nan), bodies_time=1.0)
    now = bodies(b2=-170.0, b1=20.0, b3=50.0, b4=7.0)
    for time, expected in ((1.25, [175.0, 12.5, 50.0, 7.0]), (2.0, [-170.0, 20.0, 50.0, 7.0]), (0.5, [170, 10, 50, 7])):
        np.testing.assert_allclose(np.degrees(between(before, now, time, 2.0).azimuth), expected, atol=1e-9)
    assert between(nobody(), now, 1.5, 2.0) is now


def test_a_voice_moves_with_its_body_and_one_that_is_nobodys_stays() -> None:
    ids, values = np.arange(1, 6), np.zeros(5)
    degrees = np.array([12.0, 170.0, 33.0, -5.0, 44.0])
    voices = Voices(ids, ids, np.radians(degrees), values, values, np.array([1, 2, NOBODY, 3, 4]), values)
    before = bodies(b2=175.0, b1=10.0, b4=np.nan)  # the third comes, the fourth was nowhere
    found = carry(voices, before, bodies(b1=13.0, b2=-170.0, b3=0.0, b4=8.0))
    np.testing.assert_allclose(np.degrees(found.azimuth), [15.0, -175.0, 33.0, -5.0, 44.0], atol=1e-9)


def test_a_hole_in_the_sound_is_time_in_which_nothing_is_heard() -> None:
    rules, one, state = Rules(SpeakingConfig(), VoiceConfig(), BindingConfig()), bodies(b1=0.0), nobody()
    for k in range(20):
        frame = HeardFrame(heard(0.1 * k, 0.0), 0.1, False)
        state = advance(state, frame, Observed(np.ones(1), 0.0, 1.0), one, rules)
    at_once, later = (
        advance(state, HeardFrame(heard(time, 0.0), 0.1, False), Observed(np.ones(1), 0.0, 1.0), one, rules)
        for time in (2.0, 2.4)
    )
    assert later.bodies_speak.probability[0] < at_once.bodies_speak.probability[0]
    assert later.bodies_speak.weight[0] < 0.8 * at_once.bodies_speak.weight[0]
