"""How sure it is that somebody is heard from a direction: a logistic regression on what the methods of finding
directions and the speech detector say.

The coefficients were fitted in simulated rooms (nobody, or one to three people who talk; reverberation 0.2 to 0.7 s;
robot's noise at 0 to 20 dB) by `python bench/audiovisual/directions.py --fit`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dvae.arrays.directions import Directions

Array = NDArray[np.float64]

# constant, log share, share, log share relative to the first, log odds of speech now and around, log mass
COEFFICIENTS = {
    "subband": (2.718, 2.898, 1.222, -0.564, 0.164, 0.444, 0.023),
    "srp": (8.394, 3.795, -6.698, 2.933, 0.137, 0.439, 2.492),
}


def evidence(found: Directions, speech: float, speech_around: float) -> Array:
    """What tells that somebody is heard from each of K directions, (K, 6), in the order of COEFFICIENTS.

    speech, speech_around: probability of speech in the middle of the moment, and its mean over the moment.
    """
    share = found.share
    everywhere = np.array([log_odds(speech), log_odds(speech_around), np.log(found.mass + 1e-3)])
    own = [np.log(share + 0.01), share, np.log(share / max(share.max(initial=0.0), 1e-9) + 0.05)]
    return np.column_stack([*own, np.tile(everywhere, (share.size, 1))])


def log_odds(probability: float) -> float:
    """Log odds of a probability that is kept from 0 and 1."""
    kept = min(max(probability, 1e-3), 1.0 - 1e-3)
    return float(np.log(kept / (1.0 - kept)))


def heard_probability(method: str, found: Directions, speech: float, speech_around: float) -> Array:
    """The probability (K,) that somebody is heard from each direction that `method` found."""
    constant, *slopes = COEFFICIENTS[method]
    return np.asarray(1.0 / (1.0 + np.exp(-(constant + evidence(found, speech, speech_around) @ np.array(slopes)))))
