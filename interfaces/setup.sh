#!/usr/bin/env bash
# Everything that `make demo` and `make test` need, from a bare Python and a C++ compiler: a virtual environment, ROS 2
# from the Python package index (unless a ROS is sourced), the messages that this machine lacks, and this package.
# Each step is skipped when its inputs have not changed; a step that fails says which it was and shows its log.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
repo="$PWD" venv="$PWD/.venv" python="${PYTHON:-python3}"
mkdir -p "$venv"

fail() { printf 'set-up failed at: %s\n%s\n' "$1" "$2" >&2; exit 1; }

# step NAME FINGERPRINT COMMAND...: run once for each fingerprint, with a log
step() {
  local name="$1" stamp="$venv/stamp-$1" log="$venv/log-$1.txt" print; print="$(printf '%s' "$2" | sha256sum)"; shift 2
  [ "$(cat "$stamp" 2>/dev/null)" = "$print" ] && return
  rm -f "$stamp"; printf '%-28s' "set up: $name"; local began=$SECONDS
  "$@" >"$log" 2>&1 || { echo; tail -n 25 "$log" >&2; fail "$name" "the last lines of its log are above, all of it is in $log"; }
  printf '%4d s\n' $((SECONDS - began)); printf '%s' "$print" >"$stamp"
}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
  fail "python" "expected Python 3.10 or newer as '$python', got: $("$python" --version 2>&1)"
command -v g++ >/dev/null || fail "compiler" "expected a C++ compiler: install g++"
"$python" -m venv --help >/dev/null 2>&1 || fail "python" "expected the module venv: install python3-venv"

have_ros=no
if [ -n "${AMENT_PREFIX_PATH:-}" ] && [[ ":$AMENT_PREFIX_PATH:" != *":$venv:"* ]] && "$python" -c 'import rclpy' 2>/dev/null; then
  have_ros=yes # a ROS is sourced: its packages are used, and only what is missing is added
elif ! "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 13))'; then
  fail "python" "ROS 2 wheels exist for Python 3.10 to 3.12, got $("$python" --version); set PYTHON=python3.11, or source a ROS"
fi

make_venv() {
  local option=""; [ "$have_ros" = yes ] && option=--system-site-packages
  "$python" -m venv $option "$venv" && "$venv/bin/python" -m pip install --upgrade pip 'setuptools>=64,<81'
}
install_ros() { # wheels, then the paths in them that name the machine they were built on
  "$venv/bin/python" -m pip install -r interfaces/requirements-ros.txt || return 1
  local include site files; include="$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))')"
  site="$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
  files="$(grep -rlE '/opt/python/cp3[0-9]+-cp3[0-9]+' "$venv/share" --include=*.cmake)"
  [ -z "$files" ] || printf '%s\n' "$files" | xargs sed -i -E \
    -e "s#/opt/python/cp3[0-9]+-cp3[0-9]+/lib/python3\.[0-9]+/site-packages#$site#g" \
    -e "s#/opt/python/cp3[0-9]+-cp3[0-9]+/include/python3\.[0-9]+#$include#g" || return 1
  touch "$venv/ros-from-wheels"
}
install_colcon() { "$venv/bin/python" -m pip install -r interfaces/requirements-build.txt; }
install_library() { # with a sourced ROS no pins: its cv_bridge needs the numpy it was built with
  local pins="-c constraints.txt"; [ "$have_ros" = yes ] && pins=""
  "$venv/bin/python" -m pip install $pins -e '.[train,evaluate,test]'
}
colcon_build() { # NAME PATH...: build into .venv/NAME (messages) or .venv/install
  local base="$1"; shift
  colcon --log-base "$venv/log" build --base-paths "$@" --build-base "$venv/build/${base##*/}" --install-base "$base" \
    --cmake-args -DPython3_EXECUTABLE="$venv/bin/python" -DBUILD_TESTING=OFF
}
build_package() { # from a copy: CMake refuses a source folder that holds the Python it builds for
  local source="$venv/src/dvae_perception"
  rm -rf "$source" && mkdir -p "$source" && cp -a package.xml CMakeLists.txt msg dvae nodes launch config models interfaces "$source" &&
    colcon_build "$venv/install" "$source"
}
prefix_has() { local p; for p in ${AMENT_PREFIX_PATH//:/ }; do [ -e "$p/share/$1/package.xml" ] && return 0; done; return 1; }
digest() { (cd "$repo" && find "$@" -type f -not -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum); }

where="$repo $have_ros $("$python" --version)"
step environment "$where" make_venv
[ "$have_ros" = yes ] || step ros "$where $(cat interfaces/requirements-ros.txt interfaces/setup.sh)" install_ros
command -v colcon >/dev/null && [ "$have_ros" = yes ] || step colcon "$where $(cat interfaces/requirements-build.txt)" install_colcon
step library "$where $(cat setup.py constraints.txt pyproject.toml)" install_library

. interfaces/environment.sh
if [ "$have_ros" = yes ] && prefix_has vision_msgs; then :; else
  step vision_msgs "$where $(digest interfaces/vision_msgs)" colcon_build "$venv/overlay" interfaces/vision_msgs; fi
if [ "$have_ros" = yes ] && prefix_has hri_msgs; then :; else
  step hri_msgs "$where $(digest interfaces/hri_msgs)" colcon_build "$venv/overlay" interfaces/hri_msgs; fi
if [ "$have_ros" = yes ] && prefix_has tf2_msgs; then :; else
  step tf2_msgs "$where $(digest interfaces/tf2_msgs)" colcon_build "$venv/overlay" interfaces/tf2_msgs; fi
if [ "$have_ros" = yes ] && prefix_has audio_common_msgs; then :; else
  step audio_common_msgs "$where $(digest interfaces/audio_common_msgs)" colcon_build "$venv/overlay" interfaces/audio_common_msgs
  # the other package of the same name, in a place of its own: tests run the nodes with either
  step audio_portaudio "$where $(digest interfaces/audio_common_msgs_portaudio)" \
    colcon_build "$venv/overlay-portaudio" interfaces/audio_common_msgs_portaudio
fi
. interfaces/environment.sh
step dvae_perception "$where $(digest package.xml CMakeLists.txt msg dvae nodes launch config models interfaces)" build_package
