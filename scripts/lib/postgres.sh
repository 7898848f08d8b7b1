# A private PostgreSQL cluster: its own directory, its own port, gone when the tests are.

postgres_data=

start_postgres() {
  local port options
  postgres_data=$work/postgres
  mkdir "$postgres_data" && { [ "$(id -u)" -ne 0 ] || chown postgres "$postgres_data"; } || return 1
  progress "starting a private PostgreSQL"
  as_postgres "$postgres_bin/initdb" --pgdata="$postgres_data/data" --username=keyward --auth=trust \
    --encoding=UTF8 --locale=C --no-sync >/dev/null || return 1
  for _ in 1 2 3 4 5; do
    port=$(free_port)
    # Durability is PostgreSQL's own business; tests only pay for it, but it is what benchmarks measure.
    options="-p $port -k $postgres_data -c listen_addresses=127.0.0.1 -c max_connections=500 -c fsync=${postgres_fsync:-off}"
    as_postgres "$postgres_bin/pg_ctl" --pgdata="$postgres_data/data" --log="$postgres_data/log" --options="$options" \
      --wait --silent start || continue
    postgres_port=$port
    create_database keyward || return 1
    postgres_url=postgres://keyward@127.0.0.1:$port/keyward
    return 0
  done
  tail -20 "$postgres_data/log" >&2
  return 1
}

create_database() {
  as_postgres "$postgres_bin/createdb" --host="$postgres_data" --port="$postgres_port" --username=keyward "$1"
}

stop_postgres() {
  [ -n "$postgres_data" ] && [ -e "$postgres_data/data/postmaster.pid" ] || return 0
  as_postgres "$postgres_bin/pg_ctl" --pgdata="$postgres_data/data" --mode=immediate --wait --silent stop
}

# PostgreSQL refuses to run as root.
as_postgres() {
  if [ "$(id -u)" -eq 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

# A port nobody answers on.
free_port() {
  local port options
  while port=$((20000 + RANDOM % 12000)); (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo "$port"
}
