# A throw-away PostgreSQL and Redis on free ports under a temporary folder. Sourced, not run.
#
# start_servers FOLDER starts both and sets
#   CISTERN_TEST_POSTGRES      a libpq connection string
#   CISTERN_TEST_REDIS         a redis:// URL
#   CISTERN_TEST_REDIS_SOCKET  the path of the same server's Unix socket
#   CISTERN_TEST_PG_BIN        the folder of PostgreSQL's programs
# stop_servers stops what was started, by its pids.

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# PostgreSQL refuses to run as root; there Debian's own user runs it.
as_postgres() {
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"
    else
        "$@"
    fi
}

start_postgres() {
    local folder=$1 port
    CISTERN_TEST_PG_BIN=$(postgres_bin)
    export CISTERN_TEST_PG_BIN
    mkdir -p "$folder/postgres"
    [ "$(id -u)" -eq 0 ] && { chmod 755 "$folder"; chown postgres: "$folder/postgres"; }
    port=$(free_port)
    as_postgres "$CISTERN_TEST_PG_BIN/initdb" -D "$folder/postgres/data" -U cistern -A trust -E UTF8 --locale=C.UTF-8 \
        --no-sync >"$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log" >&2; return 1; }
    cat >>"$folder/postgres/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$folder/postgres'
max_connections = 200
fsync = off
full_page_writes = off
shared_preload_libraries = 'pg_stat_statements'
CONF
    as_postgres "$CISTERN_TEST_PG_BIN/pg_ctl" -D "$folder/postgres/data" -l "$folder/postgres/log" -w -t 60 start \
        >/dev/null || { cat "$folder/postgres/log" >&2; return 1; }
    POSTGRES_DATA=$folder/postgres/data
    export CISTERN_TEST_POSTGRES="host=127.0.0.1 port=$port user=cistern dbname=postgres"
}

start_redis() {
    local folder=$1 port
    mkdir -p "$folder/redis"
    port=$(free_port)
    redis-server --port "$port" --bind 127.0.0.1 --unixsocket "$folder/redis/redis.sock" --dir "$folder/redis" \
        --save '' --appendonly no --enable-debug-command yes >"$folder/redis/log" 2>&1 &
    REDIS_PID=$!
    local try
    for try in $(seq 100); do
        redis-cli -p "$port" ping >/dev/null 2>&1 && break
        kill -0 "$REDIS_PID" 2>/dev/null || { cat "$folder/redis/log" >&2; return 1; }
        sleep 0.1
    done
    export CISTERN_TEST_REDIS="redis://127.0.0.1:$port/0"
    export CISTERN_TEST_REDIS_SOCKET="$folder/redis/redis.sock"
}

start_servers() {
    start_postgres "$1" && start_redis "$1"
}

stop_servers() {
    if [ -n "${REDIS_PID:-}" ]; then
        kill "$REDIS_PID" 2>/dev/null || true
        wait "$REDIS_PID" 2>/dev/null || true
        REDIS_PID=
    fi
    if [ -n "${POSTGRES_DATA:-}" ]; then
        as_postgres "$CISTERN_TEST_PG_BIN/pg_ctl" -D "$POSTGRES_DATA" -m immediate -w stop >/dev/null 2>&1 || true
        POSTGRES_DATA=
    fi
}
