from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from dvae.enhancement.model import Enhancer
from dvae.models.hit_dvae import HiTDVAE
from dvae.models.rvae import RVAE
from dvae.models.store.checkpoint import load_as, save_model
from dvae.models.store.find import find_model
from dvae.models.trajectory_srnn import TrajectorySRNN, TrajectorySRNNConfig


def save_killed(monkeypatch: pytest.MonkeyPatch, model: TrajectorySRNN, folder: Path, last: int) -> None:
    """Save, but be killed when `last` files have got their name."""
    renamed, done = Path.replace, list[Path]()

    def replace(path: Path, target: Path) -> Path:
        if len(done) == last:
            raise KeyboardInterrupt
        done.append(target)
        return renamed(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        with contextlib.suppress(KeyboardInterrupt):
            save_model(model, folder)


class TestCheckpoint:
    def save(self, folder: Path) -> TrajectorySRNN:
        model = TrajectorySRNN(TrajectorySRNNConfig(hidden_size=4))
        save_model(model, folder, {"metrics": {"loss": 1.0}})
        return model

    def test_round_trip(self, tmp_path: Path) -> None:
        saved = self.save(tmp_path)
        loaded = load_as(TrajectorySRNN, tmp_path)
        assert loaded.config == saved.config
        assert not loaded.training
        for name, value in saved.state_dict().items():
            assert torch.equal(value, loaded.state_dict()[name])

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=r"expected a model folder or one of .*motion_srnn.*, got '.*nothing'"):
            load_as(TrajectorySRNN, tmp_path / "nothing")
        with pytest.raises(ValueError, match=r"expected a model folder with model.yaml and model.safetensors, got"):
            load_as(TrajectorySRNN, tmp_path)

    def test_damaged(self, tmp_path: Path) -> None:
        self.save(tmp_path)
        weights = tmp_path / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1] + b"?")
        with pytest.raises(ValueError, match=r"model.safetensors is damaged: expected sha256"):
            load_as(TrajectorySRNN, tmp_path)

    def test_truncated_description(self, tmp_path: Path) -> None:
        self.save(tmp_path)
        (tmp_path / "model.yaml").write_text("class: [")
        with pytest.raises(ValueError, match=r"model.yaml: expected YAML"):
            load_as(TrajectorySRNN, tmp_path)

    @pytest.mark.parametrize(
        ("key", "value", "message"),
        [
            ("hidden_size", 5, r"expected \(20, .*got \(16, "),
            ("hidden_size", 10**5, "expected .*, got "),  # 160 GB of weights, of which none is made
            ("hidden_size", 10**30, "weights do not fit"),
            ("hidden_size", [1], r"hidden_size: expected int, got \[1\]"),
            ("latent_size", 0, "expected "),
        ],
    )
    def test_weights_that_do_not_fit_take_no_memory(self, key: str, value: Any, message: str, tmp_path: Path) -> None:
        self.save(tmp_path)
        description = yaml.safe_load((tmp_path / "model.yaml").read_text())
        description["config"][key] = value
        (tmp_path / "model.yaml").write_text(yaml.safe_dump(description))
        with pytest.raises(ValueError, match=rf"weights do not fit the configuration: .*{message}|{message}"):
            load_as(TrajectorySRNN, tmp_path)

    def test_a_list_for_the_configuration(self, tmp_path: Path) -> None:
        self.save(tmp_path)
        text = (tmp_path / "model.yaml").read_text()
        (tmp_path / "model.yaml").write_text(re.sub(r"config:.*?\nsha", "config: [1]\nsha", text, flags=re.DOTALL))
        with pytest.raises(ValueError, match=r"expected keys and values for TrajectorySRNNConfig, got \[1\]"):
            load_as(TrajectorySRNN, tmp_path)

    def test_a_kill_at_any_moment_leaves_a_whole_model(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The old one or the new one, whichever rename is the last that is done."""
        torch.manual_seed(1)
        old, new = (TrajectorySRNN(TrajectorySRNNConfig(hidden_size=4)) for _ in range(2))
        outcomes = []
        for last in range(4):
            save_model(old, tmp_path)
            save_killed(monkeypatch, new, tmp_path, last)
            found = load_as(TrajectorySRNN, tmp_path).state_dict()
            outcomes.append(
                "".join(
                    name
                    for name, model in (("old", old), ("new", new))
                    if all(torch.equal(found[key], value) for key, value in model.state_dict().items())
                )
            )
        assert outcomes == ["old", "old", "new", "new"]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["model.safetensors", "model.yaml"]

    def test_a_second_kill_leaves_a_whole_model_too(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        models = [TrajectorySRNN(TrajectorySRNNConfig(hidden_size=4)) for _ in range(3)]
        for first in range(4):
            for second in range(5):
                save_model(models[0], tmp_path)
                save_killed(monkeypatch, models[1], tmp_path, first)
                save_killed(monkeypatch, models[2], tmp_path, second)
                load_as(TrajectorySRNN, tmp_path)

    def test_other_class(self, tmp_path: Path) -> None:
        self.save(tmp_path)
        with pytest.raises(ValueError, match="expected a model of class RVAE, got 'TrajectorySRNN'"):
            load_as(RVAE, tmp_path)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("motion_srnn", TrajectorySRNN),
        ("speech_rvae", RVAE),
        ("speech_rvae_streaming", RVAE),
        ("speech_rvae_low_beta", RVAE),
        ("speech_hit_dvae_small", HiTDVAE),
        ("speech_hit_dvae_small_teacher_forcing", HiTDVAE),
        ("speech_enhancer", Enhancer),
        ("speech_enhancer_low_latency", Enhancer),
    ],
)
def test_shipped_models_load_and_have_cards(name: str, kind: type) -> None:
    folder = find_model(name)
    load_as(kind, folder)
    assert "licence" in (folder / "MODEL_CARD.md").read_text()
