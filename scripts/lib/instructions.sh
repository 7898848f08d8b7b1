# What requests cost in instructions, counted by callgrind of the programs that `build_all` made.

# instructions [--write]
instructions() {
  local bench=$KEYWARD_BENCH_BINARY folder=$work/0 status
  # Keys are made and the person signs up at the usual speed.
  start_keyward "Keyward" "$KEYWARD_BINARY" || return 1
  stop_server 0
  # With one thread for requests they do not look for work that others have.
  TOKIO_WORKER_THREADS=1 serve_again 0 valgrind --tool=callgrind --instr-atstart=no --callgrind-out-file="$folder/counted" "$KEYWARD_BINARY"
  "$bench" instructions "$folder/server.json" --dump "$folder/counted" --known bench/instructions.toml "$@"
  status=$?
  [ "$status" -eq 0 ] || tail -5 "$folder/log" >&2
  stop_servers
  return "$status"
}
