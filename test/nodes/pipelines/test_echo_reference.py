"""What the loudspeaker plays, by its time."""

from __future__ import annotations

import numpy as np
from live_messages import SECOND

from dvae.signal.audio_input import AudioFormat
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.echo_reference import EchoReference
from dvae_nodes.wire import audio


def test_reference_keeps_its_clock_over_gaps_and_jumps() -> None:
    reference = EchoReference(16000, Reporter(print))
    ramp = np.arange(1600, dtype=np.float32)

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
