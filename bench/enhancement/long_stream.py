"""Hours of a robot's audio through the enhancer node's pipeline: nothing is lost and nothing grows.

python bench/enhancement/long_stream.py [--hours 24]

Chunks of changing size, jitter of the stamps, a clock that drifts by 50 ppm, lost chunks, gaps of seconds, a change of
the format every twenty minutes. Counts every sample: those out must be those in, resampled, and silence for lost ones.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from tqdm import tqdm

from dvae.signal.audio_file import read_mono, resample
from dvae.threads import use_one_thread
from dvae_nodes.lifecycle.pipeline import Settings
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.enhancer import EnhancerNodeConfig, EnhancerPipeline
from dvae_nodes.wire import audio

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo"))
from make_bag import audio_types

SPEECH = Path(__file__).resolve().parents[2] / "test" / "data" / "demo_speech_noisy.flac"
FORMATS = [(16000, 1), (48000, 2), (44100, 1)]


def memory() -> float:
    """Resident MiB now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--preset", default="low_latency")
    arguments = parser.parse_args()
    use_one_thread()
    types = audio_types(portaudio=False)
    log: list[str] = []
    settings = Settings(EnhancerNodeConfig(preset=arguments.preset))
    pipeline = EnhancerPipeline(types, settings, Reporter(log.append))
    speech = {rate: audio.to_int16(resample(read_mono(SPEECH, 16000), 16000, rate)) for rate, _ in FORMATS}
    rng, clock, began = np.random.default_rng(1), 0.0, time.perf_counter()
    expected = received = 0.0
    rate, channels, drift, next_format = 16000, 1, 50e-6, 0.0
    events = {"chunks": 0, "lost chunks": 0, "gaps": 0, "formats": 0}
    history: list[float] = []

    def take(outputs: list[Any]) -> None:
        nonlocal received
        received += sum(len(o.message.audio.data) // 2 for o in outputs if o.topic == "audio/enhanced")

    bar = tqdm(total=round(arguments.hours, 2), unit="h", bar_format="{l_bar}{bar}| {n:.2f}/{total} h [{elapsed}]")
    end = 3600 * arguments.hours
    while clock < end:
        if clock >= next_format:
            rate, channels = FORMATS[events["formats"] % len(FORMATS)]
            info = SimpleNamespace(channels=channels, sample_rate=rate, sample_format="S16LE", coding_format="wave")
            take(pipeline.on_audio_info(info, 0))
            events["formats"] += 1
            next_format += 1200.0
        count = int(rng.integers(rate // 100, rate // 15))
        first = int(rng.integers(speech[rate].size - count))
        data = np.repeat(speech[rate][first : first + count], channels).astype("<i2").tobytes()
        stamp = clock * (1 + drift) + float(rng.normal(0, 5e-4))
        kind = rng.random()
        if kind < 2e-5:  # nobody sends for a while
            clock += float(rng.uniform(1.0, 20.0))
            events["gaps"] += 1
            continue
        clock += count / rate
        if kind < 1e-3 and count / rate > 0.02:
            events["lost chunks"] += 1
            lost = True
        else:
            lost = False
            header = SimpleNamespace(stamp=stamp_message(stamp + 1.0), frame_id="mic")
            take(pipeline.on_audio(SimpleNamespace(header=header, audio=SimpleNamespace(data=data)), 0))
            events["chunks"] += 1
        expected += count * 16000 / rate if not lost else 0.0
        if events["chunks"] % 20000 == 0:
            history.append(memory())
            bar.update(round(clock / 3600 - bar.n, 3))
    take(pipeline.close())
    bar.close()
    seconds = time.perf_counter() - began
    print(", ".join(f"{count} {name}" for name, count in events.items()) + f" in {arguments.hours:g} h of audio")
    silence = received - expected
    print(f"samples in (at 16 kHz) {expected:.0f}, out {received:.0f}; silence for lost chunks {silence:.0f}")
    history.append(memory())
    print(f"memory at the start {history[0]:.1f} MiB, at the end {history[-1]:.1f} MiB; RTF {seconds / end:.4f}")
    for line in log[:8]:
        print("reported:", line)
    if received < expected:
        raise SystemExit("samples were lost")


def stamp_message(seconds: float) -> Any:
    """builtin_interfaces/msg/Time."""
    whole = int(seconds)
    return SimpleNamespace(sec=whole, nanosec=int((seconds - whole) * 1e9))


if __name__ == "__main__":
    main()
