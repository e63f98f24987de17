"""Which files a bag consists of, whatever folder or file a user names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dvae.configuration import parse_yaml
from dvae_nodes.lifecycle.reporting import Reporter

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
MAGIC = {b"\x89MCAP": "mcap", b"SQLite format 3\0": "sqlite3", b"#ROSBAG": "ros1", ZSTD_MAGIC: "zstd"}
ENDINGS = {".mcap", ".db3", ".zstd"}
METADATA = "metadata.yaml"


def kind_of(path: Path) -> str:
    """mcap, sqlite3, ros1, zstd, or "" for another file; OSError for one that cannot be read."""
    with path.open("rb") as stream:
        begin = stream.read(16)
    return next((kind for magic, kind in MAGIC.items() if begin.startswith(magic)), "")


def storage_files(path: Path, reporter: Reporter) -> list[Path]:
    """The storage files of a bag, given as its folder or as a file; ValueError for what is no ROS 2 bag."""
    if not path.exists():
        raise ValueError(f"expected a bag, got {path}, which does not exist")
    if path.is_dir():
        return _in_folder(path, reporter)
    if path.name == METADATA:
        return _in_folder(path.parent, reporter)
    kind = kind_of(path)
    if kind == "ros1":
        raise ValueError(_ros1(path))
    if not kind:
        got = f"{path.stat().st_size} bytes of another kind" if path.stat().st_size else "an empty file"
        raise ValueError(f"expected a ROS 2 bag (mcap or sqlite3), got {path}, {got}")
    return [path]


def _in_folder(folder: Path, reporter: Reporter) -> list[Path]:
    files = [each for each in sorted(folder.iterdir()) if not each.name.startswith(".")]
    found = [each for each in files if each.suffix in ENDINGS and each.is_file()]
    listed = _listed(folder / METADATA, reporter) if (folder / METADATA).is_file() else []
    if not found:
        _refuse(folder, files)
    bags = sorted({_bag_name(each) for each in found})
    own = {_bag_name(each) for each in found if each.name in listed}
    if len(bags) > 1 and not own:
        raise ValueError(f"expected one bag, got {folder}, which holds {len(bags)} ({_few(bags)}): name one of them")
    chosen = [each for each in found if _bag_name(each) in (own or bags)]
    present = {each.name for each in chosen}
    if listed and not own:
        text = f"{folder / METADATA}: expected {_few(listed)}, got {_few(sorted(present))}: these are read"
        reporter.report("files", text)
    elif missing := [name for name in listed if name not in present]:
        text = f"{folder}: expected {len(listed)} files, {_few(missing)} missing: the others are read"
        reporter.report("missing files", text)
    return chosen


def _refuse(folder: Path, files: Sequence[Path]) -> None:
    """ValueError for a folder without storage files."""
    old = [each for each in files if each.suffix == ".bag"]
    inside = [each.name for each in files if each.is_dir() and any(one.suffix in ENDINGS for one in each.iterdir())]
    if old:
        raise ValueError(_ros1(old[0]))
    if inside:
        raise ValueError(f"expected a bag, got {folder}, which holds {len(inside)} ({_few(inside)}): name one of them")
    got = "without .mcap or .db3 file" if files else "which is empty"
    raise ValueError(f"expected a bag, got the folder {folder}, {got}")


def _listed(path: Path, reporter: Reporter) -> list[str]:
    """File names in metadata.yaml, without their folders; none, and a report, where it cannot be read."""
    try:
        content: Any = parse_yaml(path.read_text(encoding="utf-8"))
        return [
            re.split(r"[/\\]", str(each))[-1] for each in content["rosbag2_bagfile_information"]["relative_file_paths"]
        ]
    except (ValueError, OSError, KeyError, TypeError) as error:
        got = "another structure" if isinstance(error, (KeyError, TypeError)) else f"a file that is none ({error})"
        reporter.report(
            "metadata", f"{path}: expected the description of a bag, got {got}: the files beside it are read"
        )
        return []


def _bag_name(path: Path) -> str:
    """speech_0.mcap, speech_1.mcap.zstd -> speech: a recorder splits a long bag so."""
    return re.sub(r"_\d+$", "", path.name.removesuffix(".zstd").rpartition(".")[0])


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _ros1(path: Path) -> str:
    target = path.with_suffix("")
    return (
        f"expected a ROS 2 bag, got {path}, a bag of ROS 1: convert it with "
        f"`rosbags-convert --src {path} --dst {target}` and give {target}"
    )
