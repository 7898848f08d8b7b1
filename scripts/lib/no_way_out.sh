# no_way_out.sh DIRECTORY: in a network namespace of its own, where no route leads out: whether servers say so.
set -u
ip link set lo up

# says WORDS LOG COMMAND…: the command, stopped once its log has the words.
says() {
  local words=$1 log=$2 pid said=1
  shift 2
  "$@" >"$log" 2>&1 &
  pid=$!
  for _ in $(seq 300); do
    grep -q "$words" "$log" && said=0 && break
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -TERM "$pid" 2>/dev/null
  wait "$pid"
  return $said
}

# judge NAME LOG yes|no
judge() {
  local said=no
  grep -q "no way out to the internet" "$2" && said=yes
  if [ "$said" = "$3" ]; then echo "ok - $1"; else echo "not ok - $1: $(cat "$2")"; fi
}

cd "$1" || exit 1
says "hunter2 (user)" demo.log "$KEYWARD_BINARY" demo
judge "without a way out the demo says so" demo.log yes
KEYWARD__CLIENT_METADATA_DOCUMENTS__POLICY=off says "hunter2 (user)" off.log "$KEYWARD_BINARY" demo
judge "where nothing is fetched it says nothing of it" off.log no
export KEYWARD__ISSUER=http://127.0.0.1:8999
says "answers at" serve.log "$KEYWARD_BINARY" serve
judge "without a way out the log of a server says so" serve.log yes
ip route add local 0.0.0.0/0 dev lo
says "answers at" route.log "$KEYWARD_BINARY" serve
judge "with a way out it does not" route.log no
