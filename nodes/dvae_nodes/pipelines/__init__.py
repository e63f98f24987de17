"""One class for each capability, from message to messages: no ROS is needed."""
