from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from dvae.enhancement.model import Enhancer, EnhancerConfig
from dvae.models.hit_dvae import HiTDVAE
from dvae.models.networks.layers import LSTM, num_parameters
from dvae.models.rvae import RVAE, RVAEConfig
from dvae.models.store.checkpoint import load_model, save_model
from dvae.models.store.find import find_model
from dvae.models.trajectory_srnn import TrajectorySRNN, TrajectorySRNNConfig


def test_lstm_step_is_one_frame_of_the_sequence(generator: torch.Generator) -> None:
    lstm, frames = LSTM(3, 5), torch.randn(2, 7, 3, generator=generator)
    expected, _ = lstm(frames)
    state = lstm.zero_state(2, frames)
    for t in range(7):
        state = lstm.step(frames[:, t], state)
        torch.testing.assert_close(state[0], expected[:, t])


def test_rvae_posterior_reads_present_and_future_only(generator: torch.Generator) -> None:
    model = RVAE(RVAEConfig(data_size=9, hidden_size=8, latent_size=3))
    power = torch.rand(1, 6, 9, generator=generator)
    changed = power.clone()
    changed[:, 2] *= 2.0
    first, second = model.encode(power).posterior.mean, model.encode(changed).posterior.mean
    assert (first != second).any(-1)[0, :3].all()  # the past of frame 2 sees it as its future
    # the decoder is causal: v_t depends on z_{1:t}
    z = torch.randn(1, 6, 3, generator=generator)
    later = z.clone()
    later[:, 4] += 1.0
    assert torch.equal(model.speech_var(z)[:, :4], model.speech_var(later)[:, :4])


@pytest.mark.parametrize("coordinates", ["absolute", "relative"])
def test_srnn_elbo_gradient_against_finite_differences(coordinates: str, generator: torch.Generator) -> None:
    model = TrajectorySRNN(TrajectorySRNNConfig(coordinates=coordinates)).double()
    corner = torch.rand(2, 4, 2, generator=generator, dtype=torch.float64)
    boxes = torch.cat([corner, corner + 0.3], dim=-1)
    noise = torch.randn(2, 4, 4, generator=generator, dtype=torch.float64)
    weight = model.recurrence.lstm.weight_ih_l0
    model.elbo(boxes, noise).elbo.backward()
    with torch.no_grad():
        values = []
        for change in (1e-5, -1e-5):
            weight[3, 1] += change
            values.append(float(model.elbo(boxes, noise).elbo))
            weight[3, 1] -= change
    assert weight.grad is not None
    assert float(weight.grad[3, 1]) == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-4, abs=1e-7)


@torch.no_grad()
def test_relative_srnn_does_not_care_where_and_how_large(generator: torch.Generator) -> None:
    model = TrajectorySRNN(TrajectorySRNNConfig(coordinates="relative")).double()
    corner = torch.cumsum(torch.rand(1, 5, 2, generator=generator, dtype=torch.float64) * 0.01, 1)
    boxes = torch.cat([corner, corner + 0.3], dim=-1)
    noise = torch.zeros(1, 5, 4, dtype=torch.float64)
    plain, moved = model.elbo(boxes, noise), model.elbo(10.0 * boxes + 3.0, noise)
    assert float(moved.kl) == pytest.approx(float(plain.kl))
    assert float(moved.reconstruction) == pytest.approx(float(plain.reconstruction) - 4 * math.log(10.0))


def test_srnn_generates_boxes(generator: torch.Generator) -> None:
    boxes = TrajectorySRNN(TrajectorySRNNConfig()).generate(torch.tensor([[0.0, 0.0, 1.0, 2.0]]), 5, generator)
    assert boxes.shape == (1, 5, 4)
    assert boxes.isfinite().all()


class TestCheckpoint:
    def save(self, folder: Path) -> TrajectorySRNN:
        model = TrajectorySRNN(TrajectorySRNNConfig(hidden_size=4))
        save_model(model, folder, {"metrics": {"loss": 1.0}})
        return model

    def test_round_trip(self, tmp_path: Path) -> None:
        saved = self.save(tmp_path)
        loaded = load_model(TrajectorySRNN, tmp_path)
        assert loaded.config == saved.config
        assert not loaded.training
        for name, value in saved.state_dict().items():
            assert torch.equal(value, loaded.state_dict()[name])

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=r"expected a model folder with model.yaml and model.safetensors, got"):
            load_model(TrajectorySRNN, tmp_path / "nothing")

    def test_damaged(self, tmp_path: Path) -> None:
        self.save(tmp_path)
        weights = tmp_path / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1] + b"?")
        with pytest.raises(ValueError, match=r"model.safetensors is damaged: expected sha256"):
            load_model(TrajectorySRNN, tmp_path)

    def test_truncated_description(self, tmp_path: Path) -> None:
        self.save(tmp_path)
        (tmp_path / "model.yaml").write_text("class: [")
        with pytest.raises(ValueError, match=r"model.yaml: expected YAML"):
            load_model(TrajectorySRNN, tmp_path)

    def test_other_class(self, tmp_path: Path) -> None:
        self.save(tmp_path)
        with pytest.raises(ValueError, match="expected a model of class RVAE, got TrajectorySRNN"):
            load_model(RVAE, tmp_path)


def test_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"motion_srnn.*speech_enhancer.*got 'nothing'"):
        find_model("nothing")


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
    load_model(kind, folder)
    assert "licence" in (folder / "MODEL_CARD.md").read_text()


@pytest.mark.parametrize("name", ["speech_enhancer", "speech_enhancer_low_latency"])
def test_enhancer_keeps_the_prior_it_was_trained_with(name: str) -> None:
    enhancer, prior = load_model(Enhancer, find_model(name)), load_model(RVAE, find_model("speech_rvae_streaming"))
    for name, value in prior.emission.state_dict().items():
        assert torch.equal(value, enhancer.emission.state_dict()[name])
    assert isinstance(enhancer.config, EnhancerConfig)


@pytest.mark.parametrize(("causal", "parameters"), [(True, 553_121), (False, 1_026_849)])
def test_rvae_has_the_published_size_and_sees_what_it_may(
    causal: bool, parameters: int, generator: torch.Generator
) -> None:
    torch.manual_seed(3)
    model = RVAE(RVAEConfig(causal=causal))
    assert num_parameters(model) == parameters
    z = torch.randn(1, 10, 16, generator=generator)
    changed = z.clone()
    changed[:, 6:] = 0.0
    same = torch.isclose(model.speech_var(z), model.speech_var(changed)).all(-1)[0]
    assert same.tolist() == [causal] * 6 + [False] * 4
    power = torch.rand(1, 10, 513, generator=generator)
    later = power.clone()
    later[:, 9] = 0.0
    first = model.encode(power).posterior.mean[0, 0]
    assert not torch.allclose(model.encode(later).posterior.mean[0, 0], first)  # the posterior reads the future


@pytest.mark.parametrize("coordinates", ["absolute", "relative"])
def test_srnn_over_a_sequence_is_its_steps(coordinates: str, generator: torch.Generator) -> None:
    torch.manual_seed(3)
    model = TrajectorySRNN(TrajectorySRNNConfig(coordinates=coordinates)).double()
    corner = 0.3 + 0.02 * torch.randn(7, 2, 2, generator=generator, dtype=torch.float64)
    source = torch.cat([corner, corner + 0.2], dim=-1)
    noise = torch.randn(7, 2, 4, generator=generator, dtype=torch.float64)
    whole = model.teacher_forced(source, noise)
    state = model.initial_state(source[0])
    for t in range(1, 7):
        one = model.step(state, source[t], noise[t])
        for name in ("posterior", "prior", "emission"):
            for found, expected in zip(getattr(whole, name), getattr(one, name), strict=True):
                torch.testing.assert_close(found[t - 1], expected)
        state = model.advance(state, one, source[t])
    never = torch.zeros(7, 2, dtype=torch.bool)  # scheduled sampling that never samples
    batch, draws = source.transpose(0, 1), noise.transpose(0, 1)
    for found, expected in zip(model.elbo(batch, draws), model.elbo(batch, draws, keep_own=never), strict=True):
        torch.testing.assert_close(found, expected)
