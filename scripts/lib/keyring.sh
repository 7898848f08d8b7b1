# keyring.sh DIRECTORY COMMAND…: runs the command on a session bus of its own, with an unlocked keyring in the directory.
set -eu
mkdir -m 700 "$1"
export XDG_DATA_HOME="$1" XDG_CACHE_HOME="$1" XDG_RUNTIME_DIR="$1"
shift
exec dbus-run-session -- \
  sh -c 'printf keyward | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec "$@"' sh "$@"
