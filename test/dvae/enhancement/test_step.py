from __future__ import annotations

import numpy as np
import pytest
import torch

from dvae.enhancement.activity import ActivityConfig
from dvae.enhancement.config import PRESETS
from dvae.enhancement.model import Enhancer
from dvae.enhancement.streaming import StreamingEnhancer
from dvae.models.store.checkpoint import load_model
from dvae.models.store.find import find_model
from dvae.signal.level import LevelTracker
from dvae.signal.stft import STFT


@pytest.mark.parametrize("preset", list(PRESETS))
def test_streaming_is_the_whole_sequence_model(preset: str, speech: tuple[np.ndarray, np.ndarray]) -> None:
    """The numpy steps against the torch model, from samples to samples."""
    model = load_model(Enhancer, find_model(PRESETS[preset]))
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
