"""What the w of a whole sequence holds: exchange it between a low and a high voice and measure the pitch.

X. Lin (2024), figure 7.3 shows spectrograms of such an exchange; the pitch puts a number to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from dvae.evaluation.griffin_lim import griffin_lim, num_samples_of
from dvae.evaluation.resynthesis import normalised_power
from dvae.models.hit_dvae import HiTDVAE
from dvae.models.networks.emission import expectation
from dvae.signal.audio_file import Audio
from dvae.signal.stft import STFT, Array
from dvae.signal.voice_features import median_pitch


class VoicesRow(NamedTuple):
    """Median pitch in Hz of some voices: as they are, resynthesised, and with the w of the others."""

    voices: str
    original: float
    own_w: float
    others_w: float


class Exchange(NamedTuple):
    """Low and high voices; moved: the part of the way to the pitch of the other, median of all voices, 1 for all of it;
    sounds: name of the version -> waveforms (2 N, S), low voices first."""

    rows: list[VoicesRow]
    moved: float
    sounds: dict[str, Array]


def opposite_voices(speech: Sequence[Audio], most: int, num_frames: int) -> Array:
    """The beginnings (2 N, S) of the N lowest voices, from below, and of the N highest, from above.

    N is `most`, or half of all. ValueError unless two utterances have so many frames and a pitch.
    """
    stft = STFT()
    num_samples = num_samples_of(num_frames, stft)
    long = [waveform[:num_samples] for waveform in speech if waveform.size >= num_samples]
    pitches = [median_pitch(waveform, stft.sample_rate) for waveform in long]
    voices = sorted((pitch, i) for i, pitch in enumerate(pitches) if np.isfinite(pitch))
    pairs = min(most, len(voices) // 2)
    if not pairs:
        raise ValueError(f"expected two voices of {num_frames} frames or more, got {len(voices)}")
    return np.stack([long[i] for _, i in [*voices[:pairs], *voices[: -pairs - 1 : -1]]])


@torch.inference_mode()
def exchange_w(model: HiTDVAE, voices: Array) -> Exchange:
    """Voices (2 N, S) as `opposite_voices` gives them, through the model, each low one with the w of a high one too."""
    stft, pairs = STFT(), len(voices) // 2
    data = torch.from_numpy(np.stack([normalised_power(stft.analyse(waveform))[0] for waveform in voices]))
    latents = model.encode(data)
    assert latents.w is not None
    exchanged = torch.roll(latents.w, pairs, 0)  # low voices get the w of high ones, and the other way round
    sounds = {"original": voices}
    for title, w in (("own w", latents.w), ("other's w", exchanged)):
        magnitude = np.sqrt(expectation(model.decode(latents.z, None, w)).numpy())
        sounds[title] = griffin_lim(magnitude, stft, np.random.default_rng(1))
    pitches = {
        title: np.array([median_pitch(waveform, stft.sample_rate) for waveform in waveforms])
        for title, waveforms in sounds.items()
    }
    rows = [
        VoicesRow(name, *(finite_median(values[part]) for values in pitches.values()))
        for name, part in (("low voices", slice(0, pairs)), ("high voices", slice(pairs, None)))
    ]
    own, other = pitches["own w"], pitches["other's w"]
    moved = finite_median(np.log(other / own) / np.log(np.roll(own, pairs) / own))
    return Exchange(rows, moved, sounds)


def finite_median(values: Array) -> float:
    """The median of what is a number; NaN where nothing is."""
    values = values[np.isfinite(values)]
    return float(np.median(values)) if values.size else float("nan")
