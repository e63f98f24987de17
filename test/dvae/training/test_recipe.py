"""Recipes are typed: what is misspelt, missing or of the wrong kind is one line that names the nearest."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml

from dvae.configuration import from_mapping
from dvae.enhancement.adaptive.noise_networks import NoisySpeechConfig
from dvae.enhancement.config import EnhancerConfig
from dvae.models.store.registry import build_family
from dvae.models.trajectory_srnn import TrajectorySRNNConfig
from dvae.training.recipe import TASKS, EnhancerLoss, Recipe, find_recipe, load_recipe
from dvae.training.recipe_data import MixtureData, NoisySpeechData, SpeechPriorData, audio_files

CONFIG = Path(__file__).resolve().parents[3] / "config" / "train"
ENHANCER: dict[str, Any] = {
    "name": "r", "task": "enhancer", "summary": "s", "model": {}, "card": {}, "optimisation": {},
    "data": {"prior": "p", "speech_train": ["a", "b"], "speech_valid": "c", "noise_train": "d", "noise_valid": "e"},
}  # fmt: skip


def load(tmp_path: Path, changes: dict[str, Any], *options: str) -> Recipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump({**ENHANCER, **changes}))
    return load_recipe(path, options)


@pytest.mark.parametrize("path", sorted(CONFIG.rglob("*.yaml")), ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_shipped_recipes_are_valid(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.name == path.stem
    assert recipe.card["licence"]
    assert find_recipe(recipe.name) == path
    if recipe.task == "speech_prior":
        build_family(recipe.model)
        return
    configs = {"noisy_speech": NoisySpeechConfig, "enhancer": EnhancerConfig}
    from_mapping(configs.get(recipe.task, TrajectorySRNNConfig), recipe.model)  # a bare NO in YAML is false, not "NO"


def test_every_shipped_model_has_a_recipe_of_its_name() -> None:
    models = {path.parent.name for path in (CONFIG.parents[1] / "models").glob("*/model.yaml")}
    assert models <= {path.stem for path in (CONFIG / "shipped").glob("*.yaml")}


def test_one_folder_or_several_and_what_differs_from_the_defaults(tmp_path: Path) -> None:
    recipe = load(tmp_path, {"loss": {"snr": 0.5}}, "data.snr_db=[-5, 10]", "data.noise_speeds=1")
    data = recipe.data
    assert isinstance(data, MixtureData)
    assert data.speech_train == ("a", "b")
    assert data.speech_valid == ("c",)
    assert (data.snr_db, data.noise_speeds) == ((-5.0, 10.0), (1.0,))
    assert recipe.loss == EnhancerLoss(snr=0.5)
    facts = data.facts()
    assert facts["snr_db"] == [-5.0, 10.0]
    assert "speech_speeds" not in facts
    assert yaml.safe_load(yaml.safe_dump(facts)) == facts


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"noisy_train_exept": "p226_*"}, "'noisy_train_exept' for NoisySpeechData; the nearest valid key is "
         "'noisy_train_except'"),
        ({}, "missing key 'prior' for NoisySpeechData: trained RVAE"),
        ({"prior": "p", "noisy_train": 1.5}, "noisy_train: expected str, got 1.5"),
        ({"prior": "p", "snr_db": "loud"}, "snr_db: expected float, got 'loud'"),
        ({"prior": "p", "snr_db": [5, -5]}, r"snr_db: expected \[lowest, highest\], got \[5.0, -5.0\]"),
        ({"prior": "p", "snr_db": 5}, r"snr_db: expected \[lowest, highest\], got \[5.0\]"),
        ({"prior": "p", "speech_speeds": []}, r"speech_speeds: expected factors above 0, got \[\]"),
        ({"prior": "p", "rooms_train_only": "small_*"}, "rooms_train_only: expected folders in rooms_train to choose"),
        ({"prior": "p", "speech": "a", "speech_train_except": "p1_*"}, "speech_train_except: expected folders in"),
        ({"prior": "p", "speech": "a", "speech_valid": "b"}, "speech: expected a whole set or .* got both"),
        ({"prior": "p", "clean_fraction": 1.5}, r"clean_fraction: expected a value in \[0, 1\], got 1.5"),
    ],
)  # fmt: skip
def test_mistakes_in_the_data_section(data: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"recipe.yaml: data: .*{message}"):
        load(tmp_path, {"task": "noisy_speech", "data": data})


def test_names_of_recipes() -> None:
    assert find_recipe("some/where.yaml") == Path("some/where.yaml")
    with pytest.raises(ValueError, match="got 'speech_rvea'; the nearest is 'speech_rvae'"):
        find_recipe("speech_rvea")


def test_speech_of_ones_own(tmp_path: Path) -> None:
    for i in range(2):
        soundfile.write(tmp_path / f"{i}.ogg", np.zeros(1600), 16000)
    recipe = load(tmp_path, {"data": {**ENHANCER["data"], "speech_train_only": "x*"}}).with_speech(tmp_path)
    assert isinstance(recipe.data, MixtureData)
    assert (recipe.data.speech_train, recipe.data.speech_valid, recipe.data.speech_train_only) == ((), (), "")
    assert recipe.data.noise_train == ("d",)  # the noise stays
    assert [path.name for path in audio_files(None, recipe.data, "speech_train")] == ["0.ogg"]
    motion = dataclasses.replace(recipe, task="motion", data=TASKS["motion"].data())
    with pytest.raises(ValueError, match="--speech: expected a recipe that reads speech, got one of the task motion"):
        motion.with_speech(tmp_path)


def test_patterns_and_several_folders(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a/p1_1.ogg", "a/p2_1.flac", "b/p1_2.wav", "b/p3_1.mp3", "b/notes.txt", "b/._p1_9.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    data = SpeechPriorData(speech_train=("a", "b"), speech_train_only="p1_* p3_*", speech_train_except="p3_*")
    assert [path.name for path in audio_files(tmp_path, data, "speech_train")] == ["p1_1.ogg", "p1_2.wav"]
    assert [r.message for r in caplog.records if "left out 1 files that are no audio: 1 .txt" in r.message]
    with pytest.raises(ValueError, match=r"data.speech_valid: expected a folder or several, got none"):
        audio_files(tmp_path, data, "speech_valid")
    with pytest.raises(ValueError, match=r"data.speech_train: expected a folder, got .*c, which does not exist"):
        audio_files(tmp_path, SpeechPriorData(speech_train=("a", "c")), "speech_train")
    assert NoisySpeechData(prior="p").snr_db == (-5.0, 15.0)
