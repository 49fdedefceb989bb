# What must be on the machine, installed with apt where it is missing. Sourced, not run.

# The servers' programs are not on PATH in Debian; this is where they are.
postgres_bin() {
    local pg_config_path
    for pg_config_path in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t/ -k5 -n -r); do
        [ -x "$pg_config_path/initdb" ] && { echo "$pg_config_path"; return 0; }
    done
    return 1
}

# install_packages build|servers|monitoring|browser|demo …: installs what those groups need and is missing.
install_packages() {
    local missing=() group
    for group in "$@"; do
        case "$group" in
            build)
                [ -e /usr/include/pg_query.h ] || missing+=(libpg-query-dev)
                { pkg-config --exists libpq; } 2>/dev/null || missing+=(libpq-dev pkg-config)
                [ -e /usr/include/editline/readline.h ] || missing+=(libedit-dev)
                [ -e /usr/include/jemalloc/jemalloc.h ] || missing+=(libjemalloc-dev)
                [ -e /usr/include/liburing.h ] || missing+=(liburing-dev)
                ;;
            servers)
                postgres_bin >/dev/null || missing+=(postgresql)
                ls /usr/share/postgresql/*/extension/pg_stat_statements.control >/dev/null 2>&1 \
                    || missing+=(postgresql-contrib)
                command -v redis-server >/dev/null || missing+=(redis-server)
                command -v redis-cli >/dev/null || missing+=(redis-tools)
                command -v python3 >/dev/null || missing+=(python3)
                # A test runs one proxy on a clock that is an hour off.
                command -v faketime >/dev/null || missing+=(faketime)
                # The client that other services use, which the tests let loose on the same keys.
                { /usr/bin/python3 -c 'import redis' || python3 -c 'import redis'; } 2>/dev/null || missing+=(python3-redis)
                ;;
            monitoring)
                command -v promtool >/dev/null || missing+=(prometheus)
                ;;
            browser)
                command -v chromium >/dev/null || missing+=(chromium fonts-dejavu-core)
                ;;
            counting)
                command -v valgrind >/dev/null || missing+=(valgrind)
                command -v strip >/dev/null || missing+=(binutils)
                ;;
            pools)
                [ -x /usr/sbin/pgbouncer ] || missing+=(pgbouncer)
                [ -x /usr/sbin/pgpool ] || missing+=(pgpool2)
                ;;
            demo)
                command -v nc >/dev/null || missing+=(netcat-openbsd)
                ;;
        esac
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    if ! command -v apt-get >/dev/null; then
        echo "missing: ${missing[*]} (this script installs with apt-get, which is not here)" >&2
        return 1
    fi
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "missing: ${missing[*]}; install them as root" >&2; return 1; }
        as_root=(sudo)
    fi
    echo "installing with apt-get: ${missing[*]}" >&2
    "${as_root[@]}" apt-get update -qq >&2
    # The servers are started by our own scripts on free ports: Debian must not start one of its own.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends \
        "${missing[@]}" >&2
}

require_swift() {
    command -v swift >/dev/null && return 0
    echo "a Swift toolchain (6.1 or newer) is needed: https://www.swift.org/install/" >&2
    return 1
}
