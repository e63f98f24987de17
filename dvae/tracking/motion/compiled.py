"""The roll-out of dvae.tracking.motion.rollout for a TrajectorySRNN on a CPU, compiled with numba.

One loop over tracks, inside it one over frames (measured by bench/tracking/speed.py). The order of arithmetic is that
of the lines below: a track's numbers do not depend on the others.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.motion.networks import (
    Scratch,
    copy,
    emitted,
    flat_weights,
    gaussian,
    inlined,
    kernel,
    lstm_step,
    networks_of,
    scratch_for,
    tanh_layer,
)
from dvae.tracking.motion.rollout import Array, Birth, EncoderInput, Evidence, MotionState, Noise, RollOut, source_kl


class Given(NamedTuple):
    """What is known of one track in one frame."""

    precision: Array  # (D,), see Evidence
    information: Array  # (D,)
    shown: Array  # (D,), to the encoder
    encode: bool
    noise_z: Array  # (L,)
    noise_s: Array  # (D,)
    rate: float


class Found(NamedTuple):
    """Prediction and posterior of s of one track in one frame, (D,) each, to be filled."""

    mean: Array
    variance: Array
    predicted_mean: Array
    predicted_variance: Array


@inlined
def load(states: Any, n: int, track: Any) -> None:
    """The state of track n, copied, to be changed in place."""
    copy(states.hidden[n], track.hidden, 0)
    copy(states.cell[n], track.cell, 0)
    copy(states.z[n], track.z, 0)
    copy(states.source[n], track.source, 0)
    copy(states.step_input[n], track.step_input, 0)
    copy(states.variance[n], track.variance, 0)
    track.missed[0] = states.missed[n]


@inlined
def store(track: Any, states: Any, n: int, t: int) -> None:
    """Write down the state of track n after frame t."""
    copy(track.hidden, states.hidden[n, t], 0)
    copy(track.cell, states.cell[n, t], 0)
    copy(track.z, states.z[n, t], 0)
    copy(track.source, states.source[n, t], 0)
    copy(track.step_input, states.step_input[n, t], 0)
    copy(track.variance, states.variance[n, t], 0)
    states.missed[n, t] = track.missed[0]


@inlined
def draw_z(net: Any, track: Any, given: Any, scratch: Any) -> float:
    """z_t in place of z_{t-1}, drawn from its posterior at s_t = shown, or from its prior; the KL of the two."""
    z, source, shown, noise = track.z, track.source, given.shown, given.noise_z
    joint, unit, hidden, kl = scratch.joint, scratch.unit, len(track.hidden), 0.0
    prior_mean, prior_log_var, mean, log_var = scratch.prior_mean, scratch.prior_log_var, scratch.mean, scratch.log_var
    copy(track.hidden, joint, 0)
    copy(z, joint, hidden)
    gaussian(net.prior, joint, prior_mean, prior_log_var, scratch)
    if not given.encode:
        for i in range(len(z)):
            z[i] = prior_mean[i] + np.exp(0.5 * prior_log_var[i]) * noise[i]
        return kl
    for d in range(len(shown)):
        joint[hidden + d] = (shown[d] - source[d]) / unit[d] if net.relative else shown[d]
    copy(z, joint, hidden + len(shown))
    gaussian(net.posterior, joint, mean, log_var, scratch)
    for i in range(len(z)):
        difference = mean[i] - prior_mean[i]
        ratio = np.exp(log_var[i] - prior_log_var[i]) + difference * difference * np.exp(-prior_log_var[i])
        kl += 0.5 * (prior_log_var[i] - log_var[i] + ratio - 1.0)
        z[i] = mean[i] + np.exp(0.5 * log_var[i]) * noise[i]
    return kl


@inlined
def emit(net: Any, track: Any, found: Any, scratch: Any) -> None:
    """p(s_t | s_{1:t-1}, z_t) in box coordinates."""
    mean, variance, source, unit = found.predicted_mean, found.predicted_variance, track.source, scratch.unit
    copy(track.hidden, scratch.joint, 0)
    copy(track.z, scratch.joint, len(track.hidden))
    emitted(net.emission, scratch.joint, mean, variance, scratch)
    for d in range(len(mean)):
        variance[d] = np.exp(variance[d])
        if net.relative:
            mean[d] = source[d] + unit[d] * mean[d]
            variance[d] = variance[d] * unit[d] * unit[d]


@inlined
def predict(net: Any, track: Any, given: Any, found: Any, scratch: Any) -> Any:
    """Recurrence, z and emission of a frame that is not the track's first; the KL of z."""
    source, unit, scale = track.source, scratch.unit, net.step_unit * given.rate
    tanh_layer(net.recurrence.features, track.step_input, scratch.features)
    lstm_step(net.recurrence, scratch.features, track.hidden, track.cell, scratch.gates)
    for d in range(len(unit)):
        unit[d] = scale * max(source[2 + d % 2] - source[d % 2], 1e-6) if net.relative else 1.0
    kl = draw_z(net, track, given, scratch)
    emit(net, track, found, scratch)
    return kl


@inlined
def spread(track: Any, found: Any) -> None:
    """Add the variance of where the track was; see dvae.tracking.motion.rollout.spread."""
    before, variance, missed = track.variance, found.predicted_variance, track.missed[0] > 0
    for d in range(len(variance)):
        if missed:
            variance[d] = (np.sqrt(before[d] + 1e-12) + np.sqrt(variance[d] + 1e-12)) ** 2
        else:
            variance[d] = before[d] + variance[d]


@inlined
def fuse(track: Any, given: Any, found: Any) -> None:
    """q(s_t) from the prediction and the detections."""
    precision, information, kept = given.precision, given.information, track.variance
    mean, variance, predicted_mean, predicted_variance = found
    total = 0.0
    for d in range(len(mean)):
        total += precision[d]
        variance[d] = 1.0 / (precision[d] + 1.0 / predicted_variance[d])  # eq. 3.18
        mean[d] = variance[d] * (information[d] + predicted_mean[d] / predicted_variance[d])  # eq. 3.19
        kept[d] = variance[d]
    track.missed[0] = 0.0 if total > 0 else 1.0


@inlined
def move(net: Any, track: Any, given: Any, found: Any, scratch: Any) -> None:
    """The track to a draw of q(s_t)."""
    mean, variance, noise, unit = found.mean, found.variance, given.noise_s, scratch.unit
    source, step_input = track.source, track.step_input
    drawn = scratch.features
    for d in range(len(mean)):
        drawn[d] = mean[d] + np.sqrt(variance[d]) * noise[d]
        step_input[d] = (drawn[d] - source[d]) / unit[d] if net.relative else drawn[d]
    copy(drawn, source, 0)


@inlined
def begin(net: Any, track: Any) -> None:
    """At rest, without memory."""
    hidden, cell, z, step_input = track.hidden, track.cell, track.z, track.step_input
    for i in range(len(hidden)):
        hidden[i], cell[i] = 0.0, 0.0
    for i in range(len(z)):
        z[i] = 0.0
    if net.relative:
        for d in range(len(step_input)):
            step_input[d] = 0.0


@inlined
def given_at(n: int, t: int, evidence: Any, encoder: Any, noise: Any, rate: Array) -> Any:
    """What is known of track n in frame t."""
    return Given(
        evidence.precision[n, t],
        evidence.information[n, t],
        encoder.source[n, t],
        encoder.mask[n, t],
        noise.z[n, t],
        noise.s[n, t],
        rate[t],
    )


@inlined
def found_at(n: int, t: int, out: Any) -> Any:
    """Where to write what is found of track n in frame t."""
    return Found(out.mean[n, t], out.variance[n, t], out.predicted_mean[n, t], out.predicted_variance[n, t])


@kernel
def roll_out_kernel(
    weights: Any, relative: bool, step_unit: float, state: Any, birth: Any, evidence: Any, encoder: Any, noise: Any,
    rate: Array, propagate: bool, out: Any, states: Any, track: Any, scratch: Any,
) -> None:  # fmt: skip
    """Fill the zeros of `out` and `states`, the parts of a RollOut; `track` and `scratch` are memory of any content.

    At the door there are plain tuples, because numba looks at named ones in Python, field by field, in every call.
    """
    net, scratch = networks_of(weights, relative, step_unit), Scratch(*scratch)
    state, track = MotionState(*state), MotionState(*track)
    birth, evidence, encoder, noise = Birth(*birth), Evidence(*evidence), EncoderInput(*encoder), Noise(*noise)
    out = RollOut(out[0], out[1], out[2], out[3], out[4], MotionState(*states))
    for n in range(len(birth.frame)):
        load(state, n, track)
        for t in range(len(rate)):
            if t < birth.frame[n]:
                out.states.missed[n, t] = 1.0
                continue
            given, found = given_at(n, t, evidence, encoder, noise, rate), found_at(n, t, out)
            born = birth.frame[n] == t
            if born:
                copy(birth.mean[n], found.predicted_mean, 0)
                copy(birth.variance[n], found.predicted_variance, 0)
            else:
                out.kl[n, t] = predict(net, track, given, found, scratch)
                if propagate:
                    spread(track, found)
            fuse(track, given, found)
            move(net, track, given, found, scratch)
            if born:
                begin(net, track)
            store(track, out.states, n, t)


class CompiledMotion:
    """A TrajectorySRNN ready for `roll_out` on the CPU, in double precision."""

    def __init__(self, model: TrajectorySRNN) -> None:
        self.config = model.config
        self._weights = flat_weights(model.state_dict())
        # what the kernel writes to and forgets: made once, for all calls (one at a time, it holds Python's lock)
        data, hidden, latent = self.config.data_size, self.config.hidden_size, self.config.latent_size
        self._track = tuple(np.zeros(size) for size in (hidden, hidden, latent, data, data, data, 1))
        self._scratch = tuple(scratch_for(self.config))

    def roll_out(
        self,
        state: MotionState,
        birth: Birth,
        evidence: Evidence,
        encoder: EncoderInput,
        noise: Noise,
        rate: Array,
        propagate: bool,
    ) -> RollOut:
        """As `roll_out_torch`, on arrays in C order (others are compiled anew)."""
        num_tracks, num_frames, data = evidence.precision.shape
        shape = (num_tracks, num_frames)
        main = (*(np.zeros((*shape, data)) for _ in range(4)), np.zeros(shape))
        states = tuple(np.zeros((*shape, *part.shape[1:])) for part in state)
        relative = self.config.coordinates == "relative"
        roll_out_kernel(
            self._weights, relative, self.config.step_unit, tuple(state), tuple(birth), tuple(evidence), tuple(encoder),
            tuple(noise), rate, propagate, main, states, self._track, self._scratch,
        )  # fmt: skip
        return RollOut._make([*main, MotionState._make(states)])

    def source_kl(self, roll: RollOut) -> float:
        """See dvae.tracking.motion.rollout."""
        return source_kl(roll)
