"""Cost of the next frame of HiT-DVAE at its published size: with keys and values kept, and by running the whole again.

python bench/models/generation.py
"""

from __future__ import annotations

import argparse
import time

import torch

from dvae.evaluation.table import Table
from dvae.models.hit_dvae import HiTDVAE, HiTDVAEConfig


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=[50, 100, 200, 400, 800, 1600])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    model = HiTDVAE(HiTDVAEConfig()).eval()
    generator = torch.Generator().manual_seed(1)
    w = torch.randn(1, model.config.global_size, generator=generator)
    state, previous = model.initial_state(1, w), torch.zeros(1, 513)
    table = Table("{frames before:13d} {next, kept, ms:14.2f} {whole again, ms:15.1f} {ratio:7.1f} {kept MiB:8.1f}")
    print(table.header)
    recent: list[float] = []
    frames, latents = [], []
    for t in range(max(arguments.frames) + 1):
        began = time.perf_counter()
        result = model.step(state, previous, noise=torch.randn(1, 16, generator=generator))
        recent = [*recent[-9:], time.perf_counter() - began]
        state, previous = result.state, result.emission.variance  # type: ignore[union-attr]
        frames.append(previous)
        latents.append(result.z)
        if t in arguments.frames:
            data, z = torch.stack(frames, 1), torch.stack(latents, 1)
            began = time.perf_counter()
            densities = model.densities(z, data, w)
            whole = time.perf_counter() - began
            torch.testing.assert_close(densities.emission.variance[:, -1], previous, rtol=1e-3, atol=1e-4)  # type: ignore[union-attr]
            kept = sum(
                part.numel() * part.element_size()
                for layer in (*state.for_x, *state.for_z)
                for pair in layer
                for part in pair  # type: ignore[union-attr]
            )
            step = sorted(recent)[len(recent) // 2]
            print(table.row(t, 1e3 * step, 1e3 * whole, whole / step, kept / 2**20))


if __name__ == "__main__":
    main()
