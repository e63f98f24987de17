from __future__ import annotations

import numpy as np
import pytest

from dvae.arrays.positions import parse_positions
from dvae.audiovisual.hearing import Hearing, HearingConfig
from dvae.audiovisual.scene import Heard

SQUARE = parse_positions("0.045 0 0; 0 0.045 0; -0.045 0 0; 0 -0.045 0")
RATE, SHORT = 16000, 32000


@pytest.fixture(scope="module")
def hearing() -> Hearing:
    return Hearing(SQUARE)


def arriving(source: np.ndarray, azimuth: float, positions: np.ndarray = SQUARE) -> np.ndarray:
    """A plane wave (S,) at the microphones (C, S), by exact delays."""
    later = -positions @ [np.cos(azimuth), np.sin(azimuth), 0.0] / 343.0
    phase = -2j * np.pi * np.fft.rfftfreq(source.size, 1 / RATE) * later[:, None]
    return np.fft.irfft(np.fft.rfft(source) * np.exp(phase), source.size).astype(np.float32)


@pytest.fixture(scope="module")
def voice(speech: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Some seconds of it."""
    return speech[0][: 6 * RATE]


def whole(hearing: Hearing, samples: np.ndarray) -> list[Heard]:
    hearing.reset()
    return hearing.feed(samples) + hearing.flush()


def near(frames: list[Heard], azimuth: float) -> np.ndarray:
    """The weight within 10 degrees of an azimuth, of each frame."""
    apart = [np.abs(np.angle(np.exp(1j * (heard.azimuth - azimuth)))) for heard in frames]
    return np.array([heard.weight[each < np.radians(10)].sum() for heard, each in zip(frames, apart, strict=True)])


def same(one: list[Heard], other: list[Heard]) -> None:
    assert [(heard.time, heard.speech) for heard in one] == [(heard.time, heard.speech) for heard in other]
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first.azimuth, second.azimuth)
        np.testing.assert_array_equal(first.weight, second.weight)


@pytest.mark.parametrize("chunk", [100, 512, 5000])
def test_frames_do_not_depend_on_the_chunks(
    hearing: Hearing, chunk: int, speech: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> None:
    samples = arriving(speech[1][:SHORT], 0.8) + 1e-3 * rng.normal(size=(4, SHORT)).astype(np.float32)
    frames = whole(hearing, samples)
    hearing.reset()
    parts = [heard for i in range(0, SHORT, chunk) for heard in hearing.feed(samples[:, i : i + chunk])]
    same(parts + hearing.flush(), frames)
    assert np.diff([heard.time for heard in frames]) == pytest.approx(0.032)
    assert 0.0 <= frames[0].time < 0.032
    assert SHORT / RATE - 0.032 <= frames[-1].time < SHORT / RATE


def test_a_frame_comes_when_its_latency_has_passed(hearing: Hearing, voice: np.ndarray) -> None:
    samples = arriving(voice[:SHORT], 0.8)
    hearing.reset()
    for i in range(0, SHORT, 64):
        for heard in hearing.feed(samples[:, i : i + 64]):
            assert heard.time + hearing.latency_seconds == pytest.approx((i + 64) / RATE, abs=64 / RATE)


@pytest.mark.parametrize("azimuth", [0.4, -2.0, np.pi])
def test_who_speaks_is_heard_where_they_are(
    hearing: Hearing, azimuth: float, voice: np.ndarray, rng: np.random.Generator
) -> None:
    samples = arriving(voice, azimuth) + 1e-3 * rng.normal(size=(4, voice.size)).astype(np.float32)
    frames = whole(hearing, samples)
    spoken = np.array([heard.speech for heard in frames]) > 0.8
    assert spoken.sum() > 30
    weight = near(frames, azimuth)
    assert (weight[spoken] > 0.5).mean() > 0.9
    strongest = np.array([heard.azimuth[0] for heard, is_speech in zip(frames, spoken, strict=True) if is_speech])
    assert np.degrees(np.median(np.abs(np.angle(np.exp(1j * (strongest - azimuth)))))) < 2.0
    assert hearing.num_channels == 4


def test_two_who_speak_at_once_are_both_heard(hearing: Hearing, voice: np.ndarray) -> None:
    other = np.roll(voice, voice.size // 3)  # the same voice says something else
    frames = whole(hearing, arriving(voice, 0.5) + arriving(other, -1.2))
    both = (near(frames, 0.5) > 0.5) & (near(frames, -1.2) > 0.5)
    assert both.mean() > 0.15
    elsewhere = [heard.weight.sum() for heard in frames] - near(frames, 0.5) - near(frames, -1.2)
    assert elsewhere.mean() < 0.15


def test_times_are_those_of_the_sound(hearing: Hearing, voice: np.ndarray) -> None:
    """The voice moves from one side to the other at a known sample."""
    turn = voice.size // 2
    before, after = voice.copy(), voice.copy()
    before[turn:] = after[:turn] = 0.0
    frames = whole(hearing, arriving(before, 1.0) + arriving(after, -1.0))
    times = np.array([heard.time for heard in frames])
    left, right = near(frames, 1.0), near(frames, -1.0)
    inside = np.abs(times - turn / RATE) < 0.3  # in which the one takes over
    assert left[(times < turn / RATE) & ~inside].sum() > 5 * left[(times > turn / RATE) & ~inside].sum()
    assert right[(times > turn / RATE) & ~inside].sum() > 5 * right[(times < turn / RATE) & ~inside].sum()


def test_speech_begins_when_it_begins(hearing: Hearing, voice: np.ndarray) -> None:
    loud = np.flatnonzero(np.abs(voice) > 0.1 * np.abs(voice).max())[0]
    late = np.concatenate([np.zeros(RATE), voice[loud:]])[: 2 * RATE]  # begins at 1 s
    frames = whole(hearing, arriving(late, 0.0))
    first = next(heard.time for heard in frames if heard.speech > 0.5)
    assert first == pytest.approx(1.0, abs=0.05)


def test_while_the_robot_speaks_nobody_is_heard(hearing: Hearing, voice: np.ndarray) -> None:
    hearing.robot_speaks = True
    frames = whole(hearing, arriving(voice, 0.4))
    hearing.robot_speaks = False
    assert all(heard.speech == 0.0 and heard.azimuth.size == 0 for heard in frames)


def test_in_noise_hardly_anybody_is_heard(hearing: Hearing, rng: np.random.Generator) -> None:
    frames = whole(hearing, 0.05 * rng.normal(size=(4, 3 * RATE)).astype(np.float32))
    assert np.mean([(heard.weight > 0.5).sum() for heard in frames]) < 0.02


def test_silence_and_clipped_sound(hearing: Hearing, voice: np.ndarray) -> None:
    assert all(
        heard.azimuth.size == 0 and heard.speech == 0 for heard in whole(hearing, np.zeros((4, RATE), np.float32))
    )
    frames = whole(hearing, np.clip(20 * arriving(voice, 0.4), -1, 1))
    assert (near(frames, 0.4) > 0.5).mean() > 0.3


def test_a_dead_microphone_and_one_that_is_twice_there(hearing: Hearing, voice: np.ndarray) -> None:
    dead, twice = arriving(voice, 0.4), arriving(voice, 0.4)
    dead[2] = 0.0
    assert (near(whole(hearing, dead), 0.4) > 0.5).mean() > 0.3
    twice[1] = twice[0]  # its pairs say something else; nothing breaks
    assert all(np.isfinite(heard.weight).all() and np.isfinite(heard.azimuth).all() for heard in whole(hearing, twice))


def test_wrong_input_is_refused_and_changes_nothing(hearing: Hearing, voice: np.ndarray) -> None:
    samples = arriving(voice[:SHORT], 0.4)
    frames = whole(hearing, samples)
    hearing.reset()
    found = hearing.feed(samples[:, :8000])
    for wrong in (samples[:3], samples[0], np.full((4, 100), np.nan, np.float32), np.zeros((4, 10), np.int16)):
        with pytest.raises(ValueError, match="expected"):
            hearing.feed(wrong)
    same(found + hearing.feed(samples[:, 8000:]) + hearing.flush(), frames)


def test_steered_power_can_be_chosen(voice: np.ndarray) -> None:
    frames = Hearing(SQUARE, HearingConfig(direction_method="srp")).feed(arriving(voice[:SHORT], 0.4))
    assert max(near(frames, 0.4)) > 0.5


def test_one_microphone_tells_when_and_not_where(speech: tuple[np.ndarray, np.ndarray]) -> None:
    one = Hearing(parse_positions("0 0 0", least=1))
    frames = whole(one, speech[1][None, :SHORT])
    assert not any(len(heard.azimuth) for heard in frames)
    assert max(heard.speech for heard in frames) > 0.9
    many = whole(Hearing(SQUARE), np.repeat(speech[1][None, :SHORT], 4, axis=0))
    assert [heard.speech for heard in frames] == pytest.approx([heard.speech for heard in many], abs=1e-3)
