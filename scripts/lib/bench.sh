# The servers that `scripts/bench` measures, each with the file that describes it.

servers=()
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
  keyward_settings "$port" >"$folder/keyward.toml"
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
  keyward_described "$name" "$port" "${servers[$number]}" >"$folder/server.json"
  described+=("$folder/server.json")
  "$bench" sign-up "$folder/server.json" "$link"
}

start_oidc_provider() {
  local number=${#servers[@]} port folder
  port=$(free_port)
  folder=$work/$number
  mkdir "$folder" || return 1
  NODE_ENV=production "$node" bench/peers/oidc-provider.mjs "$port" "$bench_secret" >"$folder/out" 2>"$folder/log" &
  servers+=($!)
  for _ in $(seq 100); do
    grep -q answers "$folder/out" && break
    sleep 0.1
  done
  oidc_provider_described "$port" "${servers[$number]}" >"$folder/server.json"
  described+=("$folder/server.json")
}

stop_servers() {
  local pid
  for pid in "${servers[@]}"; do kill -TERM "$pid" 2>/dev/null; done
  for pid in "${servers[@]}"; do wait "$pid" 2>/dev/null; done
  servers=()
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

# server NAME PORT PID JUDGES-PASSWORDS ES256 EDDSA RS256 OPAQUE INTROSPECTED
server() {
  cat <<JSON
{
  "name": "$1",
  "issuer": "http://127.0.0.1:$2",
  "pid": $3,
  "forwarded_for": true,
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
