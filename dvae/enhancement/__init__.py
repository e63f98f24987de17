"""Speech enhancement: noise models, Wiener filtering, streaming."""
