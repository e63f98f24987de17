"""Short-time Fourier transform, streaming buffers and audio files."""
