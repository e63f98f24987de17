"""What each task is trained on: one frozen dataclass for the section `data` of its recipes.

A folder is a name below --data (or DVAE_DATA) or an absolute path; several of them are a list. `KEY_only` and
`KEY_except` are patterns of file names, separated by blanks: public sets hold speakers or sessions out by name.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from dvae.configuration import REQUIRED, setting
from dvae.data.speech_sets import speech_set
from dvae.signal.audio_folder import list_audio


def folders(what: str, default: Any = ()) -> Any:
    """A field that names one folder or several."""
    return setting(default, f"folders of {what}")


def patterns(what: str) -> Any:
    """A field of file name patterns."""
    return setting("", f"{what}, patterns of file names separated by blanks")


@dataclass(frozen=True, kw_only=True)
class TaskData:
    """What all of them can do."""

    def __post_init__(self) -> None:
        """ValueError for patterns that choose from no folder."""
        for field in dataclasses.fields(self):
            folder, _, rule = field.name.rpartition("_")
            if rule in ("only", "except") and getattr(self, field.name) and not getattr(self, folder):
                raise ValueError(f"{field.name}: expected folders in {folder} to choose from, got none")

    def facts(self) -> dict[str, Any]:
        """What differs from the defaults, for the description of the model."""
        kept = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.init}
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in kept.items()}
        return {key: value for key, value in plain.items() if kept[key] != defaults[key]}


@dataclass(frozen=True, kw_only=True)
class SpeechData(TaskData):
    """Clean speech: folders for training and validation, or one whole set."""

    speech: str = setting("", "a whole set, split as its layout says (dvae.data.speech_sets)")
    speech_train: tuple[str, ...] = folders("clean speech to train on")
    speech_train_only: str = patterns("speech to train on")
    speech_train_except: str = patterns("speech not to train on")
    speech_valid: tuple[str, ...] = folders("clean speech to validate with")
    speech_valid_only: str = patterns("speech to validate with")
    speech_valid_except: str = patterns("speech not to validate with")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.speech and (self.speech_train or self.speech_valid):
            raise ValueError("speech: expected a whole set or speech_train and speech_valid, got both")

    def with_speech(self, folder: Path) -> SpeechData:
        """The same with the speech of `folder` alone."""
        mine = [field.name for field in dataclasses.fields(SpeechData) if field.name.startswith("speech_")]
        emptied: dict[str, Any] = {
            field.name: field.default for field in dataclasses.fields(self) if field.name in mine
        }
        return dataclasses.replace(self, **emptied, speech=str(folder.absolute()))


@dataclass(frozen=True, kw_only=True)
class SpeechPriorData(SpeechData):
    """Task speech_prior."""

    synthesis_length: int = setting(
        0, "length of the synthesis window, 0 for that of the analysis", unit="samples", minimum=0
    )
    start: str = setting("", "model of the same configuration from whose weights training goes on: a name or a folder")


@dataclass(frozen=True, kw_only=True)
class MixtureData(SpeechData):
    """Speech and noise that are mixed as they are drawn."""

    noise_train: tuple[str, ...] = folders("noise to train on")
    noise_train_only: str = patterns("noise to train on")
    noise_train_except: str = patterns("noise not to train on")
    noise_valid: tuple[str, ...] = folders("noise to validate with")
    noise_valid_only: str = patterns("noise to validate with")
    noise_valid_except: str = patterns("noise not to validate with")
    rooms_train: tuple[str, ...] = folders("measured room impulse responses; without any, rooms are random")
    rooms_train_only: str = patterns("rooms to train on")
    rooms_train_except: str = patterns("rooms not to train on")
    snr_db: tuple[float, ...] = setting((-10.0, 15.0), "range of the uniform signal-to-noise ratio", unit="dB")
    speech_speeds: tuple[float, ...] = setting(
        (0.85, 0.92, 1.0, 1.08, 1.17), "factors by which speech to train on is played faster, pitch too"
    )
    noise_speeds: tuple[float, ...] = setting((0.6, 0.75, 0.9, 1.0, 1.15, 1.4), "the same of noise")
    clean_fraction: float = setting(
        0.1, "of the mixtures are nearly clean, 25 to 40 dB, so that clean speech passes", minimum=0.0, maximum=1.0
    )
    room_fraction: float = setting(0.2, "of the speech to train on is in a room", minimum=0.0, maximum=1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.snr_db) != 2 or not self.snr_db[0] <= self.snr_db[1]:
            raise ValueError(f"snr_db: expected [lowest, highest], got {list(self.snr_db)}")
        for name in ("speech_speeds", "noise_speeds"):
            if not getattr(self, name) or min(getattr(self, name)) <= 0:
                raise ValueError(f"{name}: expected factors above 0, got {list(getattr(self, name))}")


@dataclass(frozen=True, kw_only=True)
class EnhancerData(MixtureData):
    """Task enhancer."""

    prior: str = setting(REQUIRED, "trained RVAE: a name or a folder")
    enhancer: str = setting("", "trained enhancer of which only the speech detector is fitted: a name or a folder")
    start: str = setting("", "enhancer of the same configuration from whose weights training goes on")


@dataclass(frozen=True, kw_only=True)
class NoisySpeechData(MixtureData):
    """Task noisy_speech: recordings of noisy speech, or mixtures of speech and noise as they were recorded."""

    prior: str = setting(REQUIRED, "trained RVAE: a name or a folder")
    noisy_train: tuple[str, ...] = folders("noisy speech to train on; without any, it is mixed")
    noisy_train_only: str = patterns("noisy speech to train on")
    noisy_train_except: str = patterns("noisy speech not to train on")
    noisy_valid: tuple[str, ...] = folders("noisy speech to validate with")
    noisy_valid_only: str = patterns("noisy speech to validate with")
    noisy_valid_except: str = patterns("noisy speech not to validate with")
    snr_db: tuple[float, ...] = setting((-5.0, 15.0), "range of the uniform signal-to-noise ratio", unit="dB")


@dataclass(frozen=True, kw_only=True)
class MotionData(TaskData):
    """Task motion: synthetic trajectories and the detector that sees them."""

    num_train: int = setting(12105, "trajectories to train on", minimum=1)
    num_valid: int = setting(3052, "trajectories to validate with", minimum=1)
    max_noise: float = setting(0.1, "largest standard deviation of the detector", unit="box size", minimum=0.01)
    max_wander: float = setting(0.1, "largest random step", unit="box size", minimum=0.0)
    wander_tails: float = setting(
        4.0, "degrees of freedom of the random steps: few make jumps; .inf is Gaussian", minimum=2.001
    )
    observation_ratio: float = setting(0.06, "standard deviation that the tracker assumes", unit="box size", minimum=0)
    max_speed: float = setting(4.0, "trajectories are up to so many times faster", minimum=1.0)
    max_step: float = setting(0.4, "but not further in a frame", unit="box size", minimum=0.0)


def data_folders(root: Path | None, data: TaskData, key: str) -> list[Path]:
    """The folders that the recipe calls `key`, below `root` unless absolute; ValueError when one is not there."""
    value = getattr(data, key)
    names = [value] if isinstance(value, str) else list(value)
    if not names:
        raise ValueError(f"data.{key}: expected a folder or several, got none")
    found = []
    for name in names:
        folder = Path(name)
        if not folder.is_absolute():
            if root is None:
                raise ValueError(
                    f"data.{key}: the recipe needs data: pass --data FOLDER or set DVAE_DATA (it reads {name} there)"
                )
            folder = root / folder
        if not folder.is_dir():
            raise ValueError(f"data.{key}: expected a folder, got {folder}, which does not exist")
        found.append(folder)
    return found


def audio_files(root: Path | None, data: TaskData, key: str) -> list[Path]:
    """The audio below the folders that the recipe calls `key`, as its patterns choose it; where the recipe has `speech`
    instead of `speech_train` and `speech_valid`, what dvae.data.speech_sets says. ValueError when nothing is left.
    """
    kind, _, split = key.partition("_")
    if getattr(data, kind, ""):  # the whole set, whose layout says what is for what
        parts = speech_set(data_folders(root, data, kind)[0])
        return {"train": parts.train, "valid": parts.valid}[split]
    places = data_folders(root, data, key)
    only, without = (getattr(data, f"{key}_{rule}").split() for rule in ("only", "except"))
    files = [
        path
        for folder in places
        for path in list_audio(folder)
        if (not only or any(fnmatch(path.name, pattern) for pattern in only))
        and not any(fnmatch(path.name, pattern) for pattern in without)
    ]
    if not files:
        names = " and ".join(map(str, places))
        raise ValueError(f"data.{key}: expected files named {' '.join(only) or '*'} below {names}, got none")
    return files
