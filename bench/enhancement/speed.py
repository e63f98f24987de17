"""Cost of the streaming enhancer, single-threaded: real-time factor, time per hop, start-up, memory.

python bench/enhancement/speed.py
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from dvae.enhancement.config import PRESETS
from dvae.enhancement.streaming import StreamingEnhancer
from dvae.evaluation.table import Table
from dvae.signal.audio_file import read_mono
from dvae.threads import use_one_thread

SPEECH = Path(__file__).resolve().parents[2] / "test" / "data" / "demo_speech_noisy.flac"
HOP = 256
TABLE = Table("{preset:12}{latency ms:11.0f}{RTF:8.4f}{p50 ms:8.2f}{p99 ms:8.2f}{load s:8.2f}{peak MiB:10.0f}")


def measure(preset: str) -> None:
    """One row, of a process of its own, so that memory and start-up are those of this preset alone."""
    use_one_thread()
    waveform = np.tile(read_mono(SPEECH, 16000), 3)
    began = time.perf_counter()
    enhancer = StreamingEnhancer.load(preset)
    enhancer.feed(waveform[:HOP])
    start = time.perf_counter() - began
    enhancer.reset()
    times = []
    for first in range(0, waveform.size - HOP, HOP):
        began = time.perf_counter()
        enhancer.feed(waveform[first : first + HOP])
        times.append(time.perf_counter() - began)
        enhancer.pop_activity()
    p50, p99 = 1e3 * np.percentile(times, [50, 99])
    factor = sum(times) / (len(times) * HOP / 16000)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    latency = 1e3 * enhancer.latency_seconds
    print(TABLE.row(preset, latency, factor, p50, p99, start, memory))


def main() -> None:
    """One row for each preset."""
    if len(sys.argv) > 1:
        measure(sys.argv[1])
        return
    print(TABLE.header, flush=True)
    for preset in PRESETS:
        began = time.perf_counter()
        subprocess.run([sys.executable, __file__, preset], check=True)
        print(f"{'':12}whole process with imports {time.perf_counter() - began:.2f} s", flush=True)


if __name__ == "__main__":
    main()
