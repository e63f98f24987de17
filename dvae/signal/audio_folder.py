"""The sound in a folder: which files, and what is left out and why. Every command and recipe asks here."""

from __future__ import annotations

import logging
import os
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path

import soundfile

from dvae.files import Identity, identity, printable

logger = logging.getLogger(__name__)

# Format of libsndfile -> suffixes of its files. Raw samples have no header, and .mat is more often no sound.
SUFFIXES = {
    "WAV": ".wav .wave .bwf",
    "FLAC": ".flac",
    "OGG": ".ogg .oga .opus",
    "MP3": ".mp3 .mp2",
    "AIFF": ".aif .aiff .aifc",
    "AU": ".au .snd",
    "CAF": ".caf",
    "RF64": ".rf64",
    "W64": ".w64",
    "NIST": ".sph .nist",
    "VOC": ".voc",
    "SVX": ".iff .svx .8svx",
    "AVR": ".avr",
    "PAF": ".paf",
    "PVF": ".pvf",
    "SDS": ".sds",
    "IRCAM": ".sf .ircam",
    "HTK": ".htk",
    "XI": ".xi",
    "WVE": ".wve",
}
FORMATS = {
    suffix: name
    for name, suffixes in SUFFIXES.items()
    if name in soundfile.available_formats()
    for suffix in suffixes.split()
}


# sound too, but of codecs that libsndfile has not
OTHER_SOUND = (
    *(".m4a", ".m4b", ".aac", ".mp4", ".mov", ".mkv", ".mka", ".webm", ".3gp", ".amr", ".wma", ".ape", ".wv", ".tta"),
    *(".ac3", ".dts", ".dsf", ".ra", ".spx"),
)


def way_out(path: Path) -> str:
    """What to do with a file of sound that is not decoded here; empty for others."""
    is_sound = path.suffix.lower() in OTHER_SOUND
    return f"convert it first, such as with ffmpeg -i {path.name} {path.stem}.wav" if is_sound else ""


@dataclass
class AudioFolder:
    """What lies below a folder: files of sound in the order of their names, and folders; with the reason, what is named
    like sound or cannot be looked into and is left out, and folders of which nothing is lost when they are passed by;
    how many files there are of each other kind."""

    root: Path
    files: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    left_out: list[tuple[Path, str]] = field(default_factory=list)
    passed_by: list[tuple[Path, str]] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)

    def expect_files(self) -> None:
        """ValueError unless there is sound."""
        if not self.files:
            got = "; ".join([*self.words_left_out(), *self.words_others()]) or "none"
            raise ValueError(f"expected audio files ({' '.join(FORMATS)}) below {self.root}, got {got}")

    def words_left_out(self) -> list[str]:
        """A line for each that is named like sound and left out."""
        return [printable(f"{path}: left out: {reason}") for path, reason in self.left_out]

    def words_others(self) -> list[str]:
        """A line for each folder that is passed by, and one for all other files, if there are any."""
        lines = [f"{path}: passed by: {reason}" for path, reason in self.passed_by]
        if self.others:
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.others.items()))
            lines.append(f"{self.root}: left out {self.others.total()} files that are no audio: {kinds}")
        return [printable(line) for line in lines]

    def log(self) -> None:
        """These lines as warnings."""
        for line in [*self.words_left_out(), *self.words_others()]:
            logger.warning("%s", line)


def is_audio(path: Path) -> bool:
    """Whether the name says that soundfile decodes it."""
    return path.suffix.lower() in FORMATS


def find_audio(folder: Path, without: Path | None = None) -> AudioFolder:
    """All that is named like sound below `folder`, in linked folders too, but each folder once, so that links in a
    circle end. Hidden files and folders, what cannot be read and the folder `without` are left out. ValueError when
    there is no such folder.
    """
    if not folder.is_dir():
        raise ValueError(f"expected a folder of audio files, got {folder}, which is not a folder")
    found, links, waiting = AudioFolder(folder), deque[Path](), deque([folder])
    seen: set[Identity | None] = set()
    excluded = None if without is None else identity(without)
    while waiting or links:
        place = waiting.popleft() if waiting else links.popleft()  # a folder under its own name comes before a link
        key = identity(place)
        if key in seen:
            found.passed_by.append((place, "a link to a folder that is read already"))
        elif excluded is not None and key == excluded:
            found.passed_by.append((place, "the output goes there"))
        else:
            seen.add(key)
            _look_into(place, found, waiting, links)
    found.files.sort()
    for place in found.folders:
        if is_audio(place) and not any(place in path.parents for path in found.files):
            found.left_out.append((place, "a folder without audio"))
    found.left_out.sort()
    return found


def _look_into(place: Path, found: AudioFolder, waiting: deque[Path], links: deque[Path]) -> None:
    found.folders.append(place)
    try:
        entries = sorted(os.scandir(place), key=lambda entry: entry.name)
    except OSError as error:
        found.left_out.append((place, error.strerror or str(error)))
        return
    for entry in entries:
        path = place / entry.name
        if entry.name.startswith("."):
            if is_audio(path):
                found.left_out.append((path, "hidden"))
        elif os.path.isdir(path):  # false, and no error, for a link to itself or into a closed folder
            (links if entry.is_symlink() else waiting).append(path)
        elif way_out(path):
            found.left_out.append((path, f"cannot be decoded here: {way_out(path)}"))
        elif not is_audio(path):
            found.others[path.suffix.lower() or path.name] += 1
        elif os.path.isfile(path):
            found.files.append(path)
        else:
            broken = entry.is_symlink() and not os.path.exists(path)
            found.left_out.append((path, "a link to nothing" if broken else "a pipe or device, not a file"))


def list_audio(folder: Path) -> list[Path]:
    """The files of sound below `folder`, sorted; what is left out is named in the log. ValueError when
    the folder is missing or holds none."""
    found = find_audio(folder)
    found.expect_files()
    found.log()
    return found.files
