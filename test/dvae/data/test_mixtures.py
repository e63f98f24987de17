"""Mixtures: they add up, and rooms are what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dvae.data.crops import AudioCrops
from dvae.data.mixtures import MixtureSource, equalise, mix_at_snr, random_room, reverberate
from dvae.signal.audio_folder import list_audio


def test_mixtures_add_up_and_do_not_clip(audio_folders: Path, rng: np.random.Generator) -> None:
    speech, noise = (AudioCrops(list_audio(audio_folders / kind / "train"), 16000) for kind in ("speech", "noise"))
    for i in range(40):
        mixture, clean = MixtureSource(speech, noise, (-5.0, 15.0), augment=i % 4 > 0).draw(8000, rng)
        assert np.abs(mixture).max() <= 1.0
        assert 0 < np.square(mixture - clean).mean() < 10 * np.square(clean).mean()


def test_the_equaliser_is_straight_in_decibels_over_the_root_of_frequency() -> None:
    impulse = np.zeros(2000, dtype=np.float32)
    impulse[0] = 1.0
    found = 20 * np.log10(np.abs(np.fft.rfft(equalise(impulse, np.random.default_rng(3), 8.0))))
    drawn = np.random.default_rng(3).uniform(-8.0, 8.0, 7)
    expected = np.interp(np.sqrt(np.linspace(0.0, 1.0, 1001)), np.linspace(0.0, 1.0, 7), drawn)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_room_delays_and_repeats(rng: np.random.Generator) -> None:
    room = np.zeros(300, dtype=np.float32)
    room[0], room[200] = 0.5, 0.25  # a recording at half the level: the direct sound comes out as it went in
    waveform = rng.normal(size=1000).astype(np.float32)
    echo = np.concatenate([np.zeros(200, np.float32), waveform[:-200]])
    assert np.allclose(reverberate(waveform, room), waveform + 0.5 * echo, atol=1e-5)


def test_random_rooms_decay(rng: np.random.Generator) -> None:
    for _ in range(20):
        room = random_room(rng)
        assert room[0] == 1.0
        assert not room[1:32].any()  # the direct sound stands alone for 2 ms
        direct_to_reverberant = -10 * np.log10(np.square(room[1:]).sum())
        assert -0.01 <= direct_to_reverberant <= 12.01
        first, last = np.square(room[32 : room.size // 2]).sum(), np.square(room[room.size // 2 :]).sum()
        assert last < 0.05 * first


def test_measured_rooms_are_used(audio_folders: Path) -> None:
    """With a room that silences everything but a click after 100 ms, the speech of a mixture is that late."""
    speech, noise = (AudioCrops(list_audio(audio_folders / kind / "train"), 16000) for kind in ("speech", "noise"))
    room = np.zeros(1601, dtype=np.float32)
    room[1600] = 1.0
    source = MixtureSource(speech, noise, (5.0, 5.0), augment=True, room_fraction=1.0, rooms=[room])
    for seed in range(5):
        clean = source.draw(8000, np.random.default_rng(seed)).speech
        assert np.abs(clean[:1500]).max() < 1e-5
        assert np.abs(clean[1600:]).max() > 1e-3


def test_the_share_of_clean_mixtures(audio_folders: Path) -> None:
    speech, noise = (AudioCrops(list_audio(audio_folders / kind / "train"), 16000) for kind in ("speech", "noise"))
    for fraction in (0.0, 1.0):
        source = MixtureSource(speech, noise, (0.0, 0.0), augment=False, clean_fraction=fraction)
        for seed in range(5):
            mixture, clean = source.draw(8000, np.random.default_rng(seed))
            snr_db = 10 * np.log10(np.square(clean).mean() / np.square(mixture - clean).mean())
            assert (24 < snr_db < 41) if fraction else (abs(snr_db) < 0.1)


def test_mix_at_snr_has_that_snr(rng: np.random.Generator) -> None:
    speech, noise = rng.normal(size=8000), 3.0 * rng.normal(size=8000)
    mixture, reference = mix_at_snr(speech, noise, 5.0)
    rest = mixture - reference
    assert 10 * np.log10(np.square(reference).mean() / np.square(rest).mean()) == pytest.approx(5.0, abs=1e-3)
