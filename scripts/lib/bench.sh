# The servers that `scripts/bench` measures, each with the file that describes it.

servers=()
others=()
version=
described=()

# The load program, and Keyward as it is shipped, unless the caller has them.
build() {
  local target
  target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/dist
  bench=${KEYWARD_BENCH_BINARY:-}
  if [ -z "$bench" ]; then
    progress "building keyward-bench"
    cargo build --locked --profile dist --package keyward-bench || return 1
    bench=$target/keyward-bench
  fi
  if [ -z "$binary" ]; then
    progress "building keyward"
    cargo build --locked --profile dist --package keyward --bin keyward || return 1
    binary=$target/keyward
  fi
}

# start_keyward NAME BINARY: a new one, with one person, on a port of its own.
start_keyward() {
  local name=$1 program=$2 number=${#servers[@]} port folder link
  port=$(free_port)
  folder=$work/$number
  mkdir "$folder" || return 1
  if [ "${database:-sqlite}" = postgres ]; then create_database "keyward$number" || return 1; fi
  keyward_settings "$port" "keyward$number" >"$folder/keyward.toml"
  (cd "$folder" && exec "$program" serve --config keyward.toml) >"$folder/out" 2>"$folder/log" &
  servers+=($!)
  for _ in $(seq 100); do
    link=$(grep -o "http://127.0.0.1:$port/setup?token=[A-Za-z0-9_-]*" "$folder/out") && break
    kill -0 "${servers[$number]}" 2>/dev/null || break
    sleep 0.1
  done
  if [ -z "$link" ]; then
    echo "$name did not start:" >&2
    tail -5 "$folder/log" >&2
    return 1
  fi
  version=$("$program" --version) || return 1
  keyward_described "$name" "$port" "${servers[$number]}" >"$folder/server.json"
  described+=("$folder/server.json")
  "$bench" sign-up "$folder/server.json" "$link"
}

# start_keyward_with_rows NAME BINARY NUMBER: with so many people, clients, grants and events from years before.
start_keyward_with_rows() {
  local number=${#servers[@]}
  start_keyward "$1" "$2" || return 1
  # Others are made after those that this makes.
  "$bench" run "$work/$number/server.json" --only refresh_16 --seconds 1 --pairs 1 >/dev/null || return 1
  stop_server "$number"
  progress "adding $3 rows to each table"
  "$bench" rows "$work/$number/keyward-data/keyward.db" "$3" && serve_again "$number" "$2"
}

# start_second_node BINARY: beside the server that was started last. Connections are spread over both.
start_second_node() {
  local number=$((${#servers[@]} - 1)) port first
  local folder=$work/$number
  port=$(free_port)
  first=$(sed -n 's/^listen = "\(.*\)"/\1/p' "$folder/keyward.toml")
  sed "s/^listen = .*/listen = \"127.0.0.1:$port\"/" "$folder/keyward.toml" >"$folder/second.toml"
  (cd "$folder" && exec "$1" serve --config second.toml) >"$folder/second.out" 2>"$folder/second.log" &
  others+=($!)
  answers "$port" $! || return 1
  sed -i "s/\"pid\": [0-9]*,/&\n  \"other_pids\": [$!],\n  \"addresses\": [\"$first\", \"127.0.0.1:$port\"],/" "$folder/server.json"
}

# answers PORT PID: waits until somebody does there.
answers() {
  for _ in $(seq 600); do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
    kill -0 "$2" 2>/dev/null || break
    sleep 0.1
  done
  echo "nobody answers on port $1" >&2
  return 1
}

# serve_again NUMBER COMMAND…: a server that was stopped, with all that it has.
serve_again() {
  local number=$1 folder=$work/$1 port
  shift
  port=$(sed -n 's/^listen = ".*:\([0-9]*\)"/\1/p' "$folder/keyward.toml")
  (cd "$folder" && exec "$@" serve --config keyward.toml) >"$folder/out" 2>"$folder/log" &
  servers[number]=$!
  answers "$port" "${servers[$number]}" || return 1
  sed -i "s/\"pid\": [0-9]*/\"pid\": ${servers[$number]}/" "$folder/server.json"
}

start_oidc_provider() {
  local package=bench/peers/node_modules/oidc-provider/package.json
  version="oidc-provider $(sed -n 's/^ *"version": "\(.*\)",*/\1/p' "$package") on node $("$node" --version)"
  start_peer oidc-provider env NODE_ENV=production "$node" bench/peers/oidc-provider.mjs
}

start_bare() {
  version=bare
  start_peer bare "$(dirname "$bench")/keyward-bare"
}

# start_peer NAME COMMAND…: it gets a port, a folder for what it stores, and the secret of clients.
start_peer() {
  local name=$1 number=${#servers[@]} port folder
  shift
  port=$(free_port)
  folder=$work/$number
  mkdir "$folder" || return 1
  "$@" "$port" "$folder" "$bench_secret" >"$folder/out" 2>"$folder/log" &
  servers+=($!)
  for _ in $(seq 100); do
    grep -q answers "$folder/out" && break
    kill -0 "${servers[$number]}" 2>/dev/null || break
    sleep 0.1
  done
  if ! grep -q answers "$folder/out"; then
    echo "$name did not start:" >&2
    tail -5 "$folder/log" >&2
    return 1
  fi
  "${name//-/_}_described" "$port" "${servers[$number]}" >"$folder/server.json"
  described+=("$folder/server.json")
}

stop_server() {
  kill -TERM "${servers[$1]}" 2>/dev/null
  wait "${servers[$1]}" 2>/dev/null
}

stop_servers() {
  local pid
  for pid in "${servers[@]}" "${others[@]}"; do kill -TERM "$pid" 2>/dev/null; done
  for pid in "${servers[@]}" "${others[@]}"; do wait "$pid" 2>/dev/null; done
  servers=() others=()
}

# Published here, and good for the length of a run.
bench_secret=0123456789abcdef0123456789abcdef

keyward_settings() {
  local port=$1 name alg
  cat <<TOML
issuer = "http://127.0.0.1:$port"
listen = "127.0.0.1:$port"
trusted_proxies = ["127.0.0.1/32"]
default_resource = "es256"
$([ "${database:-sqlite}" = sqlite ] || printf '\n[database]\nurl = "postgres://keyward@127.0.0.1:%s/%s"\n' "$postgres_port" "$2")

[clients.service]
secret = "$bench_secret"
grant_types = ["client_credentials"]
scope = "mcp:read"

[clients.app]
redirect_uris = ["https://app.example/callback"]
TOML
  for name in es256 eddsa rs256 opaque; do
    case $name in eddsa) alg=EdDSA ;; rs256) alg=RS256 ;; *) alg=ES256 ;; esac
    cat <<TOML

[resources.$name]
identifier = "https://$name.example/mcp"
scopes = { "mcp:read" = "Use the tools" }
introspection = { id = "$name-server", secret = "$bench_secret" }
signing_alg = "$alg"
access_token_format = "$([ "$name" = opaque ] && echo opaque || echo jwt)"
TOML
  done
}

keyward_described() {
  local es256
  es256=$(resource es256 ES256 asked)
  server "$1" "$2" "$3" true "$es256" "$(resource eddsa EdDSA asked)" "$(resource rs256 RS256 asked)" \
    "$(resource opaque '' asked)" "$es256"
}

# It answers for no JWT at its introspection endpoint: there its opaque tokens take their place.
oidc_provider_described() {
  local opaque
  opaque=$(resource opaque '' asked)
  server "oidc-provider" "$1" "$2" false "$(resource es256 ES256)" "$(resource eddsa EdDSA)" "$(resource rs256 RS256)" \
    "$opaque" "$opaque"
}

bare_described() {
  local es256
  es256=$(resource es256 ES256 asked)
  bare=true server "bare" "$1" "$2" false "$es256" null null "$(resource opaque '' asked)" "$es256"
}

# server NAME PORT PID JUDGES-PASSWORDS ES256 EDDSA RS256 OPAQUE INTROSPECTED
server() {
  cat <<JSON
{
  "name": "$1",
  "version": "$version",
  "issuer": "http://127.0.0.1:$2",
  "pid": $3,
  "forwarded_for": true,
  "bare": ${bare:-false},
  "scope": "mcp:read",
  "service": { "id": "service", "secret": "$bench_secret" },
  "app": { "id": "app", "redirect_uri": "https://app.example/callback" },
  "person": { "username": "alice", "password": "four unrelated words here", "judged": $4 },
  "resources": { "es256": $5, "eddsa": $6, "rs256": $7, "opaque": $8, "introspected": $9 }
}
JSON
}

# resource NAME ALGORITHM [asked]: whether its server may ask about tokens.
resource() {
  local alg=null asks=null
  [ -z "$2" ] || alg="\"$2\""
  [ -z "${3:-}" ] || asks="{ \"id\": \"$1-server\", \"secret\": \"$bench_secret\" }"
  printf '{ "identifier": "https://%s.example/mcp", "signing_alg": %s, "introspection": %s }' "$1" "$alg" "$asks"
}
