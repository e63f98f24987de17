"""Output files: whole or not there, and never one of the inputs."""

from __future__ import annotations

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

    The bytes go to a hidden file beside it, which then takes its name and the mode of what was there; a link stays a
    link. Pipes and devices, which cannot be replaced, are written to directly. OSError names `path`.
    """
    try:
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():  # open says what is wrong with a folder
            with target.open("wb") as stream:
                yield stream
        else:
            yield from _beside(target)
    except OSError as error:
        raise OSError(error.errno, f"cannot write {path}: {error.strerror or error}") from error


def _beside(target: Path) -> Iterator[BinaryIO]:
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    if mode is not None and not os.access(target, os.W_OK):
        raise PermissionError(1, "the file is read-only")
    temporary = target.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())  # the bytes before the name, also when power fails
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write `path`, all or nothing, as `whole_file`."""
    with whole_file(path) as stream:
        stream.write(data)


def keep_inputs(target: Path, sources: Iterable[Path]) -> None:
    """ValueError when `target` is one of the files or folders that are read, by whatever name or link."""
    if not (target.is_file() or target.is_dir()):  # pipes and devices can be both
        return
    for source in sources:
        if source.exists() and target.samefile(source):
            also = "" if str(source) == str(target) else f", which is the same as {source}"
            raise ValueError(f"expected an output that is none of the inputs, got {target}{also}")
