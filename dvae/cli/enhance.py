"""dvae-enhance IN OUT"""

from __future__ import annotations

import argparse
import errno
import logging
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from tqdm import tqdm

from dvae.cli.common import PART_FAILED, add_enhancer_options, one_line, run_command
from dvae.files import identity, keep_inputs, make_folder, printable
from dvae.signal.audio_file import (
    WRITTEN,
    Audio,
    encode,
    holding_subtype,
    read_recording,
    resample,
    write_audio,
    written_format,
)
from dvae.signal.audio_folder import find_audio, is_audio
from dvae.signal.sample_scale import SampleScale

if TYPE_CHECKING:
    from dvae.enhancement.streaming import StreamingEnhancer

logger = logging.getLogger(__name__)
BLOCK_SECONDS = 1.0
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)  # the next file would meet them too


def build_parser() -> argparse.ArgumentParser:
    """The options of dvae-enhance."""
    parser = argparse.ArgumentParser(
        prog="dvae-enhance",
        description="Remove noise from speech. Reads audio of any rate and number of channels; writes "
        f"{' '.join(WRITTEN)} with the same rate, channels, length and, where the format has them, bits of a sample. "
        "Each channel is enhanced by itself; above 8 kHz nothing is left. A folder is done to its end: what could not "
        "be is named, and the exit status is 1.",
        epilog="example: dvae-enhance noisy.wav clean.wav    or, for every file below a folder: dvae-enhance IN/ OUT/",
    )
    parser.add_argument("source", type=Path, metavar="IN", help="an audio file, or a folder of them")
    parser.add_argument("target", type=Path, metavar="OUT", help="the file to write, or the folder when IN is one")
    add_enhancer_options(parser)
    parser.add_argument(
        "--min-gain", type=float, default=0.02, help="what noise is left with, 0 to 1 (default: %(default)s)"
    )
    return parser


class Plan(NamedTuple):
    """Inputs with their outputs; a line for each file of sound that is left out; a line for what is no sound."""

    pairs: list[tuple[Path, Path]]
    left_out: list[str]
    others: list[str]


def command(arguments: argparse.Namespace) -> int:
    """Enhance as the arguments say; the exit status."""
    plan = make_plan(arguments.source, arguments.target)
    from dvae.configuration import from_mapping
    from dvae.enhancement.streaming import EnhancerSettings, StreamingEnhancer
    from dvae.threads import use_one_thread

    use_one_thread()
    settings = from_mapping(EnhancerSettings, {"min_gain": arguments.min_gain})
    enhancer = StreamingEnhancer.load(arguments.model or arguments.preset, settings)
    if not arguments.source.is_dir():
        print(one_line(enhance_file(enhancer, *plan.pairs[0])), file=sys.stderr)  # stdout may be OUT
        return 0
    make_folder(arguments.target)
    failed = [*plan.left_out, *enhance_all(enhancer, plan.pairs)]
    num_done = len(plan.pairs) + len(plan.left_out) - len(failed)
    summary = f"dvae-enhance: {num_done} file{'s' * (num_done != 1)} enhanced"
    summary += f", {len(failed)} not:" if failed else ""
    for line in [*plan.others, summary, *failed]:
        print(line, file=sys.stderr)
    return PART_FAILED if failed else 0


def make_plan(source: Path, target: Path) -> Plan:
    """What to do; ValueError when the two do not go together, or when the input would be overwritten."""
    keep_inputs(target, [source])
    if not source.is_dir():
        if not source.exists():
            raise ValueError(f"expected an audio file or a folder, got {source}, which does not exist")
        target = target / written_name(Path(source.name)) if target.is_dir() else target
        written_format(target)
        keep_inputs(target, [source])
        return Plan([(source, target)], [], [])
    if target.is_file() or (is_audio(target) and not target.is_dir()):
        raise ValueError(f"expected a folder for OUT, because IN is one, got the name of a file, {target}")
    found = find_audio(source, without=target)
    found.expect_files()
    pairs = [(path, target / written_name(path.relative_to(source))) for path in found.files]
    return Plan(pairs, found.words_left_out(), found.words_others())


def written_name(path: Path) -> Path:
    """The name, with .wav behind it where files of its kind are not written."""
    return path if path.suffix.lower() in WRITTEN else path.with_name(f"{path.name}.wav")


def enhance_all(enhancer: StreamingEnhancer, pairs: list[tuple[Path, Path]]) -> list[str]:
    """Enhance each file that can be; a line for each that could not. OSError when the disk takes no more."""
    failed: list[str] = []
    kept = {identity(source): str(source) for source, _ in pairs}  # what no output replaces: inputs, and other outputs
    for source, target in pairs:
        enhancer.reset()
        try:
            same = identity(target)
            if same is not None and same in kept:
                raise ValueError(f"{source}: expected an output of its own, got {target}, which is {kept[same]}")
            enhance_file(enhancer, source, target)
            kept[identity(target)] = f"the output of {source}"
        except MemoryError:
            failed.append(one_line(f"{source}: not enough memory"))
        except (ValueError, OSError) as error:
            if isinstance(error, OSError) and error.errno in DISK_ERRORS:
                raise
            failed.append(one_line(error))
    return failed


def enhance_file(enhancer: StreamingEnhancer, source: Path, target: Path) -> str:
    """One file; what became of it, for people. ValueError when it cannot be read, or the format of `target` cannot hold
    it; OSError when that cannot be written."""
    if not target.parent.is_dir():  # that of a device need not be writable
        make_folder(target.parent)
    samples, rate, subtype = read_recording(source)
    samples = without_errors(samples, rate, source)
    kept = holding_subtype(target, subtype)
    encode(samples[:, :0], rate, written_format(target), kept, target)  # what it cannot hold is known before the work
    channels = [enhance_channel(enhancer, channel, rate, source.name) for channel in samples]
    write_audio(target, np.stack(channels), rate, kept)
    return f"{target}: {samples.shape[1] / rate:.1f} s, {len(samples)} channel(s), {rate} Hz, {kept}"


def without_errors(samples: Audio, rate: int, source: Path) -> Audio:
    """Channels (C, S) with silence for single samples far above all others, such as a float of 1e25, which are counted
    in the log."""
    known = SampleScale(rate)
    known.admit(samples)  # learns the scale: integers as floats are none
    samples, num_wrong, _ = known.admit(samples)
    if num_wrong:
        logger.warning("%s: %d samples far above the others are taken as silence", printable(source), num_wrong)
    return samples


def enhance_channel(enhancer: StreamingEnhancer, waveform: Audio, rate: int, name: str) -> Audio:
    """One channel (S,) at `rate` Hz -> the same, enhanced, by the streaming enhancer, with a progress bar.

    A channel beyond full scale (integers as floats) or far below is scaled by a power of two on its way: floors inside
    are made for what microphones record."""
    scale = near_full_scale(waveform)
    target_rate = enhancer.stft.sample_rate
    resampled = resample(waveform * scale, rate, target_rate)
    block = int(BLOCK_SECONDS * target_rate)
    starts = tqdm(range(0, resampled.size, block), desc=printable(name), unit="s", leave=False, disable=None)
    enhanced = [enhancer.feed(resampled[first : first + block]) for first in starts]
    back = resample(np.concatenate([*enhanced, enhancer.flush()]), target_rate, rate)
    return np.pad(back / scale, (0, max(0, waveform.size - back.size)))[: waveform.size]


def near_full_scale(waveform: Audio) -> np.float32:
    """The power of two that brings the peak between a half and 1; 1 for a peak from 1/64 to 1, and for silence."""
    peak = float(np.abs(waveform).max(initial=0.0))
    exponent = 0 if peak == 0.0 or 1 / 64 <= peak <= 1.0 else -math.ceil(math.log2(peak))
    return np.float32(2.0 ** min(max(exponent, -126), 126))


def main() -> int:
    """Entry point."""
    return run_command(command, build_parser())


if __name__ == "__main__":
    raise SystemExit(main())
