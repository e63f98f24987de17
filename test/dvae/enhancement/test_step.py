from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.numpy import load_file, save_file

from dvae.enhancement.activity import ActivityConfig
from dvae.enhancement.config import PRESETS, EnhancerConfig
from dvae.enhancement.model import Enhancer
from dvae.enhancement.step import EnhancerStep, load_enhancer
from dvae.enhancement.streaming import StreamingEnhancer
from dvae.models.store.checkpoint import load_as, save_model
from dvae.signal.level import LevelTracker
from dvae.signal.stft import STFT


@pytest.mark.parametrize("preset", list(PRESETS))
def test_streaming_is_the_whole_sequence_model(preset: str, speech: tuple[np.ndarray, np.ndarray]) -> None:
    """The numpy steps against the torch model, from samples to samples."""
    model = load_as(Enhancer, PRESETS[preset])
    noisy, stft = speech[1][:16000], STFT(synthesis_length=model.config.synthesis_length)
    tail = np.zeros(stft.hop_length * (model.config.lookahead_frames + 3), dtype=np.float32)
    spectrogram = stft.analyse(np.concatenate([noisy, tail]))  # (T, F)
    power = np.square(np.abs(spectrogram))
    level = LevelTracker().track(power.mean(1)).astype(np.float32)
    variances = model(torch.from_numpy(power / level[:, None])[None])
    gain = variances.wiener_gain[0].clamp_min(0.02).numpy()
    expected = stft.synthesise(spectrogram[: len(gain)] * gain, noisy.size)
    enhancer = StreamingEnhancer.load(preset)
    np.testing.assert_allclose(np.concatenate([enhancer.feed(noisy), enhancer.flush()]), expected, atol=2e-5)
    probability = [frame.probability for frame in enhancer.pop_activity()][3:]
    loud = np.array(probability) > 0  # silence counts as none, whatever the model says
    expected_odds = torch.sigmoid(variances.activity - ActivityConfig().prior_log_odds)[0].numpy()[3 : 3 + loud.size]
    np.testing.assert_allclose(np.array(probability)[loud], expected_odds[loud], atol=1e-4)


def untrained(lookahead: int, num_bins: int = 65) -> Enhancer:
    """Every layer with random weights, biases too, and not so small that its non-linearity does not show."""
    torch.manual_seed(lookahead)
    model = Enhancer(EnhancerConfig(num_bins, 16, 5, 9, 8, 4, 2, 6, lookahead, floor=1e-3)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.7 * torch.randn(parameter.shape))
    return model


@torch.no_grad()
@pytest.mark.parametrize("lookahead", [0, 1, 3])
def test_steps_are_the_whole_sequence(lookahead: int, rng: np.random.Generator) -> None:
    model = untrained(lookahead)
    step = EnhancerStep(model.config, {name: value.numpy() for name, value in model.state_dict().items()})
    power = (rng.gamma(0.3, size=(25, 65)) * rng.gamma(0.5, size=(25, 1))).astype(np.float32)
    expected = model(torch.from_numpy(power)[None])
    state = step.initial_state()
    for frame in power[:lookahead]:
        state = step.look_ahead(frame, state)
    for t, frame in enumerate(power[lookahead:]):
        result, state = step.step(frame, state)
        np.testing.assert_allclose(result.speech_var, expected.speech_var[0, t], rtol=2e-4)
        np.testing.assert_allclose(result.noise_var, expected.noise_var[0, t], rtol=2e-4)
        np.testing.assert_allclose(result.wiener_gain, expected.wiener_gain[0, t], rtol=2e-4, atol=1e-6)
        assert result.activity == pytest.approx(float(expected.activity[0, t]), rel=1e-3, abs=1e-3)
        assert result.speech_var.dtype == result.noise_var.dtype == result.wiener_gain.dtype == np.float32


def test_a_step_changes_nothing_but_the_state_that_it_returns(rng: np.random.Generator) -> None:
    """One model serves many streams: the same state and frame give the same result, whatever came between."""
    model = untrained(1)
    step = EnhancerStep(model.config, {name: value.numpy() for name, value in model.state_dict().items()})
    first, second, other = (rng.gamma(0.5, size=65).astype(np.float32) for _ in range(3))
    state = step.look_ahead(first, step.initial_state())
    result, _ = step.step(second, state)
    step.step(other, state)
    again, _ = step.step(second, state)
    for found, expected in zip(again, result, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected a model folder or one of .*speech_enhancer.*, got 'nothing'"):
        load_enhancer("nothing")
    model = untrained(1)
    save_model(model, tmp_path)
    assert load_enhancer(tmp_path).config == model.config
    weights = load_file(tmp_path / "model.safetensors")
    del weights["detector.log_odds.bias"]
    save_file(weights, tmp_path / "model.safetensors")
    description = yaml.safe_load((tmp_path / "model.yaml").read_text())
    description["sha256"] = hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(description))
    with pytest.raises(
        ValueError, match=r"do not fit the configuration: expected 'detector\.log_odds\.bias', got none"
    ):
        load_enhancer(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("hidden_size", 255), ("lookahead_frames", 2), ("noise_hidden_size", 10**12), ("num_bins", 3), ("hints", 2**62)],
)
def test_a_configuration_that_does_not_fit_is_seen_when_it_is_loaded(key: str, value: int, tmp_path: Path) -> None:
    save_model(untrained(1), tmp_path)
    description = yaml.safe_load((tmp_path / "model.yaml").read_text())
    description["config"][key] = value
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(description))
    with pytest.raises(ValueError, match="weights do not fit the configuration: "):
        load_enhancer(tmp_path)
