from __future__ import annotations

import torch

from dvae.models.networks.layers import LSTM


def test_lstm_step_is_one_frame_of_the_sequence(generator: torch.Generator) -> None:
    lstm, frames = LSTM(3, 5), torch.randn(2, 7, 3, generator=generator)
    expected, _ = lstm(frames)
    state = lstm.zero_state(2, frames)
    for t in range(7):
        state = lstm.step(frames[:, t], state)
        torch.testing.assert_close(state[0], expected[:, t])
