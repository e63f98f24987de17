from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dvae.signal.audio_file import read_audio, read_mono, write_audio

DATA = Path(__file__).resolve().parents[2] / "data"
Run = Callable[..., int]


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (44100, 2), (8000, 1)])
def test_enhance_keeps_rate_channels_and_length(rate: int, channels: int, tmp_path: Path, run: Run) -> None:
    noisy = np.random.default_rng(0).normal(scale=0.1, size=(channels, rate + 7)).astype(np.float32)
    write_audio(tmp_path / "noisy.wav", noisy, rate)
    assert run("dvae.cli.enhance", tmp_path / "noisy.wav", tmp_path / "out.flac") == 0
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
    import soundfile

    soundfile.write(tmp_path / "in" / "a.ogg", noisy, 16000)
    assert run("dvae.cli.enhance", tmp_path / "in", tmp_path / "out") == 0
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.*")) == ["a.ogg.wav", "a.wav", "b.flac"]
