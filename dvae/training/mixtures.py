"""The mixtures of a recipe, for training and for validation."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from dvae.data.crops import AudioCrops
from dvae.data.mixtures import MixtureSource
from dvae.signal.audio_file import read_each, read_mono
from dvae.training.recipe_data import MixtureData, audio_files

SAMPLE_RATE = 16000


def mixture_sources(data: MixtureData, data_root: Path | None, augment: bool) -> tuple[MixtureSource, MixtureSource]:
    """Sources for training and for validation; only the former is augmented, with other speeds and with rooms too."""
    train, valid = (_mixtures(data, data_root, split, augment and split == "train") for split in ("train", "valid"))
    return train, valid


def _mixtures(data: MixtureData, data_root: Path | None, split: str, augment: bool) -> MixtureSource:
    def crops(kind: str, speeds: tuple[float, ...], trim_db: float | None) -> AudioCrops:
        files = audio_files(data_root, data, f"{kind}_{split}")
        return AudioCrops(files, SAMPLE_RATE, trim_db, speeds if augment else (1.0,))

    rooms = (
        read_each(partial(read_mono, sample_rate=SAMPLE_RATE), audio_files(data_root, data, "rooms_train"))
        if (augment and data.rooms_train)
        else []
    )
    return MixtureSource(
        crops("speech", data.speech_speeds, 30.0),
        crops("noise", data.noise_speeds, None),
        (data.snr_db[0], data.snr_db[1]),
        augment,
        data.clean_fraction,
        data.room_fraction,
        rooms,
    )
