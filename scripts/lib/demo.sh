# A fresh demo for each program that judges it: new data, new ports, new limits.

demo_pid=

build_keyward() {
  progress "building keyward"
  cargo build --locked --bin keyward || return 1
  local target
  target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
  export KEYWARD_BINARY=$target/debug/keyward
  [ -x "$KEYWARD_BINARY" ]
}

build_mcp_auth() {
  progress "building mcp-auth"
  cargo build --locked --package mcp-auth || return 1
  export MCP_AUTH_BINARY=${KEYWARD_BINARY%/*}/mcp-auth
  [ -x "$MCP_AUTH_BINARY" ]
}

build_guard() {
  progress "building keyward-resource-server"
  cargo build --locked --package keyward-resource-server || return 1
  export KEYWARD_GUARD_BINARY=${KEYWARD_BINARY%/*}/keyward-resource-server
  [ -x "$KEYWARD_GUARD_BINARY" ]
}

# against_demo NAME COMMAND…: the command finds the demo in KEYWARD_ISSUER and KEYWARD_RESOURCE, and its log in
# KEYWARD_LOG. Both run in the private internet, if one is there.
against_demo() {
  local name=$1 before=$failed
  shift
  progress "$name"
  if start_demo; then
    KEYWARD_ISSUER=$demo_issuer KEYWARD_RESOURCE=$demo_resource KEYWARD_LOG=$work/demo.log \
      lines_check "$name" "${inside[@]}" "$@"
    [ "$failed" -eq "$before" ] || { echo "the demo's last words:"; tail -20 "$work/demo.log"; }
  else
    echo "the demo did not start:" && tail -20 "$work/demo.log"
    row "$name" 0 1
  fi
  stop_demo
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
