"""Outputs: whole or not there; links, modes, pipes and devices as they were; never one of the inputs."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dvae.files import keep_inputs, whole_file, write_whole


@pytest.fixture(autouse=True, params=["without a name", "hidden"])
def kind_of_file(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways, whichever this file system has."""
    if request.param == "hidden":
        monkeypatch.setattr("dvae.files._nameless", lambda folder: None)


def write_half(path: Path, content: bytes | None) -> None:
    with whole_file(path) as stream:
        stream.write(b"half")
        stream.flush()
        assert (path.read_bytes() if path.exists() else None) == content
        raise KeyboardInterrupt


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "out.bin"
    for content in (None, b"before"):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(KeyboardInterrupt):
            write_half(path, content)
        assert os.listdir(tmp_path) == ([] if content is None else ["out.bin"])
    assert path.read_bytes() == b"before"


def test_links_and_modes_stay(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write_whole(tmp_path / "new", b"1")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    (tmp_path / "new").chmod(0o604)
    (tmp_path / "link").symlink_to("new")
    (tmp_path / "hard").hardlink_to(tmp_path / "new")
    write_whole(tmp_path / "link", b"2")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "new").read_bytes() == b"2"
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o604
    assert (tmp_path / "hard").read_bytes() == b"1"
    long = tmp_path / ("x" * 255)  # the longest name that there is
    write_whole(long, b"3")
    assert long.read_bytes() == b"3"


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "full").symlink_to("/dev/full")
    for path in (tmp_path, tmp_path / "no" / "out", tmp_path / "full", tmp_path / ("x" * 256), Path("/proc/out")):
        with pytest.raises(OSError, match="cannot write ") as raised:
            write_whole(path, b"1")
        assert f"cannot write {path}: " in str(raised.value)
        assert ".tmp" not in str(raised.value)
    assert os.listdir(tmp_path) == ["full"]


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    write_whole(tmp_path / "pipe", b"through")
    reader.join()
    assert read == [b"through"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_standard_output_is_written_to_where_it_leads(tmp_path: Path) -> None:
    code = "from pathlib import Path; from dvae.files import write_whole; write_whole(Path('/dev/stdout'), b'all')"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"all"
    place = tmp_path / "redirected"
    with place.open("wb") as stream:
        stream.write(b"before ")
        stream.flush()
        inode = place.stat().st_ino
        subprocess.run([sys.executable, "-c", code], stdout=stream, check=True)
    assert place.stat().st_ino == inode
    assert place.read_bytes().startswith(b"all")


def test_an_input_is_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"1")
    (tmp_path / "soft").symlink_to("a")
    (tmp_path / "hard").hardlink_to(tmp_path / "a")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("a", "soft", "hard", "folder/../a", "no/../a", "./a", str(tmp_path / "a")):
        with pytest.raises(ValueError, match="expected an output that is none of the inputs, got "):
            keep_inputs(Path(name), [Path("b"), Path("a")])
    with pytest.raises(ValueError, match=r"got \., which is the same as folder/\.\."):
        keep_inputs(Path("."), [Path("folder/..")])
    for target in ("b", "folder", "new", "/dev/null"):
        keep_inputs(Path(target), [Path("a"), Path("nothing"), Path("/dev/null")])
