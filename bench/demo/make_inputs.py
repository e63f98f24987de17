"""Makes the demo's inputs, test/data/demo_*, from the folder in DVAE_DATA: only needed to make them anew.

python bench/demo/make_inputs.py
"""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from scipy.signal import lfilter

from dvae.data.mixtures import mix_at_snr
from dvae.signal.audio_file import Audio, read_mono, write_audio

SAMPLE_RATE = 16000
FIRST_FRAME, NUM_FRAMES = 500, 150
UTTERANCE = "speech/test/libri_2817-142371-0000.flac"
SNR_DB = 5.0
TARGET = Path(__file__).resolve().parents[2] / "test" / "data"


def robot_noise(num_samples: int, rng: np.random.Generator) -> Audio:
    """A robot at work, synthetic: two motors whose speed wanders, with harmonics, and a fan (coloured noise)."""
    time = np.arange(num_samples) / SAMPLE_RATE
    noise = lfilter([1.0], [1.0, -0.95], rng.normal(size=num_samples))
    motors = np.zeros(num_samples)
    for base in (92.0, 147.0):
        wander = np.cumsum(lfilter([1e-4], [1.0, -0.9999], rng.normal(size=num_samples)))
        phase = 2 * np.pi * (base * time + 0.02 * wander)
        load = 1.0 + 0.5 * np.sin(2 * np.pi * 0.4 * time + base)
        motors += load * sum(np.sin(k * phase + rng.uniform(0, 6)) / k**0.7 for k in range(1, 25))
    mixed = noise / noise.std() + 1.2 * motors / motors.std()
    return np.asarray(mixed / mixed.std(), dtype=np.float32)


def main() -> None:
    """Write the video piece and the clean and noisy speech."""
    data = Path(os.environ["DVAE_DATA"])
    TARGET.mkdir(parents=True, exist_ok=True)
    video = cv2.VideoCapture(str(data / "video" / "vtest.avi"))
    fps = video.get(cv2.CAP_PROP_FPS)
    size = int(video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT))
    writer = cv2.VideoWriter(str(TARGET / "demo_video.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
    for index in range(FIRST_FRAME + NUM_FRAMES):
        _, frame = video.read()
        if index >= FIRST_FRAME:
            writer.write(frame)
    writer.release()
    speech = read_mono(data / UTTERANCE, SAMPLE_RATE)[: 14 * SAMPLE_RATE]
    mixture = mix_at_snr(speech, robot_noise(speech.size, np.random.default_rng(3)), SNR_DB)
    scale = 0.9 / np.abs(mixture.mixture).max()
    write_audio(TARGET / "demo_speech_clean.flac", scale * mixture.speech, SAMPLE_RATE)
    write_audio(TARGET / "demo_speech_noisy.flac", scale * mixture.mixture, SAMPLE_RATE)


if __name__ == "__main__":
    main()
