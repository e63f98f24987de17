"""How well the speech prior describes what it never heard: speech, and noise that it should not describe.

python bench/enhancement/prior.py --data FOLDER

Itakura-Saito divergence a frame (513 bins) of the RVAE's reconstruction, lower is better, and nats of latent
information.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import torch

from dvae.distributions.gaussian import kl_to_standard_normal
from dvae.distributions.itakura_saito import itakura_saito
from dvae.models.rvae import RVAE
from dvae.models.store.checkpoint import load_model
from dvae.models.store.find import find_model
from dvae.signal.audio_file import list_audio, read_mono
from dvae.signal.stft import STFT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("DVAE_DATA"), required="DVAE_DATA" not in os.environ
    )
    parser.add_argument("--model", default="speech_rvae")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, stft = load_model(RVAE, find_model(arguments.model)), STFT()
    for folder in ("speech/valid", "speech/test", "noise/valid", "noise/test"):
        fits, nats = [], []
        for path in list_audio(Path(arguments.data) / folder)[:14]:
            power = torch.from_numpy(np.square(np.abs(stft.analyse(read_mono(path, 16000)[:96000]))))[None]
            power = power / power.mean()
            with torch.inference_mode():
                z, posterior, *_ = model.encode(power)
                fits.append(float(itakura_saito(power + model.config.floor, model.speech_var(z)).mean()))
                nats.append(float(kl_to_standard_normal(posterior).sum(-1).mean()))
        print(f"{folder:14} Itakura-Saito {np.mean(fits):6.0f} a frame, latent {np.mean(nats):5.1f} nats")


if __name__ == "__main__":
    main()
