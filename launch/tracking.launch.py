"""Track people in the detections of one camera: detections (vision_msgs/Detection2DArray) -> tracks."""

from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

PACKAGE = "dvae_perception"


def generate_launch_description() -> LaunchDescription:
    """ros2 launch dvae_perception tracking.launch.py detections:=/camera/detections"""
    settings = PathJoinSubstitution([FindPackageShare(PACKAGE), "config", "nodes", "tracking.yaml"])
    return LaunchDescription(
        [
            DeclareLaunchArgument("namespace", default_value="", description="one for each camera"),
            DeclareLaunchArgument("detections", default_value="detections", description="topic of the detections"),
            DeclareLaunchArgument("image", default_value="image", description="read if camera_from_images is set"),
            DeclareLaunchArgument("params_file", default_value=settings, description="parameters (YAML)"),
            DeclareLaunchArgument("use_sim_time", default_value="false", description="true when replaying a bag"),
            DeclareLaunchArgument(
                "autostart", default_value="true", description="false: a lifecycle manager starts it"
            ),
            LifecycleNode(
                package=PACKAGE,
                executable="tracker",
                name="tracker",
                namespace=LaunchConfiguration("namespace"),
                parameters=[
                    LaunchConfiguration("params_file"),
                    {
                        "use_sim_time": LaunchConfiguration("use_sim_time"),
                        "autostart": LaunchConfiguration("autostart"),
                    },
                ],
                remappings=[
                    ("detections", LaunchConfiguration("detections")),
                    ("image", LaunchConfiguration("image")),
                ],
                output="screen",
            ),
        ]
    )
