# A fresh demo for each program that judges it: new data, new ports, new limits.

demo_pid=
declare -A background=()

# All programs and all tests at once: what comes later finds each dependency compiled as it needs it. Other choices of
# packages have other features, and would compile half of them anew.
build_all() {
  progress "building"
  cargo test --locked --workspace --no-run || return 1
  local target
  target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug
  export KEYWARD_BINARY=$target/keyward MCP_AUTH_BINARY=$target/mcp-auth
  export KEYWARD_GUARD_BINARY=$target/keyward-resource-server
  export KEYWARD_BENCH_BINARY=$target/keyward-bench
  [ -x "$KEYWARD_BINARY" ] && [ -x "$MCP_AUTH_BINARY" ] && [ -x "$KEYWARD_GUARD_BINARY" ] &&
    [ -x "$KEYWARD_BENCH_BINARY" ]
}

# The tests of the authorization server alone, as `build_all` made them.
server_tests() {
  local program status=0
  while read -r program; do
    # The list of programs is no input of theirs.
    in_time 1800 env CARGO_MANIFEST_DIR="$PWD" "$program" --include-ignored </dev/null || status=1
  done < <(cargo test --locked --workspace --no-run --message-format json 2>/dev/null |
    sed -n "s|.*\"manifest_path\":\"$PWD/Cargo.toml\".*\"executable\":\"\([^\"]*/deps/[^\"]*\)\".*|\1|p")
  return $status
}

# against_demo NAME COMMAND…: the command finds the demo in DEMO_ISSUER and DEMO_RESOURCE, and its log in
# DEMO_LOG. Both run in the private internet, if one is there.
against_demo() {
  local name=$1 before=$failed
  shift
  progress "$name"
  if start_demo; then
    DEMO_ISSUER=$demo_issuer DEMO_RESOURCE=$demo_resource DEMO_LOG=$work/demo.log \
      lines_check "$name" "${inside[@]}" "$@"
    [ "$failed" -eq "$before" ] || { echo "the demo's last words:"; tail -20 "$work/demo.log"; }
  else
    echo "the demo did not start:" && tail -20 "$work/demo.log"
    row "$name" 0 1
  fi
  stop_demo
}

# in_background NAME COMMAND…: the same for a command that lasts, beside all others. `collect NAME` waits for it and
# counts its lines.
in_background() {
  local name=$1
  shift
  mkdir "$work/$name" || return 1
  (
    work=$work/$name
    trap 'kill "$program" 2>/dev/null; stop_demo' EXIT
    trap 'exit 143' TERM
    program=
    start_demo || { tail -20 "$work/demo.log"; echo "not ok - $name: the demo did not start"; exit; }
    DEMO_ISSUER=$demo_issuer DEMO_RESOURCE=$demo_resource "$@" &
    program=$!
    wait "$program" || echo "not ok - $name: ended well"
    program=
  ) >"$work/$name/lines" 2>&1 &
  background[$name]=$!
}

collect() {
  local name=$1
  [ -n "${background[$name]:-}" ] || return 0
  progress "$name, to its end"
  lines_check "$name" tail --pid="${background[$name]}" --sleep-interval=0.5 --lines=+1 --follow "$work/$name/lines"
  unset "background[$name]"
}

stop_background() {
  local pid
  for pid in "${background[@]}"; do
    kill -TERM "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
  done
}

# with_guards COMMAND…: its demo knows four more resources, the guards that the program starts itself.
with_guards() {
  KEYWARD__RESOURCES__EVERYTHING__IDENTIFIER=http://127.0.0.1:$(free_port)/mcp \
    KEYWARD__RESOURCES__EVERYTHING_SSE__IDENTIFIER=http://127.0.0.1:$(free_port)/sse \
    KEYWARD__RESOURCES__FASTMCP__IDENTIFIER=http://127.0.0.1:$(free_port)/mcp \
    KEYWARD__RESOURCES__FASTMCP_JSON__IDENTIFIER=http://127.0.0.1:$(free_port)/mcp \
    "$@"
}

start_demo() {
  local port resource_port
  port=$(free_port)
  resource_port=$(free_port)
  demo_issuer=http://127.0.0.1:$port
  demo_resource=http://127.0.0.1:$resource_port/mcp/oauth
  demo_data=$(mktemp -d "$work/demo.XXXXXX")
  "${inside[@]}" "$KEYWARD_BINARY" demo --data "$demo_data" --listen "127.0.0.1:$port" \
    --resource-listen "127.0.0.1:$resource_port" >"$work/demo.log" 2>&1 &
  demo_pid=$!
  for _ in $(seq 300); do
    answers "$port" && answers "$resource_port" && return 0
    kill -0 "$demo_pid" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

answers() { "${inside[@]}" bash -c "exec 3<>/dev/tcp/127.0.0.1/$1" 2>/dev/null; }

stop_demo() {
  [ -n "$demo_pid" ] || return 0
  kill -TERM "$demo_pid" 2>/dev/null
  wait "$demo_pid" 2>/dev/null
  demo_pid=
  rm -rf "$demo_data"
}
