"""Models of the command line by their names."""

from __future__ import annotations

from pathlib import Path

from dvae.cli.evaluate_speech import load_models
from dvae.models.store.checkpoint import save_model
from dvae.models.store.registry import build_family


def test_models_of_one_name_in_two_folders_are_both_there(tmp_path: Path) -> None:
    names = [str(tmp_path / folder / "vae") for folder in ("a", "b")]
    for name in names:
        save_model(build_family({"class": "VAE", "hidden_size": 4}), Path(name))
    assert list(load_models(names)) == names
    assert list(load_models(names[:1])) == ["vae"]
