"""Recorded bags without ROS: read as far as they go, written so that nothing done is lost."""
