"""Output files: whole or not there, and never one of the inputs."""

from __future__ import annotations

import errno
import os
import stat
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """The stream by which to write `path`. What is written is there when the block has ended without error, all of it;
    until then, and after an error or a kill, `path` is what it was before.

    The bytes go to a file beside it without a name, or a hidden one, which then takes the name and the mode of what was
    there; a link stays a link. Pipes and devices, which cannot be replaced, are written to directly. OSError names
    `path`.
    """
    try:
        if path.exists() and (not path.is_file() or _is_standard_stream(path)):  # open says what is wrong with a folder
            with path.open("wb") as stream:
                yield stream
        else:
            yield from _beside(Path(os.path.realpath(path)))
    except OSError as error:
        raise OSError(error.errno, f"cannot write {path}: {error.strerror or error}") from error


def _is_standard_stream(path: Path) -> bool:
    """Whether a name such as /dev/stdout stands for what is open already: a shell's `> file` is no file to replace."""
    return os.path.dirname(os.path.abspath(path)) in ("/dev", "/dev/fd", "/proc/self/fd")


def _beside(target: Path) -> Iterator[BinaryIO]:
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    if mode is not None and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "the file is read-only")
    temporary = target.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with _nameless(target.parent) or temporary.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())  # the bytes before the name, also when power fails
            if mode is not None:
                os.fchmod(stream.fileno(), mode)
            if not temporary.exists():
                handle = stream.fileno()  # Python follows the link to what has no name only when given src_dir_fd too
                os.link(f"/proc/self/fd/{handle}", temporary, src_dir_fd=handle)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _nameless(folder: Path) -> BinaryIO | None:
    """A file in `folder` that has no name yet and goes with its process; None where the system has no such files."""
    if not (hasattr(os, "O_TMPFILE") and os.path.isdir("/proc/self/fd")):
        return None
    try:
        return os.fdopen(os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o666), "wb")
    except OSError:  # on some file systems; what else may be wrong, a file with a name finds too
        return None


def write_whole(path: Path, data: bytes) -> None:
    """Write `path`, all or nothing, as `whole_file`."""
    with whole_file(path) as stream:
        stream.write(data)


def make_folder(folder: Path) -> None:
    """The folder and those above it; OSError where they cannot be made, or nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, "no permission")
    except OSError as error:
        reason = "a file is there" if isinstance(error, (FileExistsError, NotADirectoryError)) else error.strerror
        raise OSError(error.errno, f"cannot write to the folder {folder}: {reason}") from error


Identity = tuple[int, int]  # of a file or folder, whatever name or link it goes by


def identity(path: Path) -> Identity | None:
    """Of a regular file or a folder where `whole_file` would write; None where there is none, and for pipes and
    devices, which can be in and out."""
    try:
        found = os.stat(os.path.realpath(path))  # also of no/../file, which is none before no/ is made
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode) else None


def keep_inputs(target: Path, sources: Iterable[Path]) -> None:
    """ValueError when `target` is one of the files or folders that are read, by whatever name or link."""
    same = identity(target)
    for source in sources:
        if same is not None and identity(source) == same:
            also = "" if str(source) == str(target) else f", which is the same as {source}"
            raise ValueError(f"expected an output that is none of the inputs, got {target}{also}")


def printable(what: object) -> str:
    """Text in one line; what cannot be printed, which the name of a file may hold, as its escape."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in " ".join(str(what).split()))
