# A private internet: a network namespace without a way out, in which every address leads to one program.
#
# Keyward fetches from public addresses only, and no switch says otherwise. So the hosts that it is tested with have
# public addresses, names and certificates, in a network that exists for nobody else. What runs behind
# "${inside[@]}" sees that network, and as its resolver and certificate authority those of the tests.

network_pid=
hosts_pid=
inside=()

need_network() {
  network_tools && return
  install iproute2 util-linux openssl && network_tools
}

need_openssl() { command -v openssl >/dev/null || install openssl; }

network_tools() {
  local tool
  for tool in ip unshare nsenter openssl; do command -v "$tool" >/dev/null || return 1; done
}

# Namespaces are root's to make, or anybody's within a user namespace of one's own.
start_network() {
  local own_user=() same_user=()
  network=$work/network
  [ "$(id -u)" -eq 0 ] || { own_user=(--map-root-user) && same_user=(--user --preserve-credentials); }
  progress "starting a private internet"
  mkdir "$network" && make_certificates || return 1
  echo "nameserver 127.0.0.1" >"$network/resolv.conf"
  echo "hosts: files dns" >"$network/nsswitch.conf"
  echo "127.0.0.1 localhost" >"$network/hosts"
  unshare "${own_user[@]}" --net --mount bash scripts/lib/namespace.sh "$network" &
  network_pid=$!
  patiently network_is_up "$network_pid" || return 1
  inside=(
    nsenter --target "$network_pid" "${same_user[@]}" --net --mount --wd="$PWD"
    env --unset=SSL_CERT_DIR "SSL_CERT_FILE=$network/authority.pem" "NODE_EXTRA_CA_CERTS=$network/authority.pem"
    "KEYWARD_INTERNET=http://127.0.0.1:8080"
  )
  "${inside[@]}" "$node" tests/strangers/internet/main.mjs "$network" &
  hosts_pid=$!
  patiently hosts_answer "$hosts_pid"
}

network_is_up() { [ -e "$network/up" ]; }

hosts_answer() { answers 8080; }

# The namespace is gone when nobody is left in it.
stop_network() {
  local pid
  for pid in $hosts_pid $network_pid; do
    kill -TERM "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
  done
  hosts_pid=
  network_pid=
  inside=()
}

# patiently CONDITION PID: until the condition holds; no longer than half a minute, or than the process lives.
patiently() {
  for _ in $(seq 300); do
    "$1" && return 0
    kill -0 "$2" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

# One authority, and what servers have of it or should not have.
make_certificates() {
  (
    cd "$network" || exit 1
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout authority.key -out authority.pem \
      -days 2 -subj "/CN=Keyward tests" -addext "keyUsage=critical,keyCertSign" &&
      certificate site 2 "DNS:app.example,DNS:*.hostile.example,DNS:*.example.com" &&
      certificate expired -1 "DNS:*.hostile.example" &&
      certificate other 2 "DNS:other.example" &&
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout own.key -out own.pem \
        -days 2 -subj "/CN=own" -addext "subjectAltName=DNS:*.hostile.example"
  ) 2>"$network/openssl.log" || { cat "$network/openssl.log" >&2; return 1; }
}

# certificate NAME DAYS SUBJECT_ALT_NAME
certificate() {
  echo "subjectAltName=$3" >"$1.extensions" &&
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj "/CN=$1" -out "$1.request" &&
    openssl x509 -req -in "$1.request" -CA authority.pem -CAkey authority.key -CAcreateserial -days "$2" \
      -extfile "$1.extensions" -out "$1.pem"
}
