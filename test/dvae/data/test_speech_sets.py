"""Folders of speech by their public layouts."""

from __future__ import annotations

from pathlib import Path

import pytest

from dvae.data.speech_sets import speech_set


@pytest.mark.parametrize(
    ("paths", "layout", "valid", "test"),
    [
        (
            ["LibriSpeech/train-clean-100/19/198/a.flac", "LibriSpeech/train-other-500/20/1/b.flac",
             "LibriSpeech/dev-clean/84/1/c.flac", "LibriSpeech/test-clean/61/1/d.flac"],
            "LibriSpeech", ["c.flac"], ["d.flac"],
        ),
        (["train-clean-5/1/2/a.flac", "train-clean-5/3/4/b.flac"], "LibriSpeech", ["b.flac"], []),
        (
            ["clean_trainset_28spk_wav/p225_001.wav", "clean_trainset_28spk_wav/p226_001.wav",
             "noisy_trainset_28spk_wav/p225_001.wav", "clean_testset_wav/p232_001.wav"],
            "VoiceBank", ["p226_001.wav"], ["p232_001.wav"],
        ),
        (
            ["wsj0/si_tr_s/01a/a.wav", "wsj0/si_dt_05/050/b.wav", "wsj0/si_et_05/440/c.wav"],
            "WSJ0", ["b.wav"], ["c.wav"],
        ),
        (
            ["11-1.1/wsj0/si_tr_s/01a/a.wav", "11-2.1/wsj0/si_tr_s/01b/b.wav", "11-6.1/wsj0/si_dt_05/050/c.wav"],
            "WSJ0", ["c.wav"], [],
        ),
        ([f"{i:02}.wav" for i in range(21)], "folder", ["09.wav", "19.wav"], []),
        ([f"speaker{i:02}/{j}.wav" for i in range(11) for j in range(2)], "folder", ["0.wav", "1.wav"], []),
        (["a.wav", "deep/b.wav"], "folder", ["b.wav"], []),
    ],
)  # fmt: skip
def test_layouts(paths: list[str], layout: str, valid: list[str], test: list[str], tmp_path: Path) -> None:
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    found = speech_set(tmp_path)
    assert found.layout == layout
    assert [path.name for path in found.valid] == valid
    assert [path.name for path in found.test] == test
    assert len(found.train) + len(found.valid) + len(found.test) == sum("noisy" not in path for path in paths)
    assert found.train
    assert not set(found.train) & set(found.valid)
    assert not any("noisy" in str(path.relative_to(tmp_path)) for path in found.train)


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([], r"expected audio files \(.wav .* below"),
        (["one.wav"], "expected two audio files or more below .*, one to validate with, got 1"),
        (["wsj0/si_tr_s/01a/a.wv1"], "expected WSJ0 converted to WAV or FLAC below .*, got files of .wv1"),
        (["LibriSpeech/dev-clean/1/2/a.flac"], "expected a LibriSpeech folder train-clean-100 or the like, got"),
        (["train-clean-5/1/2/a.flac"], "expected two speakers or more, one to validate with, got 1"),
    ],
)
def test_folders_that_cannot_be_used(paths: list[str], message: str, tmp_path: Path) -> None:
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    with pytest.raises(ValueError, match=message):
        speech_set(tmp_path)
    with pytest.raises(ValueError, match="which is not a folder"):
        speech_set(tmp_path / "nothing")
