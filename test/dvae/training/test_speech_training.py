"""Training of the family on folders of speech: layouts, kills, several processes, precision."""

from __future__ import annotations

import copy
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import yaml

from dvae.cli import train
from dvae.data.crops import AudioCrops
from dvae.models.store.registry import load_model
from dvae.signal.audio_file import write_audio
from dvae.training.recipe import load_recipe

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning warns about its own loaders

RECIPE: dict[str, Any] = {
    "name": "small", "task": "speech_prior", "summary": "for a test", "model": {"class": "VAE", "hidden_size": 8},
    "data": {"speech_train": "nowhere", "speech_valid": "nowhere"},
    "optimisation": {"epochs": 3, "batches_per_epoch": 4, "batch_size": 4, "num_frames": 20, "kl_warmup_epochs": 1},
    "card": {"data": "other data", "licence": "another licence"},
}  # fmt: skip


def write_speech(path: Path, seed: int = 0, rate: int = 16000, seconds: float = 1.0) -> None:
    """A gliding buzz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time_axis = np.arange(int(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * (120 + 40 * seed) * time_axis * (1 + 0.2 * time_axis))
    write_audio(path, (0.3 * np.sign(tone) * np.sin(2 * np.pi * 2 * time_axis)).astype(np.float32), rate)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(5):
        write_speech(tmp_path / "speech" / f"{i}.wav", i, seconds=2.0)
    return tmp_path


def arguments(folder: Path, run: str, *options: str, **changes: Any) -> list[str]:
    recipe = copy.deepcopy(RECIPE)
    recipe["model"] = changes.pop("model", recipe["model"])
    recipe["optimisation"].update(changes)
    path = folder / f"{run}.yaml"
    path.write_text(yaml.safe_dump(recipe))
    places = ["--output", str(folder / run), "--work", str(folder / f"{run}_work"), "--speech", str(folder / "speech")]
    return [str(path), "--device", "cpu", *places, *options]


def train_here(monkeypatch: pytest.MonkeyPatch, options: list[str]) -> int:
    monkeypatch.setattr("sys.argv", ["dvae-train", *options])
    return train.main()


def train_apart(options: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "dvae.cli.train", *options], start_new_session=True)


def weights(folder: Path, run: str) -> dict[str, torch.Tensor]:
    return load_model(folder / run).state_dict()


def description(folder: Path, run: str) -> dict[str, Any]:
    return dict(yaml.safe_load((folder / run / "model.yaml").read_text()))


@pytest.mark.parametrize(
    "model",
    [
        {"class": "DKF", "hidden_size": 6, "features_size": 6},
        {"class": "SRNN", "hidden_size": 6, "features_size": 6},
        {"class": "DeepAR", "hidden_size": 6, "features_size": 6},
        {"class": "HiTDVAE", "features_size": 8, "model_size": 8, "feed_forward_size": 8, "global_hidden_size": 8,
         "num_layers": 1},
    ],
    ids=lambda model: model["class"],
)  # fmt: skip
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_every_model_learns_with_scheduled_sampling(
    model: dict[str, Any], precision: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"epochs": 3, "learning_rate": 0.01, "sampling_start_epoch": 1, "sampling_end_epoch": 2}
    assert train_here(monkeypatch, arguments(folder, "run", model=model, precision=precision, **options)) == 0
    first = float(description(folder, "run")["metrics"]["valid/loss"])
    assert description(folder, "run")["epoch"] > 1  # the first epoch was not the best
    assert np.isfinite(first)
    assert list((folder / "run_work").rglob("events.out.tfevents.*"))  # TensorBoard
    assert "valid/loss" in next((folder / "run_work" / "log").rglob("metrics.csv")).read_text()


def test_a_killed_run_goes_on_to_the_same_weights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL at a moment that nothing is prepared for; at most one epoch is done again, and the end is the same."""
    long = {"epochs": 50, "learning_rate": 0.01}
    assert train_here(monkeypatch, arguments(folder, "whole", **long)) == 0
    options = arguments(folder, "killed", **long)
    process = train_apart(options)
    last = folder / "killed_work" / "last.ckpt"
    deadline = time.monotonic() + 120
    while not last.is_file() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)  # the file is what is waited for
    time.sleep(float(np.random.default_rng().uniform(0.0, 0.3)))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    epochs_done = torch.load(last, weights_only=True)["epoch"] + 1
    assert 1 <= epochs_done < 50
    assert train_here(monkeypatch, [*options, "--resume"]) == 0
    for name, value in weights(folder, "whole").items():
        assert torch.equal(value, weights(folder, "killed")[name]), name
    assert description(folder, "whole")["metrics"] == description(folder, "killed")["metrics"]


def test_training_goes_on_from_other_weights(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_here(monkeypatch, arguments(folder, "first", epochs=3, learning_rate=0.01)) == 0
    start = ["--set", f"data.start={folder / 'first'}"]
    second = arguments(folder, "second", *start, epochs=1, learning_rate=0.0)
    assert train_here(monkeypatch, second) == 0
    for name, value in weights(folder, "first").items():
        assert torch.equal(value, weights(folder, "second")[name])
    assert "begun from the weights of first" in (folder / "second" / "MODEL_CARD.md").read_text()
    assert train_here(monkeypatch, [*arguments(folder, "third", *start), "--set", "model.hidden_size=5"]) == 2
    assert "data.start: expected a VAE of VAEConfig(" in capsys.readouterr().err


def test_two_processes_are_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DDP: the same recipe on two processes gives the weights of one, up to the order of the sums."""
    srnn = {"class": "SRNN", "hidden_size": 8, "features_size": 6}
    options = {"model": srnn, "epochs": 2, "sampling_start_epoch": 0, "sampling_end_epoch": 2}
    assert train_here(monkeypatch, arguments(folder, "one", **options)) == 0
    assert train_apart([*arguments(folder, "two", **options), "--devices", "2"]).wait(timeout=180) == 0
    for name, value in weights(folder, "one").items():
        torch.testing.assert_close(value, weights(folder, "two")[name], atol=2e-5, rtol=1e-4)


def test_a_batch_that_cannot_be_shared_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_here(monkeypatch, [*arguments(folder, "run"), "--devices", "3"]) == 2
    assert "divides optimisation.batch_size = 4, got 3" in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_here(monkeypatch, [*arguments(folder, "run"), "--device", "gpu"]) == 2
    assert "expected 1 CUDA GPU(s), found 0; --device cpu or auto go without" in capsys.readouterr().err
    assert train_here(monkeypatch, arguments(folder, "run", precision="16-mixed")) == 2
    assert "expected a GPU for optimisation.precision = 16-mixed" in capsys.readouterr().err


def test_workers_prepare_the_same_batches(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for run, workers in (("none", 0), ("one", 1)):
        assert train_here(monkeypatch, arguments(folder, run, epochs=2, num_workers=workers)) == 0
    for name, value in weights(folder, "none").items():
        assert torch.equal(value, weights(folder, "one")[name])


def test_a_run_that_diverges_stops_and_names_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    values = arguments(folder, "run", learning_rate=1e30, epochs=3, gradient_clip=0.0)
    assert train_here(monkeypatch, values) == 2
    assert "expected finite values, got" in capsys.readouterr().err


def test_changes_on_the_command_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = arguments(folder, "run")
    assert train_here(monkeypatch, [*options, "--set", "optimisation.epochs=1", "--set", "model.hidden_size=5"]) == 0
    assert description(folder, "run")["epochs_planned"] == 1
    card = (folder / "run" / "MODEL_CARD.md").read_text()
    assert "--set optimisation.epochs=1 --set model.hidden_size=5 --speech speech`" in card
    assert "| data | folder 'speech': 4 files to train on, 1 to validate |" in card
    assert "| licence | as the licence of the data allows |" in card
    assert "folder 'speech': 4 files to train on" in capsys.readouterr().out
    assert description(folder, "run")["config"]["hidden_size"] == 5
    with pytest.raises(ValueError, match=r"optimisation.epochs: expected YAML, got .*, in '\[1'"):
        load_recipe(folder / "run.yaml", ["optimisation.epochs=[1"])
    for change in ("epochs=1", "nothing.epochs=1", "optimisation.epochs"):
        with pytest.raises(
            ValueError, match=r"expected SECTION.KEY=VALUE with a section of card, data, loss, model, optimisation"
        ):
            load_recipe(folder / "run.yaml", [change])
    capsys.readouterr()
    assert train_here(monkeypatch, [*options, "--set", "optimisation.epoch=1"]) == 2
    assert "unknown key 'epoch'" in capsys.readouterr().err
    assert train_here(monkeypatch, options) == 2  # what was trained is not overwritten by mistake
    assert "run_work with a run in it; --resume goes on with that run" in capsys.readouterr().err


def test_mistakes_are_known_before_the_first_epoch(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = arguments(folder, "run", epochs=1)
    (folder / "file").touch()
    (folder / "bad_work").mkdir()
    (folder / "bad_work" / "last.ckpt").write_bytes(b"cut off")
    place = options.index("--output") + 1
    for changed, message in (
        ([*options, "--speech", str(folder / "nothing")], "expected a folder of audio files, got"),
        ([*options[:place], str(folder / "file"), *options[place + 1 :]], "file: a file is there"),
        (
            [*options[:place], "/proc/model", *options[place + 1 :]],
            "cannot write to the folder /proc/model: No such",
        ),
        ([*options, "--resume", "--work", str(folder / "bad_work")], "bad_work/last.ckpt is damaged"),
        ([*options, "--devices", "0"], "expected one device and one node or more, got 0 and 1"),
        ([*options, "--set", "model.hidden_size=[[[["], "model.hidden_size: expected YAML, got"),
        ([*options, "--set", "model.hidden_size=90000000"], "expected a VAE that fits into"),
        ([*options, "--set", f"model.hidden_size={10**30}"], "VAE: empty(): argument 'size'"),
        ([*options, "--set", "model.hidden_size=[1]"], "hidden_size: expected int, got [1]"),
        ([str(folder / "file"), *options[1:]], "expected a recipe FILE.yaml or the name of a shipped one"),
    ):
        assert train_here(monkeypatch, changed) == 2
        errors = capsys.readouterr().err.strip().splitlines()
        assert message in errors[-1]
        assert len([line for line in errors if "dvae-train: error: " in line]) == 1


def test_a_folder_with_broken_and_silent_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "speech" / "00_broken.wav").write_bytes(b"RIFF what follows is no audio")
    soundfile.write(folder / "speech" / "01_empty.wav", np.zeros(0), 16000)
    soundfile.write(folder / "speech" / "02_silent.flac", np.zeros(16000), 16000)
    soundfile.write(folder / "speech" / "03_stereo.wav", np.random.default_rng(1).normal(0, 0.1, (44100, 2)), 44100)
    with caplog.at_level(logging.WARNING):
        assert train_here(monkeypatch, arguments(folder, "run", epochs=1)) == 0
    assert [r.message for r in caplog.records if "00_broken.wav" in r.message and "left out" in r.message]
    for path in (folder / "speech").iterdir():
        soundfile.write(path, np.zeros(16000), 16000, format="WAV")
    with pytest.raises(ValueError, match=r"expected audio that can be heard in 2 files like .*, got none"):
        AudioCrops(sorted((folder / "speech").iterdir())[:2], 16000, trim_db=30.0)
