from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dvae.signal.audio_file import audio_info, decodable, read_audio, read_each, read_mono, resample, write_audio


def test_audio_round_trip_and_resampling(tmp_path: Path) -> None:
    time = np.arange(44100) / 44100
    tone = np.stack([0.5 * np.sin(2 * np.pi * 440 * time), np.zeros_like(time)]).astype(np.float32)
    write_audio(tmp_path / "tone.flac", tone, 44100)
    samples, rate = read_audio(tmp_path / "tone.flac")
    assert (samples.shape, rate) == ((2, 44100), 44100)
    mono = read_mono(tmp_path / "tone.flac", 16000)
    expected = 0.25 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    np.testing.assert_allclose(mono[500:-500], expected[500:-500], atol=1e-3)
    assert resample(mono, 16000, 16000) is mono


def test_files_that_are_no_audio_are_named(tmp_path: Path) -> None:
    (tmp_path / "noise.wav").write_bytes(b"this is no audio")
    with pytest.raises(ValueError, match=r"expected an audio file that can be decoded, got .*noise\.wav"):
        read_audio(tmp_path / "noise.wav")
    (tmp_path / "samples.raw").write_bytes(bytes(100))
    with pytest.raises(ValueError, match=r"can be decoded, got .*samples\.raw"):
        read_audio(tmp_path / "samples.raw")


def test_what_is_no_sound_is_refused_when_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    with pytest.raises(ValueError, match=r"got an empty file: .*a\.wav"):
        read_audio(tmp_path / "a.wav")
    for samples, rate, message in (
        (np.zeros(0), 16000, "got a file without samples"),
        (np.array([0.0, np.inf]), 16000, "got NaN or infinity"),
        (np.array([0.0, 1e300]), 16000, "got NaN or infinity"),
        (np.zeros(100), 1, "expected a rate of 1000 to 384000 Hz, got 1 in"),
        (np.zeros(100), 2_000_000_000, "expected a rate of 1000 to 384000 Hz, got 2000000000 in"),
    ):
        soundfile.write(tmp_path / "a.wav", samples, rate, subtype="DOUBLE")
        with pytest.raises(ValueError, match=message):
            read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3", "AIFF"])
def test_a_file_that_was_cut_off_is_read_as_far_as_it_goes(
    kind: str, tmp_path: Path, rng: np.random.Generator, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / f"a.{kind.lower()}"
    soundfile.write(path, 0.1 * rng.normal(size=(30000, 2)), 16000, format=kind)
    whole = soundfile.read(path, dtype="float32", always_2d=True)[0].T
    samples, _ = read_audio(path)
    np.testing.assert_allclose(samples, whole, atol=1e-6)
    assert not caplog.records
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3 + 1])
    samples, _ = read_audio(path)
    assert 6000 < samples.shape[1] < 20001
    same = samples.shape[1] - (2000 if kind == "MP3" else 0)  # the last frames are made of what is not there
    np.testing.assert_allclose(samples[:, :same], whole[:, :same], atol=1e-6)
    (record,) = caplog.records
    assert str(path) in record.message


def test_a_damaged_flac_is_read_up_to_the_damage_and_one_without_length_whole(
    tmp_path: Path, rng: np.random.Generator, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, 0.1 * rng.normal(size=30000), 16000)
    whole, data = soundfile.read(path, dtype="float32")[0], bytearray(path.read_bytes())
    path.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    samples, _ = read_audio(path)
    assert 8000 < samples.size < 15001
    assert np.array_equal(samples[0], whole[: samples.size])
    assert f"read {samples.size} of 30000 samples" in caplog.text
    path.write_bytes(data[:-200] if len(data) < 1000 else data[:300])
    with pytest.raises(ValueError, match="damaged from its first sample on"):
        read_audio(path)
    data[21] &= 0xF0  # the number of samples, 36 bits, which says nothing in a stream
    data[22:26] = bytes(4)
    path.write_bytes(data)
    assert np.array_equal(read_audio(path)[0][0], whole)
    assert audio_info(path).seconds == 30000 / 16000
    data[21] |= 0xF
    data[22:26] = b"\xff" * 4  # 68 thousand million samples: no memory is taken for what a header says
    path.write_bytes(data)
    assert np.array_equal(read_audio(path)[0][0], whole)


def test_a_part_of_a_file(tmp_path: Path, rng: np.random.Generator) -> None:
    soundfile.write(tmp_path / "a.flac", 0.1 * rng.normal(size=(200_000, 1)), 16000)
    whole, _ = read_audio(tmp_path / "a.flac")
    assert np.array_equal(read_audio(tmp_path / "a.flac", 70_000, 90_000)[0], whole[:, 70_000:160_000])
    assert np.array_equal(read_audio(tmp_path / "a.flac", 150_000, 90_000)[0], whole[:, 150_000:])


def test_what_cannot_be_read_is_left_out_with_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name, samples in (("a", np.ones(10)), ("b", np.array([np.nan])), ("c", np.zeros(0)), ("d", np.ones(20))):
        soundfile.write(tmp_path / f"{name}.wav", samples, 16000, subtype="FLOAT")
    paths = sorted(tmp_path.iterdir())
    assert [samples.shape for samples, _ in read_each(read_audio, paths)] == [(1, 10), (1, 20)]
    assert [record.message[:9] for record in caplog.records] == ["left out:"] * 2
    assert read_each(decodable, paths) == [paths[0], paths[1], paths[3]]
    with pytest.raises(ValueError, match="none of 2 files can be read, not the first either: expected finite"):
        read_each(read_audio, paths[1:3])


def test_long_sound_is_written_with_a_long_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dvae.signal.audio_file.WAV_LIMIT", 999)
    for num_samples, kind in ((499, "WAV"), (500, "RF64")):
        write_audio(tmp_path / "a.wav", np.zeros(num_samples, np.float32), 16000)
        assert soundfile.info(tmp_path / "a.wav").format == kind
        assert read_audio(tmp_path / "a.wav")[0].shape == (1, num_samples)
