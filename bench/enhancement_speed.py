"""Cost of the streaming enhancer, single-threaded: real-time factor, time per hop, memory; step against whole sequence.

python bench/enhancement_speed.py
"""

from __future__ import annotations

import resource
import time
from pathlib import Path

import numpy as np
import torch

from dvae.enhancement.model import Enhancer
from dvae.enhancement.streaming import StreamingEnhancer
from dvae.models.checkpoint import load_model
from dvae.models.layers import num_parameters
from dvae.models.store import find_model
from dvae.signal.audio_file import read_mono

SPEECH = Path(__file__).resolve().parents[1] / "test" / "data" / "demo_speech_noisy.flac"
HOP = 256


def main() -> None:
    """Print the figures."""
    torch.set_num_threads(1)
    model = load_model(Enhancer, find_model("speech_enhancer"))
    waveform = np.tile(read_mono(SPEECH, 16000), 3)
    enhancer = StreamingEnhancer(model)
    enhancer.feed(waveform[:16000])
    enhancer.reset()
    times = []
    for first in range(0, waveform.size - HOP, HOP):
        began = time.perf_counter()
        enhancer.feed(waveform[first : first + HOP])
        times.append(time.perf_counter() - began)
    power = torch.rand(1, len(times) + model.config.lookahead_frames, model.config.num_bins)
    with torch.inference_mode():
        model(power)
        began = time.perf_counter()
        model(power)
    whole = time.perf_counter() - began
    p50, p99 = 1e3 * np.percentile(times, [50, 99])
    print(f"parameters                     {num_parameters(model):,}")
    print(f"algorithmic latency            {1e3 * enhancer.latency_seconds:.0f} ms")
    print(f"streaming, hop of 16 ms        p50 {p50:.2f} ms, p99 {p99:.2f} ms")
    print(f"real-time factor, streaming    {sum(times) / (len(times) * HOP / 16000):.3f}")
    print(f"real-time factor, whole file   {whole / (len(times) * HOP / 16000):.3f} (the model alone)")
    print(f"peak memory of the process     {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
