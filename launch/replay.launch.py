"""Play a bag through the live nodes on its own clock (for a bag without ROS, see dvae-replay)."""

from launch.actions import DeclareLaunchArgument, ExecuteProcess, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """ros2 launch dvae_perception replay.launch.py bag:=/path/to/bag"""
    perception = PathJoinSubstitution([FindPackageShare("dvae_perception"), "launch", "perception.launch.py"])
    return LaunchDescription(
        [
            DeclareLaunchArgument("bag", description="the bag to play"),
            DeclareLaunchArgument("rate", default_value="1.0", description="speed of the playback"),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(perception), launch_arguments={"use_sim_time": "true"}.items()
            ),
            ExecuteProcess(
                cmd=[
                    "ros2",
                    "bag",
                    "play",
                    LaunchConfiguration("bag"),
                    "--clock",
                    "--rate",
                    LaunchConfiguration("rate"),
                ],
                output="screen",
            ),
        ]
    )
