"""A folder of speech -> files to train, validate and test on, by the public layouts, or by names where there is none.

| layout | known by | train / validation / test |
|---|---|---|
| LibriSpeech (Panayotov et al., 2015) | folders train-* | train-* / dev-* / test-* |
| VoiceBank (Valentini-Botinhao, 2017) | clean_trainset_*spk_wav | all but p226, p287 / those / clean_testset_wav |
| WSJ0 (LDC93S6A, converted to WAV or FLAC) | si_tr_s | si_tr_s / si_dt_05 / si_et_05 |
| any other | - | every tenth folder, or file where there are fewer than ten folders, validates; no test |
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import NamedTuple

from dvae.signal.audio_file import AUDIO_SUFFIXES, list_audio

LIBRI = ("clean", "other")  # train-clean-100, dev-other, ...
VOICEBANK_VALID = ("p226", "p287")  # the speakers held out by the thesis and by most who use the set
HELD_OUT = 10  # one in so many


class SpeechSet(NamedTuple):
    """The files of a set of speech; `test` is empty where the layout names none."""

    layout: str
    train: list[Path]
    valid: list[Path]
    test: list[Path]


def speech_set(folder: Path) -> SpeechSet:
    """The files below `folder`. ValueError when the folder is missing, holds no WAV or FLAC file, or too few to hold
    any out, or is a public layout without its training part."""
    if not folder.is_dir():
        raise ValueError(f"expected a folder of speech, got {folder}, which is not a folder")
    folders = {path.name.lower(): path for path in sorted(folder.rglob("*")) if path.is_dir()}
    folders[folder.name.lower()] = folder
    for layout in (_librispeech, _voicebank, _wsj0):
        found = layout(folders)
        if found is not None:
            return found
    return _any_folder(folder)


def _audio(folders: Iterable[Path]) -> list[Path]:
    return [path for folder in folders for path in list_audio(folder)]


def _librispeech(folders: dict[str, Path]) -> SpeechSet | None:
    train, valid, test = (
        [folders[name] for name in sorted(folders) if name.startswith(f"{part}-") and name.split("-")[1] in LIBRI]
        for part in ("train", "dev", "test")
    )
    if not train and not valid:
        return None
    if not train:
        raise ValueError(f"expected a LibriSpeech folder train-clean-100 or the like, got {', '.join(folders)}")
    files = _audio(train)
    if valid:
        return SpeechSet("LibriSpeech", files, _audio(valid), _audio(test))
    kept, held_out = _hold_out(files, lambda path: path.parents[1])  # train-clean-100/SPEAKER/CHAPTER/file.flac
    return SpeechSet("LibriSpeech", kept, held_out, _audio(test))


def _voicebank(folders: dict[str, Path]) -> SpeechSet | None:
    train = [path for name, path in sorted(folders.items()) if name in (f"clean_trainset_{n}spk_wav" for n in (28, 56))]
    if not train:
        return None
    files = _audio(train)
    valid = [path for path in files if path.name.split("_")[0] in VOICEBANK_VALID]
    test = [folders[name] for name in ("clean_testset_wav",) if name in folders]
    kept = [path for path in files if path not in set(valid)]
    if not valid:
        kept, valid = _hold_out(files, lambda path: path.name.split("_")[0])
    return SpeechSet("VoiceBank", kept, valid, _audio(test))


def _wsj0(folders: dict[str, Path]) -> SpeechSet | None:
    if "si_tr_s" not in folders:
        return None
    train = folders["si_tr_s"]
    if not any(path.suffix.lower() in AUDIO_SUFFIXES for path in train.rglob("*")):
        found = sorted({path.suffix for path in train.rglob("*") if path.is_file()})
        raise ValueError(
            f"expected WSJ0 converted to WAV or FLAC below {train}, got files of {', '.join(found) or 'no kind'} "
            "(sph2pipe -f wav converts .wv1)"
        )
    valid, test = ([folders[name]] if name in folders else [] for name in ("si_dt_05", "si_et_05"))
    files = list_audio(train)
    if valid:
        return SpeechSet("WSJ0", files, _audio(valid), _audio(test))
    kept, held_out = _hold_out(files, lambda path: path.parent)
    return SpeechSet("WSJ0", kept, held_out, _audio(test))


def _any_folder(folder: Path) -> SpeechSet:
    files = list_audio(folder)
    if len(files) < 2:
        raise ValueError(f"expected two audio files or more below {folder}, one to validate with, got {len(files)}")
    several = len({path.parent for path in files}) >= HELD_OUT
    train, valid = _hold_out(files, lambda path: path.parent if several else path)
    return SpeechSet("folder", train, valid, [])


def _hold_out(files: list[Path], group: Callable[[Path], Hashable]) -> tuple[list[Path], list[Path]]:
    """Every tenth group, the last of each ten, or the very last where there are fewer, is held out."""
    groups = list(dict.fromkeys(group(path) for path in files))
    held_out = set(groups[HELD_OUT - 1 :: HELD_OUT] or groups[-1:])
    if len(held_out) == len(groups):
        raise ValueError(f"expected two speakers or more, one to validate with, got {len(groups)}")
    return [path for path in files if group(path) not in held_out], [path for path in files if group(path) in held_out]
