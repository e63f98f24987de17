from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dvae.signal.audio_file import read_audio, read_mono, write_audio

DATA = Path(__file__).resolve().parents[2] / "data"
Run = Callable[..., int]


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (44100, 2), (8000, 1)])
def test_enhance_keeps_rate_channels_and_length(
    rate: int, channels: int, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    noisy = np.random.default_rng(0).normal(scale=0.1, size=(channels, rate + 7)).astype(np.float32)
    write_audio(tmp_path / "noisy.wav", noisy, rate)
    assert run("dvae.cli.enhance", tmp_path / "noisy.wav", tmp_path / "out.flac") == 0
    assert capsys.readouterr().err.endswith(f"out.flac: 1.0 s, {channels} channel(s), {rate} Hz, PCM_16\n")
    enhanced, found = read_audio(tmp_path / "out.flac")
    assert (enhanced.shape, found) == (noisy.shape, rate)
    assert np.square(enhanced).mean() < 0.5 * np.square(noisy).mean()


def test_enhance_a_folder_and_agree_with_the_stream(tmp_path: Path, run: Run) -> None:
    noisy = read_mono(DATA / "demo_speech_noisy.flac", 16000)[:40000]
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("a.wav", "deep/b.flac"):
        write_audio(tmp_path / "in" / name, noisy, 16000)
    assert run("dvae.cli.enhance", tmp_path / "in", tmp_path / "out") == 0
    first, second = (read_mono(tmp_path / "out" / name, 16000) for name in ("a.wav", "deep/b.flac"))
    np.testing.assert_allclose(first, second, atol=1 / 16000)  # 16 bit, rounded by either format
    from dvae.enhancement.streaming import StreamingEnhancer

    enhancer = StreamingEnhancer.load("speech_enhancer")
    streamed = np.concatenate([enhancer.feed(read_mono(tmp_path / "in" / "a.wav", 16000)), enhancer.flush()])
    np.testing.assert_allclose(first, streamed, atol=1 / 16000)
    # what is read but not written without loss becomes WAV
    soundfile.write(tmp_path / "in" / "a.ogg", noisy, 16000)
    assert run("dvae.cli.enhance", tmp_path / "in", tmp_path / "out") == 0
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.*")) == ["a.ogg.wav", "a.wav", "b.flac"]


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(1).normal(scale=0.1, size=1600)


def test_a_folder_is_done_to_its_end(
    tmp_path: Path, run: Run, noise: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sound of any format is taken, once; what cannot be done is named with the reason, and does not stop the rest."""
    source, target = tmp_path / "in", tmp_path / "in" / "out"
    for name in ("a.wav", "b.ogg", "c.mp3", "d.aiff", "e.x.wav/f.FLAC", "z.wav", ".hidden.wav", "g.ogg.wav", "g.ogg"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(source / name, noise, 16000)
    for name in ("._a.wav", "empty.wav", "junk.flac", "notes.txt"):
        (source / name).write_bytes(b"junk" * (name != "empty.wav"))
    soundfile.write(source / "nan.wav", np.array([np.nan]), 16000, subtype="FLOAT")
    soundfile.write(source / "none.wav", np.zeros(0), 16000)
    soundfile.write(source / "tmp.wav", noise, 16000)
    os.rename(source / "tmp.wav", os.fsencode(source) + b"/l1\nl2\xff.wav")
    os.mkfifo(source / "pipe.wav")
    (source / "folder.wav").mkdir()
    (source / "gone.wav").symlink_to("nothing.wav")
    (source / "loop").symlink_to(".")
    (tmp_path / "other").mkdir()
    soundfile.write(tmp_path / "other" / "x.wav", noise, 16000)
    (source / "linked").symlink_to(tmp_path / "other")
    done = ["a.wav", "b.ogg.wav", "c.mp3.wav", "d.aiff", "e.x.wav/f.FLAC", "g.ogg.wav", "linked/x.wav", "z.wav"]
    for _ in range(2):  # the outputs of the first time are not inputs of the second
        assert run("dvae.cli.enhance", source, target) == 1
        found = [str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()]
        assert sorted(found) == sorted([*done, "l1\nl2\udcff.wav"])
        *_, summary = capsys.readouterr().err.partition("dvae-enhance: 9 files enhanced, 10 not:\n")
        lines = summary.splitlines()
        assert len(lines) == 10
        for name, reason in {
            "._a.wav": "hidden", ".hidden.wav": "hidden", "empty.wav": "an empty file", "junk.flac": "be decoded",
            "nan.wav": "NaN", "none.wav": "without samples", "pipe.wav": "a pipe or device", "folder.wav": "a folder",
            "gone.wav": "a link to nothing", "g.ogg.wav": "expected an output of its own",
        }.items():  # fmt: skip
            assert [line for line in lines if f"in/{name}" in line and reason in line], name


def test_what_is_no_audio_is_named_but_no_failure(
    tmp_path: Path, run: Run, noise: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "a.wav", noise, 16000)
    for name in ("b.csv", "c.csv", "notes"):
        (tmp_path / name).touch()
    assert run("dvae.cli.enhance", tmp_path, tmp_path / "out") == 0
    assert "left out 3 files that are no audio: 2 .csv, 1 notes" in capsys.readouterr().err
    (tmp_path / "d.M4A").write_bytes(b"what soundfile does not decode")
    assert run("dvae.cli.enhance", tmp_path, tmp_path / "out") == 1
    assert "d.M4A: left out: cannot be decoded here: convert it first, such as with ffmpeg" in capsys.readouterr().err
    assert run("dvae.cli.enhance", tmp_path / "d.M4A", tmp_path / "d.wav") == 2
    assert "convert it first, such as with ffmpeg -i d.M4A d.wav" in capsys.readouterr().err


def test_no_input_is_overwritten_by_any_way(
    tmp_path: Path, run: Run, noise: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    """IN/sub/a.wav -> OUT/sub/a.wav is the input IN/a.wav by another name, or a link to it."""
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    target.mkdir()
    for name in ("a", "b", "c"):
        soundfile.write(source / f"{name}.wav", noise, 16000)
    (target / "a.wav").symlink_to(source / "b.wav")
    (target / "b.wav").hardlink_to(source / "a.wav")
    before = {path: path.read_bytes() for path in source.iterdir()}
    assert run("dvae.cli.enhance", source, target) == 1
    assert {path: path.read_bytes() for path in source.iterdir()} == before
    assert "1 file enhanced, 2 not" in capsys.readouterr().err
    assert read_audio(target / "c.wav")[0].size == noise.size
    assert run("dvae.cli.enhance", source / "a.wav", source) == 2


@pytest.mark.parametrize(
    ("subtype", "peak", "name", "kept"),
    [
        ("FLOAT", 3.0, "out.wav", "FLOAT"),
        ("FLOAT", 30000.0, "out.wav", "FLOAT"),
        ("DOUBLE", 1e-4, "out.wav", "DOUBLE"),
        ("FLOAT", 1e9, "out.wav", "FLOAT"),
        ("FLOAT", 3.0, "out.flac", "PCM_24"),
        ("PCM_24", 0.5, "out.flac", "PCM_24"),
        ("PCM_32", 0.5, "out.wav", "PCM_32"),
        ("PCM_U8", 0.5, "out.wav", "PCM_16"),
        ("ULAW", 0.5, "out.aiff", "PCM_16"),
    ],
)
def test_output_keeps_what_the_input_can_hold(
    subtype: str, peak: float, name: str, kept: str, tmp_path: Path, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """At any scale the output is that of the same sound at full scale, and coded at least as finely."""
    noisy = read_mono(DATA / "demo_speech_noisy.flac", 16000)[:16000]
    noisy = noisy / np.abs(noisy).max()
    soundfile.write(tmp_path / "in.wav", peak * noisy.astype(np.float64), 16000, subtype=subtype)
    soundfile.write(tmp_path / "one.wav", noisy, 16000, subtype="FLOAT")
    assert run("dvae.cli.enhance", tmp_path / "in.wav", tmp_path / name) == 0
    assert run("dvae.cli.enhance", tmp_path / "one.wav", tmp_path / "expected.wav") == 0
    assert soundfile.info(tmp_path / name).subtype == kept
    found, expected = (read_audio(tmp_path / each)[0] for each in (name, "expected.wav"))
    clipped = np.abs(peak * expected) > 1.0 if kept.startswith("PCM") else np.zeros(expected.shape, bool)
    error = found / np.float32(peak) - expected
    assert 10 * np.log10(np.square(expected).sum() / np.square(error[~clipped]).sum()) > (
        25 if subtype in ("PCM_U8", "ULAW") else 80
    )
    words = [record.message for record in caplog.records if "clipped" in record.message]
    assert [f"clipped {clipped.sum()} of 16000 samples" in word for word in words] == ([True] if clipped.any() else [])


@pytest.mark.parametrize("wrong", [1e5, 1e25, 3.4e38])
def test_one_sample_far_above_the_others_is_one_samples_trouble(
    wrong: float, tmp_path: Path, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    noisy = read_mono(DATA / "demo_speech_noisy.flac", 48000)[:48000]
    soundfile.write(tmp_path / "good.wav", noisy, 48000, subtype="FLOAT")
    noisy[30000] = wrong
    soundfile.write(tmp_path / "bad.wav", noisy, 48000, subtype="FLOAT")
    for name in ("good", "bad"):
        assert run("dvae.cli.enhance", tmp_path / f"{name}.wav", tmp_path / f"{name}_out.wav") == 0
    good, bad = (read_audio(tmp_path / f"{name}_out.wav")[0] for name in ("good", "bad"))
    assert 10 * np.log10(np.square(good).sum() / np.square(good - bad).sum()) > 25
    assert "bad.wav: 1 samples far above the others are taken as silence" in caplog.text


def test_through_pipes(tmp_path: Path, run: Run, noise: np.ndarray) -> None:
    soundfile.write(tmp_path / "a.wav", noise, 16000)
    os.mkfifo(tmp_path / "in")
    os.mkfifo(tmp_path / "out")
    read: list[bytes] = []
    ends = [
        threading.Thread(target=lambda: (tmp_path / "in").write_bytes((tmp_path / "a.wav").read_bytes())),
        threading.Thread(target=lambda: read.append((tmp_path / "out").read_bytes())),
    ]
    for end in ends:
        end.start()
    assert run("dvae.cli.enhance", tmp_path / "in", tmp_path / "out") == 0
    for end in ends:
        end.join()
    assert run("dvae.cli.enhance", tmp_path / "a.wav", tmp_path / "b.wav") == 0
    assert read == [(tmp_path / "b.wav").read_bytes()]


def test_a_full_disk_stops_a_folder_and_leaves_what_was_there(
    tmp_path: Path, run: Run, noise: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / "in" / name, noise, 16000)
    (tmp_path / "out" / "a.wav").symlink_to("/dev/full")
    assert run("dvae.cli.enhance", tmp_path / "in", tmp_path / "out") == 2
    assert "out/a.wav: No space left on device" in capsys.readouterr().err
    assert os.listdir(tmp_path / "out") == ["a.wav"]
