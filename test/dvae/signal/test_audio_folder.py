"""What counts as sound in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from dvae.signal.audio_folder import FORMATS, SUFFIXES, find_audio, list_audio


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_every_format_that_can_be_decoded_has_a_suffix() -> None:
    headerless = {"RAW"}
    no_sound = {"MAT4", "MAT5"}  # of Matlab: more often data
    same_suffix = {"WAVEX", "MPC2K", "SD2"}  # .wav; .snd; and one that needs a resource fork
    assert set(soundfile.available_formats()) - headerless - no_sound - same_suffix == set(SUFFIXES)
    assert FORMATS[".opus"] == "OGG"


def test_an_empty_folder_says_what_was_expected_and_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="which is not a folder"):
        list_audio(tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"expected audio files \(\.wav .*\) below .*, got none"):
        list_audio(tmp_path)
    touch(tmp_path, "a.wv1", "b.wv1", "._c.wav")
    with pytest.raises(ValueError, match=r"got .*\._c\.wav: left out: hidden; .*left out 2 files .*: 2 \.wv1"):
        list_audio(tmp_path)


def test_links_are_followed_and_circles_end(tmp_path: Path) -> None:
    """Folders that all link to each other: every file once, under its own name rather than that of a link."""
    names = [f"{i}" for i in range(8)]
    touch(tmp_path / "in", *(f"{name}/{name}.wav" for name in names), ".git/x.wav", "out/y.wav")
    touch(tmp_path, "other/deep/z.wav")
    for name in names:
        for other in names:
            (tmp_path / "in" / name / f"a{other}").symlink_to(tmp_path / "in" / other)
    (tmp_path / "in" / "0" / "b").symlink_to(tmp_path / "other")
    (tmp_path / "in" / "self.wav").symlink_to("self.wav")
    found = find_audio(tmp_path / "in", without=tmp_path / "in" / "0" / ".." / "out")
    assert [str(path.relative_to(tmp_path / "in")) for path in found.files] == [
        "0/0.wav", "0/b/deep/z.wav", *(f"{name}/{name}.wav" for name in names[1:]),
    ]  # fmt: skip
    assert found.left_out == [(tmp_path / "in" / "self.wav", "a link to nothing")]
    assert len(found.passed_by) == 65
    assert (tmp_path / "in" / "out", "the output goes there") in found.passed_by
