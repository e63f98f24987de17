from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from dvae.cli import train
from dvae.enhancement.adaptive.noise_networks import NoisySpeech
from dvae.models.rvae import RVAE, RVAEConfig
from dvae.models.store.checkpoint import load_as, save_model
from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.signal.audio_file import write_audio
from dvae.training.recipe import load_recipe
from dvae.training.recipe_data import audio_files

CORPORA = Path(__file__).resolve().parents[3] / "config" / "train" / "corpora"
pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning warns about its own loaders

MOTION = {
    "name": "small_motion", "task": "motion", "summary": "for a test", "model": {},
    "data": {"num_train": 64, "num_valid": 32, "max_noise": 0.1, "max_wander": 0.01, "wander_tails": 4.0,
             "observation_ratio": 0.06,
             "max_speed": 2.0, "max_step": 0.4},
    "optimisation": {"epochs": 3, "batch_size": 32, "num_frames": 12, "kl_warmup_epochs": 2, "learning_rate": 0.01,
                     "sampling_start_epoch": 0, "sampling_end_epoch": 2},
    "card": {"licence": "Apache-2.0"},
}  # fmt: skip


def run(recipe: dict[str, object], folder: Path, *options: str, monkeypatch: pytest.MonkeyPatch) -> int:
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    work = folder / f"work_{recipe['name']}_{recipe['task']}"
    arguments = ["dvae-train", str(path), "--output", str(folder / "model"), "--work", str(work), *options]
    monkeypatch.setattr("sys.argv", [*arguments, "--device", "cpu"])
    return train.main()


def losses(folder: Path) -> float:
    return float(yaml.safe_load((folder / "model" / "model.yaml").read_text())["metrics"]["valid/loss"])


def test_motion_training_learns_writes_a_card_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = copy.deepcopy(MOTION)
    short["optimisation"]["epochs"] = 1  # type: ignore[index]
    assert run(short, tmp_path, monkeypatch=monkeypatch) == 0
    first = losses(tmp_path)
    assert run(MOTION, tmp_path, "--resume", monkeypatch=monkeypatch) == 0
    assert losses(tmp_path) < first
    assert yaml.safe_load((tmp_path / "model" / "model.yaml").read_text())["epoch"] > 1  # it went on, not anew
    load_as(TrajectorySRNN, tmp_path / "model")
    assert "1,540 parameters" in (tmp_path / "model" / "MODEL_CARD.md").read_text()


def test_same_seed_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        run(MOTION, tmp_path / name, monkeypatch=monkeypatch)
        weights.append((tmp_path / name / "model" / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_a_prior_of_another_size_is_one_line(
    audio_folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(audio_folders)
    save_model(RVAE(RVAEConfig(hidden_size=8)), Path("prior"))
    for task, model in (("enhancer", {"prior_hidden_size": 9}), ("noisy_speech", {"hidden_size": 9})):
        recipe = {"name": "e", "task": task, "summary": "s", "data": {"prior": "prior"}, "model": model,
                  "optimisation": {}, "card": {}}  # fmt: skip
        assert run(recipe, audio_folders, monkeypatch=monkeypatch) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert "data.prior prior: its weights do not fit the model of the recipe: " in line


def test_prior_then_enhancer(audio_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(audio_folders)
    options = {"epochs": 2, "batches_per_epoch": 3, "batch_size": 2, "num_frames": 20, "kl_warmup_epochs": 1}
    data = {f"{kind}_{split}": f"{kind}/{split}" for kind in ("speech", "noise") for split in ("train", "valid")}
    speech = {key: value for key, value in data.items() if key.startswith("speech")}
    prior = {"name": "p", "task": "speech_prior", "summary": "s", "data": speech,
             "model": {"class": "RVAE", "hidden_size": 8}, "optimisation": options, "card": {}}  # fmt: skip
    assert run(prior, audio_folders, "--data", str(audio_folders), monkeypatch=monkeypatch) == 0
    trained = load_as(RVAE, audio_folders / "model").emission.state_dict()
    (audio_folders / "model").rename(audio_folders / "prior")
    enhancer = {**prior, "task": "enhancer", "data": {**data, "prior": "prior"},
                "model": {"prior_hidden_size": 8, "hidden_size": 8, "lookahead_frames": 1}}  # fmt: skip
    assert run(enhancer, audio_folders, "--data", str(audio_folders), monkeypatch=monkeypatch) == 0
    from dvae.enhancement.model import Enhancer

    kept = load_as(Enhancer, audio_folders / "model").emission.state_dict()
    assert all(torch.equal(kept[name], trained[name]) for name in trained)  # the prior stays as it was
    noisy = {**prior, "task": "noisy_speech", "data": {**data, "prior": "prior"},
             "model": {"hidden_size": 8, "dependency": "NOLV"}}  # fmt: skip
    assert run(noisy, audio_folders, "--data", str(audio_folders), monkeypatch=monkeypatch) == 0
    model = load_as(NoisySpeech, audio_folders / "model")
    assert all(torch.equal(model.rvae.emission.state_dict()[name], trained[name]) for name in trained)


def test_public_folder_layouts_are_read_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipes for VoiceBank-DEMAND and WSJ0-QUT, on little files with the names of the real ones, at 48 kHz."""
    files = ["clean_trainset_28spk_wav/p226_001.wav", "clean_trainset_28spk_wav/p227_001.wav",
             "noisy_trainset_28spk_wav/p226_001.wav", "noisy_trainset_28spk_wav/p227_001.wav",
             "wsj0/si_tr_s/01a/01ao030a.wav", "wsj0/si_dt_05/050/050a0501.wav",
             "QUT-NOISE/CAFE-CAFE-1.wav", "QUT-NOISE/CAFE-CAFE-2.wav"]  # fmt: skip
    for i, name in enumerate(files):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        tone = 0.2 * np.sin(2 * np.pi * (200 + 30 * i) * np.arange(96000) / 48000)
        write_audio(tmp_path / name, tone.astype(np.float32), 48000)
    monkeypatch.chdir(tmp_path)
    small = {"epochs": 1, "batches_per_epoch": 1, "batch_size": 2, "num_frames": 10}
    for prior, model in (("voicebank_rvae", "voicebank_demand_nd_lv"), ("wsj0_rvae", "wsj0_qut_nd_lv")):
        for name in (prior, model):
            recipe = yaml.safe_load((CORPORA / f"{name}.yaml").read_text())
            recipe["optimisation"] |= small
            recipe["model"]["hidden_size"] = 8
            if name == model:
                assert recipe["data"]["prior"] == f"models/{prior}"
                recipe["data"]["prior"] = "model"
            assert run(recipe, tmp_path, "--data", str(tmp_path), monkeypatch=monkeypatch) == 0
    validation = audio_files(tmp_path, load_recipe(CORPORA / "voicebank_rvae.yaml").data, "speech_valid")
    assert [path.name for path in validation] == ["p226_001.wav"]
    nobody = load_recipe(CORPORA / "voicebank_rvae.yaml", ["data.speech_valid_only=p9*"]).data
    with pytest.raises(ValueError, match=r"data.speech_valid: expected files named p9\* below"):
        audio_files(tmp_path, nobody, "speech_valid")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"task": "speech_prior", "model": {"class": "VAE"}, "data": {"speech_train": "a", "speech_valid": "b"}},
            "data.speech_train: the recipe needs data: pass --data FOLDER or set DVAE_DATA",
        ),
        ({"task": "nothing"}, "expected a task of speech_prior, noisy_speech, enhancer, motion, got 'nothing'"),
        (
            {"model": {"hiden_size": 3}},
            "unknown key 'hiden_size' for TrajectorySRNNConfig; the nearest valid key is 'hidden_size'",
        ),
        ({"optimisation": {"epochs": 0}}, r"optimisation: epochs: expected a value in [1, inf], got 0"),
        ({"extra": 1}, "unknown key 'extra'; the nearest valid key is"),
        (
            {"data": {"max_noize": 0.1}},
            "data: unknown key 'max_noize' for MotionData; the nearest valid key is 'max_noise'",
        ),
        ({"loss": {"fit": 1.0}}, "loss: unknown key 'fit' for NoLoss"),
    ],
)
def test_mistakes_in_a_recipe_are_one_line(
    change: dict[str, object],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("DVAE_DATA", raising=False)
    assert run({**MOTION, **change}, tmp_path, monkeypatch=monkeypatch) == 2
    error = capsys.readouterr().err.strip()
    assert message in error.splitlines()[-1]


def test_missing_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = {**MOTION, "task": "speech_prior", "model": {"class": "VAE"},
              "data": {"speech_train": "a", "speech_valid": "b"}}  # fmt: skip
    assert run(recipe, tmp_path, "--data", str(tmp_path), monkeypatch=monkeypatch) == 2
    assert "data.speech_train: expected a folder, got" in capsys.readouterr().err


def test_a_model_is_not_replaced_by_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(MOTION))
    shipped = tmp_path / "models" / "small_motion" / "model.yaml"
    shipped.parent.mkdir(parents=True)
    shipped.write_text("class: TrajectorySRNN")
    monkeypatch.setattr("sys.argv", ["dvae-train", "recipe.yaml", "--device", "cpu"])
    assert train.main() == 2
    assert "expected no model in models/small_motion yet, got one" in capsys.readouterr().err
    assert shipped.read_text() == "class: TrajectorySRNN"
