from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dvae.enhancement.model import Enhancer
from dvae.models.hit_dvae import HiTDVAE
from dvae.models.rvae import RVAE
from dvae.models.store.checkpoint import load_as, save_model
from dvae.models.store.find import find_model
from dvae.models.trajectory_srnn import TrajectorySRNN, TrajectorySRNNConfig


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
