"""A training recipe: one YAML file that says what is trained, on what, how, and what the model card states."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from dvae.configuration import from_mapping, parse_yaml, read_yaml, setting, shown
from dvae.data.speech_sets import speech_set
from dvae.files import printable
from dvae.models.store.find import share_folders
from dvae.training.recipe_data import (
    EnhancerData,
    MotionData,
    NoisySpeechData,
    SpeechData,
    SpeechPriorData,
    TaskData,
)


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

    @property
    def frames_per_epoch(self) -> int:
        """Frames that are trained on between two validations."""
        return self.batches_per_epoch * self.batch_size * self.num_frames


@dataclass(frozen=True)
class NoLoss:
    """A task whose loss is its lower bound: there is nothing to weigh but the KL term (`optimisation.beta`)."""


@dataclass(frozen=True)
class EnhancerLoss:
    """Weights of the terms of the loss of the task enhancer, beside the KL term (dvae.training.enhancer)."""

    fit: float = setting(0.1, "Itakura-Saito terms of speech and noise", minimum=0.0)
    snr: float = setting(1.0, "signal-to-noise ratio of the estimate", unit="1/dB", minimum=0.0)
    compressed: float = setting(40.0, "squared distance of compressed magnitudes", minimum=0.0)
    activity: float = setting(1.0, "cross-entropy of the speech detector", minimum=0.0)


class TaskSchema(NamedTuple):
    """The types of the sections `data` and `loss`."""

    data: type[TaskData]
    loss: type[NoLoss] | type[EnhancerLoss] = NoLoss


TASKS = {  # each a module of dvae.training
    "speech_prior": TaskSchema(SpeechPriorData),
    "noisy_speech": TaskSchema(NoisySpeechData),
    "enhancer": TaskSchema(EnhancerData, EnhancerLoss),
    "motion": TaskSchema(MotionData),
}


@dataclass(frozen=True)
class Recipe:
    """What `dvae-train` reads: `task` says of which types `data` and `loss` are; `model` configures what is trained."""

    name: str
    task: str
    summary: str
    model: dict[str, Any]
    data: TaskData
    optimisation: Optimisation
    loss: NoLoss | EnhancerLoss = NoLoss()
    card: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()  # of the command line, which changed what the file says

    def with_speech(self, folder: Path) -> Recipe:
        """The same on the speech below `folder`, of which the card then speaks; ValueError as `speech_set`."""
        if not isinstance(self.data, SpeechData):
            raise ValueError(f"--speech: expected a recipe that reads speech, got one of the task {self.task}")
        found = speech_set(folder)
        files = f"{len(found.train)} files to train on, {len(found.valid)} to validate"
        begun = getattr(self.data, "start", "")
        start = f"; begun from the weights of {Path(begun).name}" if begun else ""
        card = {
            **self.card,
            "data": f"{found.layout} {printable(folder.name)!r}: {files}{start}",
            "limits": "those of the data",
            "licence": "as the licence of the data allows" + (", and that of the model begun from" if start else ""),
        }
        options = (*self.options, f"--speech {printable(folder.name)}")
        return replace(self, data=self.data.with_speech(folder), card=card, options=options)


REQUIRED_SECTIONS = {
    **dict.fromkeys(("name", "task", "summary"), str),
    **dict.fromkeys(("model", "data", "optimisation", "card"), dict),
}
SECTIONS = {**REQUIRED_SECTIONS, "loss": dict}


def find_recipe(name: str) -> Path:
    """The file of recipe `name`: a path as it is, else a shipped recipe; ValueError with the nearest one."""
    if name.endswith((".yaml", ".yml")):
        return Path(name).expanduser()
    places = [share / "config" / "train" for share in reversed(share_folders())]  # the first one wins
    known = {path.stem: path for place in places for path in place.rglob("*.yaml")}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
        nearest = f"; the nearest is {near[0]!r}" if near else ""
        raise ValueError(f"expected a recipe FILE.yaml or the name of a shipped one, got {name!r}{nearest}")
    return known[name]


def load_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """Read and check a recipe; ValueError names the file and the key that is wrong, and the nearest valid one.

    changes: SECTION.KEY=VALUE, applied before the check.
    """
    values = _read_sections(path)
    for change in changes:
        _apply(change, values)
    schema = TASKS[values["task"]]
    kinds: dict[str, type[Any]] = {"data": schema.data, "loss": schema.loss, "optimisation": Optimisation}
    for section, kind in kinds.items():
        try:
            values[section] = from_mapping(kind, values[section])
        except ValueError as error:
            raise ValueError(f"{path}: {section}: {error}") from error
    return Recipe(**values, options=tuple(f"--set {change}" for change in changes))


def _read_sections(path: Path) -> dict[str, Any]:
    """The sections of the file, each of the right kind."""
    try:
        values = read_yaml(path)
    except OSError as error:
        raise ValueError(f"expected a recipe file, got {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path}: expected keys {', '.join(REQUIRED_SECTIONS)}, got {shown(values)}")
    for key in values.keys() - SECTIONS.keys():
        near = difflib.get_close_matches(str(key), SECTIONS, n=1, cutoff=0.0)
        raise ValueError(f"{path}: unknown key {key!r}; the nearest valid key is {near[0]!r}")
    for key in REQUIRED_SECTIONS.keys() - values.keys():
        raise ValueError(f"{path}: missing key {key!r}")
    values = {"loss": {}, **values}
    for key, kind in SECTIONS.items():
        if not isinstance(values[key], kind):
            raise ValueError(f"{path}: {key}: unexpected value {shown(values[key])}")
    if values["task"] not in TASKS:
        raise ValueError(f"{path}: expected a task of {', '.join(TASKS)}, got {values['task']!r}")
    return values


def _apply(change: str, values: dict[str, Any]) -> None:
    """Change `values` as SECTION.KEY=VALUE says."""
    place, equals, value = change.partition("=")
    section, dot, key = place.partition(".")
    if not (equals and dot and isinstance(values.get(section), dict)):
        sections = ", ".join(sorted(name for name, kept in values.items() if isinstance(kept, dict)))
        raise ValueError(f"expected SECTION.KEY=VALUE with a section of {sections}, got {change!r}")
    try:
        values[section][key] = parse_yaml(value)
    except ValueError as error:
        raise ValueError(f"{place}: {error}, in {shown(value)}") from error
