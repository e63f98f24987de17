"""Deep dynamical generative models for tracking people and enhancing speech (never imports ROS)."""

__version__ = "0.1.0"
