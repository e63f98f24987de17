"""The demo's pictures, video and bag."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np
from make_bag import audio_types
from rosbags.rosbag2 import StoragePlugin, Writer

from dvae.signal.stft import STFT
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire import images

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def write_video(path: Path, frames: list[np.ndarray], fps: float) -> None:
    """Frames (H, W, 3) as mp4."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (width, height))
    for frame in frames:
        writer.write(frame)
    writer.release()


def contact_sheet(frames: list[np.ndarray], columns: int = 3, rows: int = 3) -> np.ndarray:
    """Frames spread evenly over time, in one picture."""
    chosen = [frames[i] for i in np.linspace(min(5, len(frames) - 1), len(frames) - 1, columns * rows).astype(int)]
    small = [cv2.resize(frame, (512, 384), interpolation=cv2.INTER_AREA) for frame in chosen]
    return np.vstack([np.hstack(small[r * columns : (r + 1) * columns]) for r in range(rows)])


def plot_spectrograms(
    path: Path, signals: dict[str, np.ndarray], rate: int, activity: list[tuple[float, float]]
) -> None:
    """One spectrogram for each signal, and below them the probability of speech (seconds, probability)."""
    figure, axes = plt.subplots(
        len(signals) + 1, 1, figsize=(11, 9), sharex=True, height_ratios=[3] * len(signals) + [1]
    )
    for axis, (name, waveform) in zip(axes, signals.items(), strict=False):
        power = np.square(np.abs(STFT().analyse(waveform))).T
        level = 10 * np.log10(power + 1e-10)
        extent = (0.0, waveform.size / rate, 0.0, rate / 2000)
        image = axis.imshow(level, origin="lower", aspect="auto", extent=extent, vmin=-80, vmax=-10, cmap="magma")
        axis.set_ylabel(f"{name}\nkHz")
        figure.colorbar(image, ax=axis, label="dB", pad=0.01)
    times, probabilities = zip(*activity, strict=True) if activity else ((), ())
    axes[-1].plot(times, probabilities, linewidth=1)
    axes[-1].set(ylim=(0, 1), ylabel="p(speech)", xlabel="s")
    figure.colorbar(plt.cm.ScalarMappable(), ax=axes[-1], pad=0.01).ax.set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def write_bag(path: Path, received: dict[str, list[tuple[float, Any]]], kinds: dict[str, str]) -> None:
    """What the nodes published, with images as JPEG to keep it small (mcap: ros2 bag play, Foxglove)."""
    from rclpy.serialization import serialize_message

    portaudio = kinds["/audio/enhanced"].endswith("AudioStamped")
    types = audio_types(portaudio)
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        jpeg = "sensor_msgs/msg/CompressedImage"
        image_topic = writer.add_connection("/image/annotated/compressed", jpeg, typestore=types.store)
        others = {
            t: writer.add_connection(t, k, typestore=types.store) for t, k in kinds.items() if "annotated" not in t
        }
        for topic, messages in received.items():
            for _, message in messages:
                time = convert.stamp_to_nanoseconds(message.header.stamp)
                if topic in others:
                    writer.write(others[topic], time, serialize_message(message))
                    continue
                _, data = cv2.imencode(".jpg", images.image_from_message(message))
                header = convert.make_header(types, time, message.header.frame_id)
                small = types.make(jpeg, header=header, format="jpeg", data=data.reshape(-1))
                writer.write(image_topic, time, types.store.serialize_cdr(small, jpeg))
