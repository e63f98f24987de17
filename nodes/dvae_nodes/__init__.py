"""ROS adapters: thin nodes around the library `dvae`. Importing this package does not import ROS."""
