"""One frame of the enhancer in numpy: the streaming form of dvae.enhancement.model, equal to it (a test compares them).

A step is a handful of matrix-vector products, for which the linear algebra behind numpy is as fast as a
compiled runtime, without a deep-learning library's memory and start-up time. Nothing but the state
changes; it is passed in and out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.distributions.complex_gaussian import wiener_gain
from dvae.enhancement.config import NEIGHBOURS, PRESETS, WIDE_FLOOR, EnhancerConfig, wide_band_starts
from dvae.models.store.find import find_model
from dvae.models.store.weights import read_weights
from dvae.signal.bands import Bands

Array = NDArray[np.float32]
LSTMState = tuple[Array, Array]


class StepLSTM:
    """One step of a one-layer LSTM with torch's weights `name`.*_l0; all four gates in one product and one tanh."""

    def __init__(self, weights: Mapping[str, Array], name: str) -> None:
        joined = np.concatenate([weights[f"{name}.weight_ih_l0"], weights[f"{name}.weight_hh_l0"]], axis=1)
        bias = weights[f"{name}.bias_ih_l0"] + weights[f"{name}.bias_hh_l0"]
        self.size = size = bias.size // 4
        scale = np.full(4 * size, 0.5, dtype=np.float32)  # sigmoid(x) = (1 + tanh(x / 2)) / 2
        scale[2 * size : 3 * size] = 1.0  # the cell gate is a tanh itself
        self.weight, self.bias = np.ascontiguousarray(scale[:, None] * joined), scale * bias

    def zero_state(self) -> LSTMState:
        """The state before the first frame."""
        return np.zeros(self.size, dtype=np.float32), np.zeros(self.size, dtype=np.float32)

    def __call__(self, frame: Array, state: LSTMState) -> LSTMState:
        """One frame (D,) and the state before it -> the state after it."""
        size = self.size
        gates = self.weight @ np.concatenate([frame, state[0]])
        gates += self.bias
        np.tanh(gates, out=gates)
        new = gates[2 * size : 3 * size].copy()
        gates *= np.float32(0.5)
        gates += np.float32(0.5)
        cell = gates[size : 2 * size] * state[1] + gates[:size] * new
        return gates[3 * size :] * np.tanh(cell), cell


class StepState(NamedTuple):
    """Everything that one step hands to the next."""

    observation: LSTMState
    latent: LSTMState
    emission: LSTMState
    first: Array  # (N, K): the leaky averages of the noise model
    second: Array
    detector: tuple[Array, Array]  # (D,): the leaky averages of the speech detector
    bands: Array  # (lookahead, K): what is not filtered yet, oldest first
    features: Array  # (lookahead, H)
    powers: Array  # (lookahead, F)


class StepResult(NamedTuple):
    """Speech and noise variance of one frame, its Wiener gain (eq. 6.12), all (F,), and the log odds of speech."""

    speech_var: Array
    noise_var: Array
    wiener_gain: Array
    activity: float


class EnhancerStep:
    """The enhancer stored in a model folder, frame by frame. Read-only, so that streams can share one."""

    def __init__(self, config: EnhancerConfig, weights: Mapping[str, Array]) -> None:
        self.config, self.bands = config, Bands(config.num_bins)
        self.observation = StepLSTM(weights, "observation.lstm")
        self.latent = StepLSTM(weights, "posterior.z_lstm")
        self.emission = StepLSTM(weights, "emission.z_lstm")
        self.features = weights["observation.features.0.weight"], weights["observation.features.0.bias"]
        self.log_var = weights["emission.log_var.weight"], weights["emission.log_var.bias"]
        self.z_mean = weights["posterior.mean.weight"], weights["posterior.mean.bias"]
        # everything that reads the context alone in one product: hints of the noise model, then the activity
        self.from_context = (
            np.concatenate([weights["noise.from_context.weight"], weights["activity.weight"]]),
            np.concatenate([weights["noise.from_context.bias"], weights["activity.bias"]]),
        )
        size = config.noise_hidden_size
        halve = np.concatenate([np.full(size, 0.5), np.ones(size)]).astype(np.float32)  # sigmoid as a tanh, as above
        self.from_inputs = (
            np.concatenate(
                [
                    halve[:, None] * weights["noise.first.weight"],
                    halve[:, None] * weights["noise.second_inputs.weight"],
                    weights["noise.log_var_inputs.weight"],
                ]
            ),
            np.concatenate(
                [
                    halve * weights["noise.first.bias"],
                    halve * weights["noise.second_inputs.bias"],
                    weights["noise.log_var_inputs.bias"],
                ]
            )[:, None],
        )
        self.from_first = np.concatenate(
            [halve[:, None] * weights["noise.second_first.weight"], weights["noise.log_var_first.weight"]]
        )
        self.from_second = weights["noise.log_var_second.weight"][0]
        size = config.detector_hidden_size
        halve = np.concatenate([np.full(size, 0.5), np.ones(size)]).astype(np.float32)
        self.detector = [
            (halve[:, None] * weights[f"detector.{name}.weight"], halve * weights[f"detector.{name}.bias"])
            for name in ("first", "second")
        ]
        self.log_odds = weights["detector.log_odds.weight"][0], weights["detector.log_odds.bias"][0]
        starts = np.array(wide_band_starts(config.num_bins))
        self.wide_starts, self.wide_widths = starts, np.diff(starts, append=config.num_bins).astype(np.float32)

    def initial_state(self) -> StepState:
        """The state before the first frame."""
        config, num_bands = self.config, self.bands.num_bands
        averages = np.zeros((config.noise_hidden_size, num_bands), dtype=np.float32)
        return StepState(
            self.observation.zero_state(),
            self.latent.zero_state(),
            self.emission.zero_state(),
            averages,
            averages,
            (np.zeros(config.detector_hidden_size, np.float32), np.zeros(config.detector_hidden_size, np.float32)),
            np.zeros((config.lookahead_frames, num_bands), dtype=np.float32),
            np.zeros((config.lookahead_frames, config.hidden_size), dtype=np.float32),
            np.zeros((config.lookahead_frames, config.num_bins), dtype=np.float32),
        )

    def _band_features(self, power: Array) -> Array:
        features: Array = (np.log(self.bands.mean(power) + np.float32(self.config.floor)) + np.float32(6)) / np.float32(
            3
        )
        return features

    def _observe(self, power: Array, state: StepState) -> StepState:
        """Read |x_{t+L}|^2; `bands` and `features` then hold lookahead + 1 frames."""
        bands = self._band_features(power)
        weight, bias = self.features
        features = np.tanh(weight @ bands + bias)
        return state._replace(
            observation=self.observation(features, state.observation),
            bands=np.concatenate([state.bands, bands[None]]),
            features=np.concatenate([state.features, features[None]]),
            powers=np.concatenate([state.powers, power[None]]),
        )

    def look_ahead(self, power: Array, state: StepState) -> StepState:
        """Read one of the first `lookahead_frames` frames (F,): nothing can be filtered yet."""
        state = self._observe(power, state)
        return state._replace(bands=state.bands[1:], features=state.features[1:], powers=state.powers[1:])

    def step(self, power: Array, state: StepState) -> tuple[StepResult, StepState]:
        """|x_{t+L}|^2 (F,) of mean about 1 -> variances of frame t and the state after it."""
        state = self._observe(power, state)
        context = np.concatenate([state.observation[0], state.features[0]])
        weight, bias = self.z_mean
        z = weight @ np.concatenate([context, state.latent[0]]) + bias
        emission = self.emission(z, state.emission)
        weight, bias = self.log_var
        floor = np.float32(self.config.floor)
        speech_var = np.exp(weight @ emission[0] + bias) + floor
        weight, bias = self.from_context
        hints = weight @ context + bias
        log_var, first, second = self._noise(state, hints[:-1], self._band_features(speech_var))
        noise_var = (np.exp(log_var) + floor)[self.bands.band_of_bin]
        gain = wiener_gain(speech_var, noise_var)
        activity, detector = self._detect(state.powers[0], gain, hints[-1:], state.detector)
        state = StepState(
            state.observation,
            self.latent(z, state.latent),
            emission,
            first,
            second,
            detector,
            state.bands[1:],
            state.features[1:],
            state.powers[1:],
        )
        return StepResult(speech_var, noise_var, gain, activity), state

    def _detect(
        self, power: Array, gain: Array, odds: Array, state: tuple[Array, Array]
    ) -> tuple[float, tuple[Array, Array]]:
        """dvae.enhancement.speech_detector for one frame: log odds of speech and the averages after it."""
        parts = [
            np.log(np.add.reduceat(np.square(part) * power, self.wide_starts) / self.wide_widths + WIDE_FLOOR) / 3.0
            for part in (gain, 1.0 - gain)
        ]
        inputs = np.concatenate([*parts, odds]).astype(np.float32)
        (weight, bias), (second_weight, second_bias) = self.detector
        first = self._average(weight @ inputs + bias, state[0])
        joined = np.concatenate([inputs, first])
        second = self._average(second_weight @ joined + second_bias, state[1])
        weight, bias = self.log_odds
        return float(weight @ np.concatenate([joined, second]) + bias), (first, second)

    def _noise(self, state: StepState, hints: Array, speech: Array) -> tuple[Array, Array, Array]:
        """log v_n of the bands (K,) and both kinds of averages after this frame."""
        size, num_bands = self.config.noise_hidden_size, self.bands.num_bands
        lookahead, num_now = self.config.lookahead_frames, 2 * NEIGHBOURS + 1
        weight, bias = self.from_inputs
        inputs = np.zeros((weight.shape[1], num_bands), dtype=np.float32)  # bands last: every slice lies in one piece
        for i in range(num_now):
            shift = i - NEIGHBOURS  # band k sees band k + shift
            first, last = max(0, -shift), num_bands - max(0, shift)
            inputs[i, first:last] = state.bands[0, first + shift : last + shift]
        inputs[num_now : num_now + lookahead] = state.bands[1:]
        inputs[num_now + lookahead] = speech
        inputs[num_now + lookahead + 1 :] = hints.reshape(num_bands, -1).T
        drive = weight @ inputs
        drive += bias
        averages = self._average(drive[: 2 * size], state.first)
        from_first = self.from_first @ averages
        from_first[:-1] += drive[2 * size : 4 * size]
        second = self._average(from_first[:-1], state.second)
        return drive[-1] + from_first[-1] + self.from_second @ second, averages, second

    def _average(self, drive: Array, state: Array) -> Array:
        """One step of dvae.models.networks.leaky.leaky_average; the rate's half of the drive is halved already."""
        size = len(state)
        active = np.tanh(drive)
        rate, change = active[:size], active[size:]
        rate *= np.float32(0.5)
        rate += np.float32(0.5)
        change -= state
        change *= rate
        change += state
        return np.asarray(change)


def load_enhancer(name: str | Path) -> EnhancerStep:
    """The stored enhancer `name`: a preset, a shipped model, or a folder.

    ValueError where there is none, or names the file when one is missing, damaged, or of another class.
    """
    folder = find_model(name, PRESETS)
    config, weights = read_weights(folder, "Enhancer", EnhancerConfig)
    try:
        model = EnhancerStep(config, weights)
        model.step(np.ones(config.num_bins, dtype=np.float32), model.initial_state())  # all shapes meet
    except (KeyError, ValueError, IndexError, TypeError, MemoryError) as error:
        what = f"expected {error}, got none" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{folder}: weights do not fit the configuration: {what}") from error
    return model
