"""How well the speech prior describes what it never heard: speech, and noise that it should not describe.

python bench/enhancement/prior.py --data FOLDER

Itakura-Saito divergence a frame (513 bins) of the RVAE's reconstruction, lower is better, and nats of latent
information.
"""

from __future__ import annotations

import numpy as np
import torch
from testset import program

from dvae.distributions.gaussian import kl_to_standard_normal
from dvae.distributions.itakura_saito import itakura_saito
from dvae.evaluation.table import Table
from dvae.models.rvae import RVAE
from dvae.models.store.checkpoint import load_as
from dvae.signal.audio_file import read_mono
from dvae.signal.audio_folder import list_audio
from dvae.signal.stft import STFT


def main() -> None:
    parser = program(__doc__)
    parser.add_argument("--model", default="speech_rvae")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, stft = load_as(RVAE, arguments.model), STFT()
    table = Table("{:14} {Itakura-Saito a frame:21.0f} {latent nats:12.1f}")
    print(table.header)
    for folder in ("speech/valid", "speech/test", "noise/valid", "noise/test"):
        fits, nats = [], []
        for path in list_audio(arguments.data / folder)[:14]:
            power = torch.from_numpy(np.square(np.abs(stft.analyse(read_mono(path, 16000)[:96000]))))[None]
            power = power / power.mean()
            with torch.inference_mode():
                z, posterior, *_ = model.encode(power)
                fits.append(float(itakura_saito(power + model.config.floor, model.speech_var(z)).mean()))
                nats.append(float(kl_to_standard_normal(posterior).sum(-1).mean()))
        print(table.row(folder, np.mean(fits), np.mean(nats)))


if __name__ == "__main__":
    main()
