"""Everything in one process: a camera's images and microphones in; tracks, clean speech and who speaks out."""

from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

PACKAGE = "dvae_perception"
TOPICS = ("image", "detections", "audio", "audio_info", "reference", "robot_speaking", "camera_info")
ARRAYS = {"array": "audio", "array_info": "audio_info"}  # the microphones of `speakers` may be others


def generate_launch_description() -> LaunchDescription:
    """ros2 launch dvae_perception perception.launch.py image:=/camera/image_raw audio:=/microphone/audio"""
    settings = PathJoinSubstitution([FindPackageShare(PACKAGE), "config", "nodes", "perception.yaml"])
    topics = [DeclareLaunchArgument(name, default_value=name, description=f"topic `{name}`") for name in TOPICS]
    arrays = [
        DeclareLaunchArgument(
            name, default_value=LaunchConfiguration(own), description=f"`{own}` of speakers, where it is another"
        )
        for name, own in ARRAYS.items()
    ]
    return LaunchDescription(
        [
            *topics,
            *arrays,
            DeclareLaunchArgument("namespace", default_value="", description="one for each camera and microphone"),
            DeclareLaunchArgument(
                "enable",
                default_value="[detector, tracker, enhancer, speakers, overlay]",
                description="the nodes to run; leave out detector when another package publishes detections",
            ),
            DeclareLaunchArgument("params_file", default_value=settings, description="parameters (YAML)"),
            DeclareLaunchArgument("use_sim_time", default_value="false", description="true when replaying a bag"),
            DeclareLaunchArgument(
                "autostart", default_value="true", description="false: a lifecycle manager starts it"
            ),
            Node(
                package=PACKAGE,
                executable="perception",
                namespace=LaunchConfiguration("namespace"),
                parameters=[
                    LaunchConfiguration("params_file"),
                    {
                        "enable": ParameterValue(LaunchConfiguration("enable"), value_type=str),
                        "use_sim_time": ParameterValue(LaunchConfiguration("use_sim_time"), value_type=bool),
                        "autostart": ParameterValue(LaunchConfiguration("autostart"), value_type=bool),
                    },
                ],
                remappings=[
                    *((f"speakers:{own}", LaunchConfiguration(name)) for name, own in ARRAYS.items()),
                    *((name, LaunchConfiguration(name)) for name in TOPICS),
                ],
                output="screen",
            ),
        ]
    )
