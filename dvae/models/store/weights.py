"""Reading a model folder without torch: the description in model.yaml, the weights of model.safetensors, their hash."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays

from dvae.configuration import from_mapping, read_yaml, shown

Config = TypeVar("Config")
WEIGHTS, NEW_WEIGHTS = "model.safetensors", "model.safetensors.new"  # the latter while a model is written


def read_class(folder: Path) -> str:
    """The class of the model in `folder`; errors as `read_description`."""
    return str(_read_yaml(folder)["class"])


def _read_yaml(folder: Path) -> dict[str, Any]:
    try:
        description = read_yaml(folder / "model.yaml")
    except OSError as error:
        raise ValueError(f"expected a model folder with model.yaml and model.safetensors, got {error}") from error
    if not isinstance(description, dict) or not {"class", "config", "sha256"} <= description.keys():
        raise ValueError(
            f"{folder / 'model.yaml'}: expected the keys class, config and sha256, got {shown(description)}"
        )
    return description


def read_description(folder: Path, class_name: str) -> tuple[dict[str, Any], bytes]:
    """model.yaml and the checked bytes of model.safetensors.

    Raises ValueError naming the file when one is missing, damaged, or of another class.
    """
    description = _read_yaml(folder)
    if description["class"] != class_name:
        raise ValueError(f"{folder}: expected a model of class {class_name}, got {shown(description['class'])}")
    found = {}
    for path in (folder / WEIGHTS, folder / NEW_WEIGHTS):
        if path.is_file():
            data = path.read_bytes()
            found[path.name] = hashlib.sha256(data).hexdigest()
            if found[path.name] == description["sha256"]:
                return description, data
    if not found:
        raise ValueError(f"expected a model folder with model.yaml and {WEIGHTS}, got no {folder / WEIGHTS}")
    got = " and ".join(found.values())
    raise ValueError(f"{folder / WEIGHTS} is damaged: expected sha256 {shown(description['sha256'])}, got {got}")


def name_new_weights(folder: Path) -> None:
    """After a kill between the two renames of a save: weights that the description means already get their name."""
    new = folder / NEW_WEIGHTS
    with contextlib.suppress(ValueError):  # no description that means any
        if new.is_file() and hashlib.sha256(new.read_bytes()).hexdigest() == _read_yaml(folder)["sha256"]:
            new.replace(folder / WEIGHTS)


def read_weights(
    folder: Path, class_name: str, config_class: type[Config]
) -> tuple[Config, dict[str, NDArray[np.float32]]]:
    """The configuration and the arrays of a stored model; errors as `read_description`."""
    description, data = read_description(folder, class_name)
    try:
        return from_mapping(config_class, description["config"]), load_arrays(data)
    except (SafetensorError, ValueError, KeyError) as error:  # KeyError: numbers of a kind that numpy has not
        raise ValueError(f"{folder}: weights do not fit the configuration: {error}") from error
