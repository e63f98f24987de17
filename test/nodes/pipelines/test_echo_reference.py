"""What the loudspeaker plays, by its time."""

from __future__ import annotations

import numpy as np
from live_messages import SECOND

from dvae.signal.audio_input import AudioFormat
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.echo_reference import EchoReference
from dvae_nodes.wire import audio


def test_a_reference_without_stamps_keeps_its_place_though_it_comes_late(rng: np.random.Generator) -> None:
    """Chunks of 32 ms that come up to 60 ms late, or all of half a second at once: each sample where it was played."""
    sound = rng.uniform(-0.5, 0.5, 48000).astype(np.float32)
    for burst in (False, True):
        reference, received = EchoReference(16000, Reporter(print)), 0.0
        for first in range(0, 47616, 512):
            begin = first / 16000
            late = 0.19 - begin % 0.19 if burst else float(rng.uniform(0, 0.06)) if first else 0.0
            received = max(received, 20 + begin + late)
            data = audio.AudioChunk(
                sound[None, first : first + 512], None, None, "", audio.DATA, round(received * SECOND)
            )
            reference.add(data, AudioFormat(16000, 1))
        taken = reference.take(21 * SECOND, 16000)
        shifts = [np.dot(taken, sound[16000 + k : 32000 + k]) for k in range(-800, 800)]
        assert abs(int(np.argmax(shifts)) - 800) <= 480  # where it is found is within the jitter of its stamps
        assert max(shifts) > 0.8 * np.dot(taken, taken)


def test_a_loud_sample_and_a_stamp_of_zero_of_the_reference_are_said() -> None:
    log: list[str] = []
    reference = EchoReference(16000, Reporter(log.append))
    samples = np.full((1, 1600), 0.5, dtype=np.float32)
    samples[0, 7] = 1e25
    reference.add(audio.AudioChunk(samples, None, None, "", audio.STAMPED, 10 * SECOND), AudioFormat(16000, 1))
    assert np.abs(reference.take(10 * SECOND, 1600)).max() == 0.5
    assert [line.split(",")[0] for line in log] == [
        "reference: expected stamps that advance",
        "reference: expected samples in [-1",
    ]


def test_reference_keeps_its_clock_over_gaps_and_jumps() -> None:
    reference = EchoReference(16000, Reporter(print))
    ramp = np.arange(1600, dtype=np.float32) / 1600

    def add(stamp: int) -> None:
        reference.add(audio.AudioChunk(ramp[None], None, stamp, "", audio.STAMPED), AudioFormat(16000, 1))

    add(10 * SECOND)
    add(10 * SECOND + 105_000_000)  # 5 ms late: jitter
    add(11 * SECOND)  # a gap
    assert reference.take(10 * SECOND, 3200).tolist() == [*ramp, *ramp]
    assert not reference.take(10 * SECOND + 500_000_000, 100).any()
    assert reference.take(11 * SECOND, 1600).tolist() == ramp.tolist()
    add(3 * SECOND)  # a looped bag
    assert reference.take(3 * SECOND, 1600).tolist() == ramp.tolist()
    assert not reference.take(100 * SECOND, 10).any()
