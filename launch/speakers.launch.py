"""Who of the tracked people speaks: tracks, audio of several microphones, camera_info and TF -> speakers."""

from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

PACKAGE = "dvae_perception"
TOPICS = {
    "tracks": "people, by the node tracker",
    "audio": "all microphones",
    "audio_info": "format of the audio, where sent apart",
    "camera_info": "calibration of the camera",
    "robot_speaking": "std_msgs/Bool: the robot talks now",
}


def generate_launch_description() -> LaunchDescription:
    """ros2 launch dvae_perception speakers.launch.py audio:=/array/audio camera_info:=/camera/camera_info"""
    settings = PathJoinSubstitution([FindPackageShare(PACKAGE), "config", "nodes", "speakers.yaml"])
    return LaunchDescription(
        [
            DeclareLaunchArgument("namespace", default_value="", description="one for each camera"),
            *[DeclareLaunchArgument(name, default_value=name, description=text) for name, text in TOPICS.items()],
            DeclareLaunchArgument("params_file", default_value=settings, description="parameters (YAML)"),
            DeclareLaunchArgument("use_sim_time", default_value="false", description="true when replaying a bag"),
            DeclareLaunchArgument(
                "autostart", default_value="true", description="false: a lifecycle manager starts it"
            ),
            LifecycleNode(
                package=PACKAGE,
                executable="speakers",
                name="speakers",
                namespace=LaunchConfiguration("namespace"),
                parameters=[
                    LaunchConfiguration("params_file"),
                    {
                        "use_sim_time": LaunchConfiguration("use_sim_time"),
                        "autostart": LaunchConfiguration("autostart"),
                    },
                ],
                remappings=[(name, LaunchConfiguration(name)) for name in TOPICS],
                output="screen",
            ),
        ]
    )
