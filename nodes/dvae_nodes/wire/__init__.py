"""Messages and what they mean in arrays: no ROS is needed."""
