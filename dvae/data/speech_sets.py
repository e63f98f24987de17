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

from dvae.signal.audio_folder import AudioFolder, find_audio

LIBRI = ("clean", "other")  # train-clean-100, dev-other, ...
VOICEBANK_VALID = ("p226", "p287")  # the speakers held out by the thesis and by most who use the set
VOICEBANK_TRAIN = ("clean_trainset_28spk_wav", "clean_trainset_56spk_wav")
HELD_OUT = 10  # one in so many


class SpeechSet(NamedTuple):
    """The files of a set of speech; `test` is empty where the layout names none."""

    layout: str
    train: list[Path]
    valid: list[Path]
    test: list[Path]


def speech_set(folder: Path) -> SpeechSet:
    """The files below `folder`; what is left out is named in the log. ValueError when the folder is missing, holds no
    audio file, or too few to hold any out, or is a public layout without its training part."""
    found = find_audio(folder)
    parts = _librispeech(found) or _voicebank(found) or _wsj0(found) or _any_folder(found)
    found.log()
    return parts


def _places(found: AudioFolder, names: Sequence[str]) -> list[Path]:
    """All folders of these names, in any case: WSJ0 has the same names on several discs."""
    return [place for place in found.folders if place.name.lower() in names]


def _below(found: AudioFolder, places: Sequence[Path]) -> list[Path]:
    """The files below any of these folders."""
    known = set(places)
    return [path for path in found.files if not known.isdisjoint(path.parents)]


def _audio(found: AudioFolder, names: Sequence[str]) -> list[Path]:
    """The files below all folders of these names; ValueError when there is none in any of them."""
    places = _places(found, names)
    kept = _below(found, places)
    if places and not kept:
        AudioFolder(places[0]).expect_files()
    return kept


def _librispeech(found: AudioFolder) -> SpeechSet | None:
    names = sorted({place.name.lower() for place in found.folders})
    train, valid, test = (
        [name for name in names if name.startswith(f"{part}-") and name.split("-")[1] in LIBRI]
        for part in ("train", "dev", "test")
    )
    if not train and not valid:
        return None
    if not train:
        raise ValueError(f"expected a LibriSpeech folder train-clean-100 or the like, got {', '.join(names)}")
    files = _audio(found, train)
    if valid:
        return SpeechSet("LibriSpeech", files, _audio(found, valid), _audio(found, test))
    kept, held_out = _hold_out(files, lambda path: path.parents[1])  # train-clean-100/SPEAKER/CHAPTER/file.flac
    return SpeechSet("LibriSpeech", kept, held_out, _audio(found, test))


def _voicebank(found: AudioFolder) -> SpeechSet | None:
    train = [name for name in VOICEBANK_TRAIN if _places(found, [name])]
    if not train:
        return None
    files = _audio(found, train)
    valid = [path for path in files if path.name.split("_")[0] in VOICEBANK_VALID]
    kept = [path for path in files if path.name.split("_")[0] not in VOICEBANK_VALID]
    if not valid:
        kept, valid = _hold_out(files, lambda path: path.name.split("_")[0])
    return SpeechSet("VoiceBank", kept, valid, _audio(found, ["clean_testset_wav"]))


def _wsj0(found: AudioFolder) -> SpeechSet | None:
    places = _places(found, ["si_tr_s"])
    if not places:
        return None
    if not _below(found, places):
        raise ValueError(
            f"expected WSJ0 converted to WAV or FLAC below {places[0]}, got files of "
            f"{', '.join(sorted(found.others)) or 'no kind'} (sph2pipe -f wav converts .wv1)"
        )
    files, test = _audio(found, ["si_tr_s"]), _audio(found, ["si_et_05"])
    if _places(found, ["si_dt_05"]):
        return SpeechSet("WSJ0", files, _audio(found, ["si_dt_05"]), test)
    kept, held_out = _hold_out(files, lambda path: path.parent)
    return SpeechSet("WSJ0", kept, held_out, test)


def _any_folder(found: AudioFolder) -> SpeechSet:
    found.expect_files()
    files = found.files
    if len(files) < 2:
        raise ValueError(f"expected two audio files or more below {found.root}, one to validate with, got {len(files)}")
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
