"""Clean the speech of one microphone: audio (either audio_common_msgs) -> audio/enhanced, speech_activity."""

from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

PACKAGE = "dvae_perception"


def generate_launch_description() -> LaunchDescription:
    """ros2 launch dvae_perception enhancement.launch.py audio:=/microphone/audio"""
    settings = PathJoinSubstitution([FindPackageShare(PACKAGE), "config", "nodes", "enhancement.yaml"])
    return LaunchDescription(
        [
            DeclareLaunchArgument("namespace", default_value="", description="one for each microphone"),
            DeclareLaunchArgument("audio", default_value="audio", description="topic of the audio"),
            DeclareLaunchArgument("audio_info", default_value="audio_info", description="topic of its format"),
            DeclareLaunchArgument(
                "reference", default_value="reference", description="what the loudspeaker plays, with cancel_echo"
            ),
            DeclareLaunchArgument(
                "robot_speaking", default_value="robot_speaking", description="std_msgs/Bool: the robot talks now"
            ),
            DeclareLaunchArgument("params_file", default_value=settings, description="parameters (YAML)"),
            DeclareLaunchArgument("use_sim_time", default_value="false", description="true when replaying a bag"),
            DeclareLaunchArgument(
                "autostart", default_value="true", description="false: a lifecycle manager starts it"
            ),
            LifecycleNode(
                package=PACKAGE,
                executable="enhancer",
                name="enhancer",
                namespace=LaunchConfiguration("namespace"),
                parameters=[
                    LaunchConfiguration("params_file"),
                    {
                        "use_sim_time": LaunchConfiguration("use_sim_time"),
                        "autostart": LaunchConfiguration("autostart"),
                    },
                ],
                remappings=[
                    ("audio", LaunchConfiguration("audio")),
                    ("audio_info", LaunchConfiguration("audio_info")),
                    ("reference", LaunchConfiguration("reference")),
                    ("robot_speaking", LaunchConfiguration("robot_speaking")),
                ],
                output="screen",
            ),
        ]
    )
