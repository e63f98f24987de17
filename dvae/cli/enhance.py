"""dvae-enhance IN OUT"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from dvae.cli.common import add_enhancer_options, run_command
from dvae.signal.audio_file import Audio, list_audio, read_audio, resample, write_audio

if TYPE_CHECKING:
    from dvae.enhancement.streaming import StreamingEnhancer

BLOCK_SECONDS = 1.0
WRITTEN = (".wav", ".flac")  # without loss


def build_parser() -> argparse.ArgumentParser:
    """The options of dvae-enhance."""
    parser = argparse.ArgumentParser(
        prog="dvae-enhance",
        description="Remove noise from speech. Reads audio of any rate and number of channels; writes WAV or FLAC "
        "with the same rate, channels and length. Each channel is enhanced by itself; above 8 kHz nothing is left.",
        epilog="example: dvae-enhance noisy.wav clean.wav    or, for every file below a folder: dvae-enhance IN/ OUT/",
    )
    parser.add_argument("source", type=Path, metavar="IN", help="an audio file, or a folder of them")
    parser.add_argument("target", type=Path, metavar="OUT", help="the file to write, or the folder when IN is one")
    add_enhancer_options(parser)
    parser.add_argument(
        "--min-gain", type=float, default=0.02, help="what noise is left with, 0 to 1 (default: %(default)s)"
    )
    return parser


def command(arguments: argparse.Namespace) -> None:
    """Enhance as the arguments say."""
    pairs = file_pairs(arguments.source, arguments.target)
    from dvae.configuration import from_mapping
    from dvae.enhancement.streaming import EnhancerSettings, StreamingEnhancer
    from dvae.threads import use_one_thread

    use_one_thread()
    settings = from_mapping(EnhancerSettings, {"min_gain": arguments.min_gain})
    enhancer = StreamingEnhancer.load(arguments.model or arguments.preset, settings)
    for source, target in pairs:
        samples, rate = read_audio(source)
        if not samples.size:
            raise ValueError(f"expected audio, got an empty file: {source}")
        if not np.isfinite(samples).all():
            raise ValueError(f"expected finite samples, got NaN or infinity in {source}")
        channels = [enhance_channel(enhancer, channel, rate, source.name) for channel in samples]
        target.parent.mkdir(parents=True, exist_ok=True)
        write_audio(target, np.stack(channels), rate)


def enhance_channel(enhancer: StreamingEnhancer, waveform: Audio, rate: int, name: str) -> Audio:
    """One channel (S,) at `rate` Hz -> the same, enhanced, by the streaming enhancer, with a progress bar."""
    target_rate = enhancer.stft.sample_rate
    resampled = resample(waveform, rate, target_rate)
    block = int(BLOCK_SECONDS * target_rate)
    starts = tqdm(range(0, resampled.size, block), desc=name, unit="s", leave=False)
    enhanced = [enhancer.feed(resampled[first : first + block]) for first in starts]
    back = resample(np.concatenate([*enhanced, enhancer.flush()]), target_rate, rate)
    return np.pad(back, (0, max(0, waveform.size - back.size)))[: waveform.size]


def file_pairs(source: Path, target: Path) -> list[tuple[Path, Path]]:
    """Input and output files; ValueError when the two do not go together."""
    if source.is_dir():
        if target.is_file():
            raise ValueError(f"expected a folder for OUT, because IN is one, got the file {target}")
        return [(path, target / written_name(path.relative_to(source))) for path in list_audio(source)]
    if not source.is_file():
        raise ValueError(f"expected an audio file or a folder, got {source}, which does not exist")
    if target.is_dir():
        return [(source, target / written_name(Path(source.name)))]
    if target.suffix.lower() not in WRITTEN:
        raise ValueError(f"expected OUT to end in {' or '.join(WRITTEN)}, got {target.name}")
    return [(source, target)]


def written_name(path: Path) -> Path:
    """The name, with .wav behind it where files of its kind are not written."""
    return path if path.suffix.lower() in WRITTEN else path.with_name(f"{path.name}.wav")


def main() -> int:
    """Entry point."""
    return run_command(command, build_parser())


if __name__ == "__main__":
    raise SystemExit(main())
