# A private PostgreSQL: a directory of its own, a socket in there and no port, gone at the end. Sourced.

postgres_dir=
postgres_bin=
postgres_user=

# Runs a command as the user that the server runs as: it refuses root.
as_postgres() {
    if [[ -n $postgres_user ]]; then
        (cd "$postgres_dir" && runuser -u "$postgres_user" -- "$@")
    else
        (cd "$postgres_dir" && "$@")
    fi
}

find_postgres() {
    local dir
    for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort --version-sort --reverse); do
        if [[ -x $dir/initdb && -x $dir/pg_ctl && -x $dir/postgres ]]; then
            postgres_bin=$dir
            return
        fi
    done
    return 1
}

start_postgres() {
    if ! find_postgres; then
        install_packages postgresql || fail "PostgreSQL is missing; install Debian's package postgresql, or run this as root"
        find_postgres || fail "PostgreSQL was installed and cannot be found in /usr/lib/postgresql"
    fi
    # In /tmp whatever TMPDIR says: the path of a socket must be short.
    postgres_dir=$(mktemp --directory /tmp/chaveiro-ci.XXXXXX)
    trap stop_postgres EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    if [[ $EUID -eq 0 ]]; then
        postgres_user=postgres
        if ! id "$postgres_user" >/dev/null 2>&1; then
            postgres_user=chaveiro-ci
            id "$postgres_user" >/dev/null 2>&1 || useradd --system --no-create-home "$postgres_user"
        fi
        chown "$postgres_user" "$postgres_dir"
    fi
    as_postgres "$postgres_bin/initdb" --pgdata="$postgres_dir/data" --username=postgres --auth=trust --encoding=UTF8 \
        --no-locale >"$postgres_dir/initdb.log" 2>&1 || fail "initdb failed: $(<"$postgres_dir/initdb.log")"
    # fsync and synchronous_commit stay as they are: the tests are about a database that keeps what it said it kept.
    local options="-c listen_addresses='' -c unix_socket_directories='$postgres_dir' -c max_connections=400"
    as_postgres "$postgres_bin/pg_ctl" start --silent --wait --timeout=60 --pgdata="$postgres_dir/data" \
        --log="$postgres_dir/server.log" --options="$options" || fail "PostgreSQL did not start: $(tail "$postgres_dir/server.log")"
    postgres_url="postgres:///postgres?host=$postgres_dir&user=postgres"
    printf '%s\n' "$("$postgres_bin/postgres" --version), reached at $postgres_url"
}

stop_postgres() {
    local code=$?
    if [[ -f $postgres_dir/data/postmaster.pid ]]; then
        as_postgres "$postgres_bin/pg_ctl" stop --silent --wait --mode=immediate --pgdata="$postgres_dir/data" || true
    fi
    rm -rf -- "$postgres_dir"
    return "$code"
}
