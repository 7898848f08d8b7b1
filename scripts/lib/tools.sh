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

# Node 22 comes from npm itself, as a pinned package, so that the distribution's version does not matter.
need_node() {
  local arch
  command -v npm >/dev/null || install nodejs npm ca-certificates || return 1
  npm_packages tests/strangers || return 1
  case $(uname -m) in aarch64) arch=arm64 ;; *) arch=x64 ;; esac
  node=$PWD/tests/strangers/node_modules/node-linux-$arch/bin/node
  [ -x "$node" ]
}

# Exactly what the lock file says, once per lock file.
npm_packages() {
  local mark=$1/node_modules/.keyward-lock
  cmp -s "$1/package-lock.json" "$mark" && return
  progress "installing the npm packages of $1"
  (cd "$1" && npm ci --ignore-scripts --no-fund --no-audit --loglevel=error) && cp "$1/package-lock.json" "$mark"
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

need_browser() {
  export KEYWARD_CHROMIUM
  npm_packages tests/browser || return 1
  KEYWARD_CHROMIUM=$(command -v chromium) && return
  install chromium fonts-liberation && KEYWARD_CHROMIUM=$(command -v chromium)
}
