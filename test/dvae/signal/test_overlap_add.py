from __future__ import annotations

import numpy as np
import pytest

from dvae.signal.overlap_add import HopCutter, OverlapAdd
from dvae.signal.stft import STFT

FRONT_ENDS = [{}, {"synthesis_length": 512}, {"n_fft": 512, "hop_length": 128, "synthesis_length": 256}]


@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
@pytest.mark.parametrize("sizes", [[5000], [1, 700, 0, 256, 3], [512], [255]])
def test_hops_are_the_signal_whatever_the_chunks(
    sizes: list[int], leading: tuple[int, ...], rng: np.random.Generator
) -> None:
    signal, cutter = rng.normal(size=(*leading, 5000)).astype(np.float32), HopCutter(256, *leading)
    hops, first, turn = [], 0, 0
    while first < 5000:
        size = sizes[turn % len(sizes)]
        new = cutter.feed(signal[..., first : first + size])
        first, turn = min(5000, first + size), turn + 1
        hops += new
        assert len(hops) == first // 256  # nothing waits that could go
    assert {hop.shape for hop in hops} == {(*leading, 256)}
    np.testing.assert_array_equal(np.concatenate(hops, axis=-1), signal[..., : 256 * (5000 // 256)])


@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
@pytest.mark.parametrize("lengths", FRONT_ENDS)
def test_frames_come_back_as_the_signal_that_they_were(
    lengths: dict[str, int], leading: tuple[int, ...], rng: np.random.Generator
) -> None:
    stft = STFT(**lengths)
    signal = rng.normal(size=(*leading, 5000)).astype(np.float32)
    spectrogram = stft.analyse(signal)
    output, pieces = OverlapAdd(stft, *leading), []
    for t in range(spectrogram.shape[-2]):
        pieces.append(output.add(spectrogram[..., t, :]))
        # frame t ends with sample (t + 1) * hop: what lies synthesis_overlap before that is final
        final = max(0, (t + 1) * stft.hop_length - stft.synthesis_overlap)
        assert sum(piece.shape[-1] for piece in pieces) == final
    found = np.concatenate(pieces, axis=-1)
    np.testing.assert_allclose(found[..., : signal.shape[-1]], signal[..., : found.shape[-1]], atol=1e-5)
    assert found.shape[-1] >= 5000
    assert found.dtype == np.float32


def test_any_spectra_are_added_as_the_whole_inverse_does(rng: np.random.Generator) -> None:
    """Frames that are those of no signal: the streaming sum is the inverse of all of them, channel by channel."""
    stft = STFT(synthesis_length=512)
    shape = (2, 30, 513)
    spectrogram = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
    output = OverlapAdd(stft, 2)
    found = np.concatenate([output.add(spectrogram[:, t]) for t in range(30)], axis=-1)
    np.testing.assert_allclose(found, stft.synthesise(spectrogram, found.shape[-1]), atol=1e-5)
    alone = OverlapAdd(stft)
    np.testing.assert_array_equal(found[1], np.concatenate([alone.add(spectrogram[1, t]) for t in range(30)]))


def test_a_sample_that_is_out_does_not_change_any_more(rng: np.random.Generator) -> None:
    stft = STFT(synthesis_length=512)
    output = OverlapAdd(stft)
    spectra = np.fft.rfft(rng.normal(size=(5, 1024))).astype(np.complex64)
    out = [output.add(spectrum) for spectrum in spectra]
    kept = [piece.copy() for piece in out]
    output.add(100.0 * spectra[0])
    for piece, before in zip(out, kept, strict=True):
        np.testing.assert_array_equal(piece, before)
