"""The family by name: what a recipe or a stored model calls itself -> its class."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dvae.models.deep_ar import DeepAR
from dvae.models.dkf import DKF
from dvae.models.dvae import DVAE
from dvae.models.hit_dvae import HiTDVAE
from dvae.models.module import configured
from dvae.models.rvae import RVAE
from dvae.models.srnn import SRNN
from dvae.models.store.checkpoint import load_as
from dvae.models.store.find import find_model
from dvae.models.store.weights import read_class
from dvae.models.vae import VAE

FAMILY: dict[str, type[DVAE[Any]]] = {model.__name__: model for model in (VAE, DKF, RVAE, SRNN, DeepAR, HiTDVAE)}


def family_class(name: str) -> type[DVAE[Any]]:
    """The class called `name`; ValueError with the nearest one that exists."""
    if name not in FAMILY:
        near = difflib.get_close_matches(name, FAMILY, n=1, cutoff=0.0)
        raise ValueError(f"expected a model of {', '.join(FAMILY)}, got {name!r}; the nearest is {near[0]!r}")
    return FAMILY[name]


def build_family(settings: Mapping[str, Any]) -> DVAE[Any]:
    """A fresh model from the section `model` of a recipe: `class` and the settings of its configuration."""
    values = dict(settings)
    model_class = family_class(str(values.pop("class", None)))
    return configured(model_class, values)


def load_model(name: str | Path) -> DVAE[Any]:
    """The model called `name` (a folder, or a shipped model), whichever of the family it is; errors as `load_as`."""
    folder = find_model(name)
    return load_as(family_class(read_class(folder)), folder)
