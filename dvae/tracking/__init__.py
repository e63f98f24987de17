"""Multi-person tracking with a deep generative motion model and variational assignment."""
