"""A training recipe: one YAML file that says what is trained, on what, how, and what the model card states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

from dvae.configuration import from_mapping, setting
from dvae.data.speech_sets import speech_set
from dvae.signal.audio_file import list_audio


@dataclass(frozen=True)
class Optimisation:
    """How the parameters are fitted."""

    epochs: int = setting(100, "passes over `batches_per_epoch` batches", minimum=1)
    batches_per_epoch: int = setting(100, "batches between two validations", minimum=1)
    batch_size: int = setting(32, "sequences in a batch", minimum=1)
    num_frames: int = setting(100, "frames in a training sequence", unit="frames", minimum=2)
    learning_rate: float = setting(1e-3, "Adam step at the start; falls to a hundredth along a cosine", minimum=0.0)
    learning_rate_warmup_epochs: int = setting(
        0, "epochs over which the step rises linearly to `learning_rate`", minimum=0
    )
    beta: float = setting(1.0, "weight of the KL term after warm-up", minimum=0.0)
    kl_warmup_epochs: int = setting(20, "epochs over which the KL weight rises linearly to `beta`", minimum=0)
    patience: int = setting(50, "epochs without a better validation value before stopping", minimum=1)
    sampling_start_epoch: int = setting(
        0, "first epoch of scheduled sampling, where an autoregressive model begins to see its own output", minimum=0
    )
    sampling_end_epoch: int = setting(
        0, "epoch from which it sees nothing else (0: teacher forcing throughout)", minimum=0
    )
    sampling_passes: int = setting(
        0,
        "passes in which its own output is found for all frames at once (0: exactly, one frame after the other)",
        minimum=0,
    )
    precision: str = setting(
        "32-true",
        "of the arithmetic; mixed ones keep weights, likelihoods and divergences in 32 bits",
        choices=("32-true", "bf16-mixed", "16-mixed"),
    )
    gradient_clip: float = setting(5.0, "largest norm of the gradient", minimum=0.0)
    seed: int = setting(1, "of initial weights, data and noise", minimum=0)
    num_workers: int = setting(0, "processes that prepare batches ahead (for a GPU)", minimum=0)
    num_threads: int = setting(1, "CPU threads of torch", minimum=1)


@dataclass(frozen=True)
class Recipe:
    """What `dvae-train` reads. `task` names a module of dvae.training; `model` and `data` are its settings."""

    name: str
    task: str
    summary: str
    model: dict[str, Any]
    data: dict[str, Any]
    optimisation: Optimisation
    card: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()  # of the command line, which changed what the file says

    def with_speech(self, folder: Path) -> Recipe:
        """The same on the speech below `folder`, of which the card then speaks; ValueError as `speech_set`."""
        found = speech_set(folder)
        data = {key: value for key, value in self.data.items() if not key.startswith("speech_")}
        files = f"{len(found.train)} files to train on, {len(found.valid)} to validate"
        start = f"; begun from the weights of {Path(self.data['start']).name}" if "start" in self.data else ""
        card = {
            **self.card,
            "data": f"{found.layout} {folder.name!r}: {files}{start}",
            "limits": "those of the data",
            "licence": "as the licence of the data allows" + (", and that of the model begun from" if start else ""),
        }
        options = (*self.options, f"--speech {folder.name}")
        return replace(self, data={**data, "speech": str(folder.absolute())}, card=card, options=options)


RECIPE_KEYS: dict[str, Callable[[Any], bool]] = {
    "name": lambda value: isinstance(value, str),
    "task": lambda value: isinstance(value, str),
    "summary": lambda value: isinstance(value, str),
    "model": lambda value: isinstance(value, dict),
    "data": lambda value: isinstance(value, dict),
    "optimisation": lambda value: isinstance(value, dict),
    "card": lambda value: isinstance(value, dict),
}


def load_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """Read and check a recipe; ValueError names the file and the key that is wrong.

    changes: SECTION.KEY=VALUE, applied before the check.
    """
    try:
        values = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ValueError(f"expected a recipe file, got {error}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: expected YAML, got {str(error).splitlines()[0]}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path}: expected keys {', '.join(RECIPE_KEYS)}, got {values!r:.80}")
    for key in values.keys() ^ RECIPE_KEYS.keys():
        raise ValueError(f"{path}: {'unknown' if key in values else 'missing'} key {key!r}")
    for change in changes:
        place, equals, value = change.partition("=")
        section, dot, key = place.partition(".")
        if not (equals and dot and isinstance(values.get(section), dict)):
            sections = ", ".join(name for name, kept in values.items() if isinstance(kept, dict))
            raise ValueError(f"expected SECTION.KEY=VALUE with a section of {sections}, got {change!r}")
        try:
            values[section][key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ValueError(f"{place}: expected YAML, got {value!r}: {str(error).splitlines()[0]}") from error
    for key, is_valid in RECIPE_KEYS.items():
        if not is_valid(values[key]):
            raise ValueError(f"{path}: {key}: unexpected value {values[key]!r:.80}")
    try:
        optimisation = from_mapping(Optimisation, values["optimisation"])
    except ValueError as error:
        raise ValueError(f"{path}: optimisation: {error}") from error
    options = tuple(f"--set {change}" for change in changes)
    return Recipe(**{**values, "optimisation": optimisation}, options=options)


def data_folders(root: Path | None, recipe: Recipe, key: str) -> list[Path]:
    """All folders that the recipe calls `key`: one name or a list of them."""
    values = recipe.data[key]
    names = values if isinstance(values, list) else [values]
    return [data_folder(root, replace(recipe, data={**recipe.data, key: name}), key) for name in names]


def data_folder(root: Path | None, recipe: Recipe, key: str) -> Path:
    """The folder that the recipe calls `key`, below `root` unless absolute; ValueError when it is not there."""
    folder = Path(recipe.data[key])
    if not folder.is_absolute():
        if root is None:
            raise ValueError(f"{recipe.name} needs data: pass --data FOLDER or set DVAE_DATA (it reads {folder} there)")
        folder = root / folder
    if not folder.is_dir():
        raise ValueError(f"data.{key}: expected a folder, got {folder}, which does not exist")
    return folder


def audio_files(root: Path | None, recipe: Recipe, key: str) -> list[Path]:
    """The audio below the folder that the recipe calls `key`. `KEY_only` and `KEY_except` in the recipe are patterns of
    file names, separated by blanks: public sets hold speakers or sessions out by name. Where the recipe has `speech`
    instead of `speech_train` and `speech_valid`, the folder is split as dvae.data.speech_sets says. ValueError when
    nothing is left.
    """
    kind, _, split = key.partition("_")
    if kind in recipe.data:  # the whole set, whose layout says what is for what
        parts = speech_set(data_folder(root, recipe, kind))
        return {"train": parts.train, "valid": parts.valid}[split]
    folders = data_folders(root, recipe, key)
    only, without = (str(recipe.data.get(f"{key}_{rule}", "")).split() for rule in ("only", "except"))
    files = [
        path
        for folder in folders
        for path in list_audio(folder)
        if (not only or any(fnmatch(path.name, pattern) for pattern in only))
        and not any(fnmatch(path.name, pattern) for pattern in without)
    ]
    if not files:
        places = " and ".join(map(str, folders))
        raise ValueError(f"data.{key}: expected files named {' '.join(only) or '*'} below {places}, got none")
    return files
