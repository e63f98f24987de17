"""Images by OpenCV: people in them, the motion of the camera, tracks drawn on them."""
