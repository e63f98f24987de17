"""How people move: the roll-out of the motion model, compiled and as a torch reference; Kalman; synthetic data."""
