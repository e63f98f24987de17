"""Where quality is lost: parts of the enhancer replaced by the truth, on the fixed test set.

python bench/enhancement/oracle.py --data FOLDER [--preset quality]

The filter is v_s / (v_s + v_n) on the noisy phase. v_s is the prior's, driven by a posterior that hears the mixture;
with "clean posterior" the RVAE's own posterior drives it, from the clean speech: what is left then is the prior's
fault. True v_s and v_n are |s|^2 and |n|^2. The phase-sensitive gain is the best real gain there is.
"""

from __future__ import annotations

import numpy as np
import torch
from testset import print_table, program, read_mixtures, score_all
from tqdm import tqdm

from dvae.enhancement.config import PRESETS
from dvae.enhancement.model import Enhancer
from dvae.models.rvae import RVAE
from dvae.models.store.checkpoint import load_as
from dvae.signal.level import LevelTracker
from dvae.signal.stft import STFT


def main() -> None:
    parser = program(__doc__)
    parser.add_argument("--preset", choices=tuple(PRESETS), default="quality")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    enhancer = load_as(Enhancer, PRESETS[arguments.preset])
    prior = load_as(RVAE, "speech_rvae_streaming")
    stft, lookahead = STFT(synthesis_length=enhancer.config.synthesis_length), enhancer.config.lookahead_frames
    mixtures = list(read_mixtures(arguments.data))
    estimates: dict[str, list[np.ndarray]] = {}
    for mixture in tqdm(mixtures, unit="mixture"):
        noisy, clean = stft.analyse(mixture.noisy), stft.analyse(mixture.clean)
        level = LevelTracker().track(np.square(np.abs(noisy)).mean(-1)).astype(np.float32)[:, None]
        speech, noise = (torch.from_numpy(np.square(np.abs(x)) / level)[None] for x in (clean, noisy - clean))
        power = torch.from_numpy(np.square(np.abs(noisy)) / level)[None]
        with torch.inference_mode():
            found = enhancer(torch.nn.functional.pad(power, (0, 0, 0, lookahead)))
            by_clean = prior.speech_var(prior.encode(speech).z)
        parts = {
            "as it is": (found.speech_var, found.noise_var),
            "true v_n": (found.speech_var, noise),
            "true v_s": (speech, found.noise_var),
            "clean posterior": (by_clean, found.noise_var),
            "clean posterior, true v_n": (by_clean, noise),
            "true v_s, true v_n": (speech, noise),
        }
        gains = {name: (v_s / (v_s + v_n + 1e-9))[0].numpy() for name, (v_s, v_n) in parts.items()}
        ratio = (clean * noisy.conj()).real / (np.square(np.abs(noisy)) + 1e-12)
        gains["phase-sensitive gain"] = np.clip(ratio, 0.0, 1.0)
        for name, gain in gains.items():
            estimates.setdefault(name, []).append(stft.synthesise(noisy * gain, mixture.noisy.size))
    print_table(score_all(mixtures, estimates), {})


if __name__ == "__main__":
    main()
