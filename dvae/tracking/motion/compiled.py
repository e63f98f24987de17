"""The roll-out of dvae.tracking.motion.rollout for a TrajectorySRNN on a CPU, compiled with numba.

Measured by bench/tracking/speed.py: one loop over tracks and frames in compiled code, because with 4 to 16 units per
layer the time of torch or numpy is all call overhead.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.motion.rollout import Array, Birth, Evidence, MotionState, Noise, RollOut, source_kl


def _compiled(function: Any) -> Any:
    return numba.njit(cache=True, fastmath=False)(function)


@_compiled
def dense(weight: Array, bias: Array, values: Array, out: Array, squash: bool) -> None:
    """out = weight @ values + bias, through tanh when `squash`."""
    for i in range(weight.shape[0]):
        total = bias[i]
        for j in range(weight.shape[1]):
            total += weight[i, j] * values[j]
        out[i] = np.tanh(total) if squash else total


@_compiled
def lstm_step(
    weight_in: Array, weight_hidden: Array, bias: Array, values: Array, hidden: Array, cell: Array, gates: Array
) -> None:
    """One LSTM step in place (torch's gate order: input, forget, cell, output)."""
    size = hidden.shape[0]
    for i in range(4 * size):
        total = bias[i]
        for j in range(values.shape[0]):
            total += weight_in[i, j] * values[j]
        for j in range(size):
            total += weight_hidden[i, j] * hidden[j]
        gates[i] = total
    for i in range(size):
        keep = 1.0 / (1.0 + np.exp(-gates[size + i]))
        write = 1.0 / (1.0 + np.exp(-gates[i]))
        cell[i] = keep * cell[i] + write * np.tanh(gates[2 * size + i])
        hidden[i] = np.tanh(cell[i]) / (1.0 + np.exp(-gates[3 * size + i]))


@_compiled
def roll_out_kernel(
    w: Any,
    relative: bool,
    step_unit: float,
    state: Any,
    birth: Any,
    evidence: Any,
    encoder_source: Array,
    encode: NDArray[np.bool_],
    noise: Any,
    rate: Array,
    propagate: bool,
    out: Any,
) -> None:
    """Fill `out` (mean, variance, predicted mean and variance, kl, and the seven state arrays, leading axis T)."""
    hidden, cell, z, source, step_input, variance, missed = state
    birth_frame, birth_mean, birth_var = birth
    precision, information = evidence
    noise_z, noise_s = noise
    out_mean, out_var, out_pmean, out_pvar, out_kl, o_h, o_c, o_z, o_s, o_i, o_v, o_m = out
    num_frames, num_tracks, data = precision.shape
    size_h, size_z = hidden.shape[1], z.shape[1]
    (feature_w, feature_b, in_w, rec_w, lstm_b) = w[0:5]
    (q1_w, q1_b, q2_w, q2_b, qm_w, qm_b, qv_w, qv_b) = w[5:13]
    (p1_w, p1_b, p2_w, p2_b, pm_w, pm_b, pv_w, pv_b) = w[13:21]
    (e1_w, e1_b, em_w, em_b, ev_w, ev_b) = w[21:27]
    feature, gates = np.empty(data), np.empty(4 * size_h)
    joint = np.empty(size_h + data + size_z)
    q1, q2 = np.empty(q1_w.shape[0]), np.empty(q2_w.shape[0])
    p1, p2, e1 = np.empty(p1_w.shape[0]), np.empty(p2_w.shape[0]), np.empty(e1_w.shape[0])
    q_mean, q_lv, p_mean, p_lv = np.empty(size_z), np.empty(size_z), np.empty(size_z), np.empty(size_z)
    e_mean, e_lv, unit = np.empty(data), np.empty(data), np.ones(data)
    for n in range(num_tracks):
        h, c, latent, s = hidden[n].copy(), cell[n].copy(), z[n].copy(), source[n].copy()
        step, var, was_missed = step_input[n].copy(), variance[n].copy(), missed[n]
        for t in range(num_frames):
            born = birth_frame[n] == t
            kl = 0.0
            if birth_frame[n] > t:
                o_m[t, n] = 1.0
                continue
            if born:
                for d in range(data):
                    out_pmean[t, n, d], out_pvar[t, n, d] = birth_mean[n, d], birth_var[n, d]
            else:
                dense(feature_w, feature_b, step, feature, True)
                lstm_step(in_w, rec_w, lstm_b, feature, h, c, gates)
                if relative:
                    for d in range(data):
                        unit[d] = step_unit * rate[t] * max(s[2 + d % 2] - s[d % 2], 1e-6)
                joint[:size_h] = h
                joint[size_h : size_h + size_z] = latent
                prior_in = joint[: size_h + size_z]
                dense(p1_w, p1_b, prior_in, p1, True)
                dense(p2_w, p2_b, p1, p2, True)
                dense(pm_w, pm_b, p2, p_mean, False)
                dense(pv_w, pv_b, p2, p_lv, False)
                if encode[t, n]:
                    for d in range(data):
                        seen = encoder_source[t, n, d]
                        joint[size_h + d] = (seen - s[d]) / unit[d] if relative else seen
                    joint[size_h + data :] = latent
                    dense(q1_w, q1_b, joint, q1, True)
                    dense(q2_w, q2_b, q1, q2, True)
                    dense(qm_w, qm_b, q2, q_mean, False)
                    dense(qv_w, qv_b, q2, q_lv, False)
                    for i in range(size_z):
                        difference = q_mean[i] - p_mean[i]
                        ratio = np.exp(q_lv[i] - p_lv[i]) + difference * difference * np.exp(-p_lv[i])
                        kl += 0.5 * (p_lv[i] - q_lv[i] + ratio - 1.0)
                        latent[i] = q_mean[i] + np.exp(0.5 * q_lv[i]) * noise_z[t, n, i]
                else:
                    for i in range(size_z):
                        latent[i] = p_mean[i] + np.exp(0.5 * p_lv[i]) * noise_z[t, n, i]
                joint[:size_h] = h
                joint[size_h : size_h + size_z] = latent
                dense(e1_w, e1_b, joint[: size_h + size_z], e1, True)
                dense(em_w, em_b, e1, e_mean, False)
                dense(ev_w, ev_b, e1, e_lv, False)
                for d in range(data):
                    mean = s[d] + unit[d] * e_mean[d] if relative else e_mean[d]
                    spread = np.exp(e_lv[d]) * unit[d] * unit[d] if relative else np.exp(e_lv[d])
                    if propagate:
                        if was_missed > 0:
                            spread = (np.sqrt(var[d] + 1e-12) + np.sqrt(spread + 1e-12)) ** 2
                        else:
                            spread = var[d] + spread
                    out_pmean[t, n, d], out_pvar[t, n, d] = mean, spread
            total = 0.0
            for d in range(data):
                total += precision[t, n, d]
                var[d] = 1.0 / (precision[t, n, d] + 1.0 / out_pvar[t, n, d])  # eq. 3.18
                mean = var[d] * (information[t, n, d] + out_pmean[t, n, d] / out_pvar[t, n, d])  # eq. 3.19
                out_mean[t, n, d], out_var[t, n, d] = mean, var[d]
                drawn = mean + np.sqrt(var[d]) * noise_s[t, n, d]
                if born:
                    step[d] = 0.0 if relative else drawn
                else:
                    step[d] = (drawn - s[d]) / unit[d] if relative else drawn
                o_s[t, n, d] = drawn
            for d in range(data):
                s[d] = o_s[t, n, d]
            if born:
                h[:], c[:], latent[:] = 0.0, 0.0, 0.0
            was_missed = 0.0 if total > 0 else 1.0
            out_kl[t, n] = kl
            o_h[t, n], o_c[t, n], o_z[t, n], o_i[t, n], o_v[t, n] = h, c, latent, step, var
            o_m[t, n] = was_missed


class CompiledMotion:
    """A TrajectorySRNN ready for `roll_out` on the CPU, in double precision."""

    def __init__(self, model: TrajectorySRNN) -> None:
        self.config = model.config
        weights = {
            name: np.ascontiguousarray(value.detach().double().numpy()) for name, value in model.state_dict().items()
        }
        lstm = "recurrence.lstm."
        names = ["recurrence.features.0.weight", "recurrence.features.0.bias"]
        names += [lstm + "weight_ih_l0", lstm + "weight_hh_l0", "lstm_bias"]
        weights["lstm_bias"] = weights[lstm + "bias_ih_l0"] + weights[lstm + "bias_hh_l0"]
        for head, layers in (("posterior", (0, 2)), ("transition", (0, 2)), ("emission", (0,))):
            for layer in (*(f"trunk.{i}" for i in layers), "mean", "log_var"):
                names += [f"{head}.{layer}.weight", f"{head}.{layer}.bias"]
        self._weights = tuple(weights[name] for name in names)

    def roll_out(
        self,
        state: MotionState,
        birth: Birth,
        evidence: Evidence,
        encoder_source: Array,
        encode: NDArray[np.bool_],
        noise: Noise,
        rate: Array,
        propagate: bool,
    ) -> RollOut:
        """As `roll_out_torch`."""
        num_frames, num_tracks, data = evidence.precision.shape
        shape = (num_frames, num_tracks)
        main = [np.zeros((*shape, data)) for _ in range(4)] + [np.zeros(shape)]
        states = [np.zeros((num_frames, *part.shape)) for part in state]
        roll_out_kernel(
            self._weights,
            self.config.coordinates == "relative",
            self.config.step_unit,
            tuple(state),
            tuple(birth),
            tuple(evidence),
            encoder_source,
            encode,
            tuple(noise),
            rate,
            propagate,
            (*main, *states),
        )
        return RollOut._make([*main, MotionState._make(states)])

    def source_kl(self, roll: RollOut) -> float:
        """See dvae.tracking.motion.rollout."""
        return source_kl(roll)
