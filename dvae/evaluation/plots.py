"""Pictures that the command lines write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dvae.files import make_folder, whole_file

if TYPE_CHECKING:
    from dvae.signal.audio_file import Audio

PICTURES = (".png", ".pdf", ".svg", ".jpg")


def check_picture(path: Path) -> None:
    """ValueError unless the name is one of a picture; OSError when its folder cannot be made."""
    if path.suffix.lower() not in PICTURES:
        raise ValueError(f"expected a picture ({', '.join(PICTURES)}), got {path}")
    make_folder(path.parent)


def plot_spectrograms(path: Path, waveforms: dict[str, Audio], columns: int = 2, sample_rate: int = 16000) -> None:
    """One spectrogram for each waveform (S,), over a range of 60 dB below its peak, with its title."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from dvae.signal.stft import STFT

    stft = STFT(sample_rate=sample_rate)
    rows = -(-len(waveforms) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(5 * columns, 1.9 * rows), sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(waveforms) :]:
        axis.set_visible(False)
    for axis, (title, waveform) in zip(axes.flat, waveforms.items(), strict=False):
        level = 20 * np.log10(np.abs(stft.analyse(waveform)) + 1e-9)
        extent = (0.0, len(level) * stft.hop_length / sample_rate, 0.0, sample_rate / 2000)
        top = float(level.max())
        axis.imshow(level.T, origin="lower", aspect="auto", extent=extent, vmin=top - 60, vmax=top, cmap="magma")
        axis.set_title(title, fontsize=9)
    for axis in axes[:, 0]:
        axis.set_ylabel("kHz")
    for axis in axes[-1]:
        axis.set_xlabel("s")
    make_folder(path.parent)
    with whole_file(path) as stream:
        figure.savefig(stream, dpi=110, format=path.suffix[1:].lower())
    plt.close(figure)
