"""A folder of speech -> files to train, validate and test on, by the public layouts, or by names where there is none.

| layout | known by | train / validation / test |
|---|---|---|
| LibriSpeech (Panayotov et al., 2015) | folders train-* | train-* / dev-* / test-* |
| VoiceBank (Valentini-Botinhao, 2017) | clean_trainset_*spk_wav | all but p226, p287 / those / clean_testset_wav |
| WSJ0 (LDC93S6A, converted to WAV or FLAC) | si_tr_s | si_tr_s / si_dt_05 / si_et_05 |
| any other | - | every tenth folder, or file where there are fewer than ten folders, validates; no test |
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import NamedTuple

from dvae.signal.audio_file import AUDIO_SUFFIXES, is_audio, list_audio

LIBRI = ("clean", "other")  # train-clean-100, dev-other, ...
VOICEBANK_VALID = ("p226", "p287")  # the speakers held out by the thesis and by most who use the set
VOICEBANK_TRAIN = ("clean_trainset_28spk_wav", "clean_trainset_56spk_wav")
HELD_OUT = 10  # one in so many


Folders = dict[str, list[Path]]  # name in lower case -> all folders of that name


class SpeechSet(NamedTuple):
    """The files of a set of speech; `test` is empty where the layout names none."""

    layout: str
    train: list[Path]
    valid: list[Path]
    test: list[Path]


def speech_set(folder: Path) -> SpeechSet:
    """The files below `folder`. ValueError when the folder is missing, holds no audio file, or too few to hold
    any out, or is a public layout without its training part."""
    if not folder.is_dir():
        raise ValueError(f"expected a folder of speech, got {folder}, which is not a folder")
    folders: Folders = {}
    for path in [folder, *sorted(path for path in folder.rglob("*") if path.is_dir())]:
        folders.setdefault(path.name.lower(), []).append(path)  # WSJ0 has the same names on several discs
    for layout in (_librispeech, _voicebank, _wsj0):
        found = layout(folders)
        if found is not None:
            return found
    return _any_folder(folder)


def _audio(folders: Folders, names: Sequence[str]) -> list[Path]:
    """The audio below all folders of these names, each file once; ValueError when there is none in any of them."""
    places = [place for name in names for place in folders.get(name, [])]
    found = sorted({path for place in places for path in place.rglob("*") if is_audio(path)})
    if places and not found:
        raise ValueError(f"expected audio files ({' '.join(AUDIO_SUFFIXES)}) below {places[0]}, got none")
    return found


def _librispeech(folders: Folders) -> SpeechSet | None:
    train, valid, test = (
        [name for name in sorted(folders) if name.startswith(f"{part}-") and name.split("-")[1] in LIBRI]
        for part in ("train", "dev", "test")
    )
    if not train and not valid:
        return None
    if not train:
        raise ValueError(f"expected a LibriSpeech folder train-clean-100 or the like, got {', '.join(folders)}")
    files = _audio(folders, train)
    if valid:
        return SpeechSet("LibriSpeech", files, _audio(folders, valid), _audio(folders, test))
    kept, held_out = _hold_out(files, lambda path: path.parents[1])  # train-clean-100/SPEAKER/CHAPTER/file.flac
    return SpeechSet("LibriSpeech", kept, held_out, _audio(folders, test))


def _voicebank(folders: Folders) -> SpeechSet | None:
    train = [name for name in VOICEBANK_TRAIN if name in folders]
    if not train:
        return None
    files = _audio(folders, train)
    valid = [path for path in files if path.name.split("_")[0] in VOICEBANK_VALID]
    kept = [path for path in files if path.name.split("_")[0] not in VOICEBANK_VALID]
    if not valid:
        kept, valid = _hold_out(files, lambda path: path.name.split("_")[0])
    return SpeechSet("VoiceBank", kept, valid, _audio(folders, ["clean_testset_wav"]))


def _wsj0(folders: Folders) -> SpeechSet | None:
    if "si_tr_s" not in folders:
        return None
    kinds = {path.suffix.lower() for place in folders["si_tr_s"] for path in place.rglob("*") if path.is_file()}
    if not kinds & set(AUDIO_SUFFIXES):
        raise ValueError(
            f"expected WSJ0 converted to WAV or FLAC below {folders['si_tr_s'][0]}, got files of "
            f"{', '.join(sorted(kinds)) or 'no kind'} (sph2pipe -f wav converts .wv1)"
        )
    files, test = _audio(folders, ["si_tr_s"]), _audio(folders, ["si_et_05"])
    if "si_dt_05" in folders:
        return SpeechSet("WSJ0", files, _audio(folders, ["si_dt_05"]), test)
    kept, held_out = _hold_out(files, lambda path: path.parent)
    return SpeechSet("WSJ0", kept, held_out, test)


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
