# Source this (bash) to work in the environment that `make setup` built: . interfaces/environment.sh
_repo="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
_venv="$_repo/.venv"
export PATH="$_venv/bin:$PATH"
if [ -e "$_venv/ros-from-wheels" ]; then
  # the virtual environment is the ROS prefix
  export AMENT_PREFIX_PATH="$_venv" CMAKE_PREFIX_PATH="$_venv"
  export LD_LIBRARY_PATH="$_venv/lib$(printf ':%s' "$_venv"/lib/python3.*/site-packages/ros_*.libs)"
  export _ROS_WHEELS_BOOTSTRAP_COMPLETE=1 # otherwise rclpy starts Python a second time to set LD_LIBRARY_PATH
fi
for _prefix in "$_venv/overlay"/* "$_venv/install"/*; do
  [ -d "$_prefix/share" ] || continue
  export AMENT_PREFIX_PATH="$_prefix:$AMENT_PREFIX_PATH" CMAKE_PREFIX_PATH="$_prefix:$CMAKE_PREFIX_PATH"
  export LD_LIBRARY_PATH="$_prefix/lib:${LD_LIBRARY_PATH:-}"
  for _site in "$_prefix"/lib/python3*/site-packages "$_prefix"/local/lib/python3*/dist-packages; do
    [ -d "$_site" ] && export PYTHONPATH="$_site${PYTHONPATH:+:$PYTHONPATH}"
  done
done
# small recurrent networks are many times slower on several threads
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
