"""Play a bag through the live nodes on its own clock, when they are ready (for a bag without ROS, see dvae-replay)."""

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, RegisterEventHandler, Shutdown
from launch.event_handlers import OnProcessExit
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

PACKAGE = "dvae_perception"
# the bag's publishers and the nodes find each other within the delay
PLAY = ["ros2", "bag", "play", LaunchConfiguration("bag"), "--clock", "--rate", LaunchConfiguration("rate")]
OPTIONS = ["--delay", LaunchConfiguration("delay"), "--disable-keyboard-controls"]


def generate_launch_description() -> LaunchDescription:
    """ros2 launch dvae_perception replay.launch.py bag:=/path/to/bag"""
    perception = PathJoinSubstitution([FindPackageShare(PACKAGE), "launch", "perception.launch.py"])
    return LaunchDescription(
        [
            DeclareLaunchArgument("bag", description="the bag to play"),
            DeclareLaunchArgument("rate", default_value="1.0", description="speed of the playback"),
            DeclareLaunchArgument("delay", default_value="2.0", description="seconds from ready nodes to the playback"),
            DeclareLaunchArgument("namespace", default_value="", description="of the nodes"),
            DeclareLaunchArgument(
                "enable",
                default_value="[detector, tracker, enhancer, speakers, overlay]",
                description="the nodes to run",
            ),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(perception),
                launch_arguments={
                    "use_sim_time": "true",
                    "autostart": "true",
                    "namespace": LaunchConfiguration("namespace"),
                    "enable": LaunchConfiguration("enable"),
                }.items(),
            ),
            Node(
                package=PACKAGE,
                executable="bag_player",
                namespace=LaunchConfiguration("namespace"),
                arguments=[LaunchConfiguration("enable"), "--", *PLAY, *OPTIONS],
                output="screen",
            ),
            # the bag has ended, or the nodes have: the nodes hand out what they hold on the way
            RegisterEventHandler(OnProcessExit(on_exit=[Shutdown(reason="the bag has been played")])),
        ]
    )
