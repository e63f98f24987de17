"""What a machine may lack: room on the disk, the right to write, a home, a cache, file handles."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import samples
import soundfile
import yaml
from kills import RECIPE
from outcome import Check, Effort, Outcome, run_check
from programs import Run, run
from storm_files import SIZE, warm_up

FORK_SECONDS, FRESH_SECONDS = 60.0, 180.0


def inputs(folder: Path) -> dict[str, tuple[object, ...]]:
    """Arguments of each program but the output, which is the last path, with enough to write to fill a small disk."""
    (folder / "det.txt").write_text(samples.detections_text(600))
    soundfile.write(folder / "in.wav", samples.speech(6.0), 16000)
    (folder / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    if not (folder / "bag").exists():
        samples.write_bag(folder / "bag", frames=300, seconds=3.0)
    return {
        "dvae-track": (folder / "det.txt",),
        "dvae-enhance": (folder / "in.wav",),
        "dvae-replay": (folder / "bag",),
        "dvae-train": (folder / "recipe.yaml",),
    }


def arguments(name: str, source: tuple[object, ...], target: Path) -> list[object]:
    """Of a program that writes into the folder `target`."""
    out = {"dvae-track": "out.txt", "dvae-enhance": "out.wav", "dvae-replay": "out", "dvae-train": "model"}[name]
    if name == "dvae-train":
        return [*source, "--output", target / out, "--work", target / "work", "--device", "cpu"]
    return [*source, target / out, *(SIZE if name == "dvae-track" else [])]


def refused(ended: Run, target: Path) -> None:
    """One line, a status that says so, and nothing half done under the name that was asked for."""
    assert not ended.wrong(), ended.wrong()
    assert ended.status, f"expected a failure, got exit status 0: {ended.out[-200:]}"
    for path in target.glob("out.*"):
        if path.suffix == ".wav":
            frames = soundfile.info(path).frames
            assert frames == 96000, f"half a file under its name: {frames} samples"
        assert path.suffix != ".txt" or path.read_text().endswith("\n"), "half a line"


@contextmanager
def small_disk(kibibytes: int, options: str = "") -> Iterator[Path | None]:
    """A file system of that size, or None where none can be mounted."""
    place = Path("/tmp") / f"small_disk_{os.getpid()}"
    place.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k{options}", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    try:
        yield place if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", str(place)], check=True)
        shutil.rmtree(place, ignore_errors=True)


def disk_full(name: str, folder: Path) -> str:
    """A disk of 64 KiB; where none can be mounted, files of at most 16 KiB."""
    source = inputs(folder)[name]
    with small_disk(64) as place:
        target, before = place or folder / "full", None
        target.mkdir(exist_ok=True)
        if place is None:
            before = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (16384, 16384))
        elif name in ("dvae-train", "dvae-track"):  # both write little
            (target / "filler").write_bytes(bytes(60 * 1024))
        refused(run(name, arguments(name, source, target), folder, FORK_SECONDS, before), target)
    return "disk of 64 KiB" if place else "files of 16 KiB at most"


def read_only(name: str, folder: Path) -> str:
    """A folder that takes no files."""
    source = inputs(folder)[name]
    with small_disk(64, ",ro") as place:
        target = place or folder / "closed"
        if place is None:
            target.mkdir(exist_ok=True)
            target.chmod(0o555)
        if place is None and os.access(target, os.W_OK):
            target = Path("/proc")
        refused(run(name, arguments(name, source, target), folder, FORK_SECONDS), target)
    return "read-only mount" if place else str(target)


def few_handles(name: str, folder: Path) -> str:
    """256 file handles and 300 files, a bag in 300 parts, or a training."""
    source = inputs(folder)[name]
    target = folder / "few"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    if name == "dvae-enhance":
        many = folder / "many"
        many.mkdir(exist_ok=True)
        for number in range(300):
            soundfile.write(many / f"{number}.wav", samples.speech(0.05), 16000)
        source = (many,)
    if name == "dvae-replay":
        source = (split_bag(folder / "split", 300),)
    limit = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (256, 256))
    given = [*source, target] if name == "dvae-enhance" else arguments(name, source, target)
    ended = run(name, given, folder, 2 * FORK_SECONDS, limit)
    assert ended.status == 0, f"{ended.status}: {ended.error[-300:]}"
    if name == "dvae-enhance":
        assert len(list(target.iterdir())) == 300
    return {"dvae-enhance": "300 files", "dvae-replay": "a bag of 300 files"}.get(name, "")


def split_bag(folder: Path, parts: int) -> Path:
    """A bag as a recorder that splits it leaves it: one mcap file a frame."""
    from make_bag import audio_types
    from rosbags.rosbag2 import StoragePlugin, Writer

    types, names, nanoseconds = audio_types(False), [], []
    if folder.exists():
        return folder
    folder.mkdir()
    whole = list(samples.messages(types, parts, 0.0))
    metadata = {}
    for number, (time, topic, kind, message) in enumerate(whole):
        part = folder / f"part{number}"
        with Writer(part, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
            connection = writer.add_connection(topic, kind, typestore=types.store)
            writer.write(connection, time, types.store.serialize_cdr(message, kind))
        metadata = yaml.safe_load((part / "metadata.yaml").read_text())
        names.append(f"split_{number}.mcap")
        (part / f"part{number}.mcap").rename(folder / names[-1])
        shutil.rmtree(part)
        nanoseconds.append(time)
    information = metadata["rosbag2_bagfile_information"]
    information["relative_file_paths"] = names
    information["message_count"] = len(whole)
    information["topics_with_message_count"][0]["message_count"] = len(whole)
    information["starting_time"]["nanoseconds_since_epoch"] = nanoseconds[0]
    information["duration"]["nanoseconds"] = nanoseconds[-1] - nanoseconds[0]
    information.pop("files", None)
    (folder / "metadata.yaml").write_text(yaml.safe_dump(metadata))
    return folder


def without(name: str, change: dict[str, str | None], folder: Path) -> str:
    """A new process whose environment lacks something."""
    source, target = inputs(folder)[name], folder / "bare"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    environment = {**os.environ, **{key: value for key, value in change.items() if value is not None}}
    for key in [key for key, value in change.items() if value is None]:
        environment.pop(key, None)
    code = f"import sys; from importlib.metadata import entry_points; sys.argv[0] = {name!r}; "
    code += f"sys.exit(entry_points(group='console_scripts', name={name!r})[{name!r}].load()())"
    command = [sys.executable, "-c", code, *map(str, arguments(name, source, target))]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=FRESH_SECONDS, check=False)
    assert ended.returncode == 0, f"{ended.returncode}: {ended.stderr[-600:]}"
    return ""


@contextmanager
def sealed_package() -> Iterator[Path | None]:
    """The package where nobody may write, as a system installs it; None where that cannot be made."""
    place = Path("/tmp") / f"sealed_{os.getpid()}"
    place.mkdir(exist_ok=True)
    bind = ["mount", "--bind", str(samples.REPOSITORY), str(place)]
    mounted = False
    try:
        mounted = subprocess.run(bind, capture_output=True, check=False).returncode == 0
        close = ["mount", "-o", "remount,bind,ro", str(place)]
        closed = mounted and subprocess.run(close, capture_output=True, check=False).returncode == 0
        yield place if closed else None
    except OSError:
        yield None
    finally:
        if mounted:
            subprocess.run(["umount", str(place)], check=True)
        place.rmdir()


def sealed(name: str, folder: Path) -> str:
    """Neither the package nor a home nor a cache can be written."""
    with sealed_package() as place:
        if place is None:
            return "not tried: nothing can be mounted here"
        path = f"{place}:{place}/nodes:{os.environ.get('PYTHONPATH', '')}"
        return without(name, {**LACKS[NO_CACHE], "PYTHONPATH": path}, folder)


NOWHERE = "/proc/nowhere"
NO_CACHE = "a HOME that is not there, nor a cache for compiled code"
LACKS: dict[str, dict[str, str | None]] = {
    "no HOME": {"HOME": None, "XDG_CACHE_HOME": None},
    NO_CACHE: {
        "HOME": NOWHERE, "XDG_CACHE_HOME": NOWHERE, "NUMBA_CACHE_DIR": NOWHERE, "MPLCONFIGDIR": NOWHERE,
    },
}  # fmt: skip
PROGRAMS = ("dvae-track", "dvae-enhance", "dvae-replay", "dvae-train")
SITUATIONS: dict[str, Callable[[str, Path], str]] = {
    "disk full": disk_full,
    "read-only folder": read_only,
    "256 file handles": few_handles,
    "no HOME, no cache, the package read-only": sealed,
}


def checks(quick: bool = False) -> Iterator[Check]:
    """Every program in every situation. quick: a sealed package, which lacks the most, stands for bare environments."""
    for situation, work in SITUATIONS.items():
        for name in PROGRAMS:
            yield Check("scarcity", f"{situation}: {name}", partial(work, name))
    for situation, change in () if quick else LACKS.items():
        for name in PROGRAMS:
            yield Check("scarcity", f"{situation}: {name}", partial(without, name, change))


def outcomes(effort: Effort) -> Iterator[Outcome]:
    """A row for each."""
    warm_up()
    for check in checks(effort.quick):
        yield run_check(effort, check)
