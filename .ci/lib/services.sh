# Programs of Debian that tests run, each with its package. Sourced.

test_programs=(
    slapd:slapd
    openssl:openssl
    ssh-keygen:openssh-client
    puttygen:putty-tools
    oathtool:oathtool
    age:age
    age-keygen:age
    pgbouncer:pgbouncer
    softhsm2-util:softhsm2
    pkcs11-tool:opensc
    mariadbd:mariadb-server
    setpriv:util-linux
)

# Servers that tests run as root alone, since they make accounts, or need a port of the system. Without root they are skipped.
# Packages of one program are separated by plus signs.
root_test_programs=(
    sshd:openssh-server
    sudo:sudo
)

# As root too: a domain controller and an HTTP API. Where they cannot be installed they are skipped: not every mirror has them.
optional_root_test_programs=(
    samba:samba-ad-dc+samba-ad-provision
    rabbitmq-server:rabbitmq-server
)

# Whether a program is there, with the files that it comes in a package of its own without.
has_test_program() {
    PATH=$PATH:/usr/sbin command -v "$1" >/dev/null && [[ $1 != samba || -d /usr/share/samba/setup ]]
}

# Installs the missing ones, and sets `required_services`, for CHAVEIRO_REQUIRE_SERVICES.
require_test_programs() {
    local entry program packages programs=("${test_programs[@]}")
    if [[ $EUID -eq 0 ]]; then
        programs+=("${root_test_programs[@]}")
    else
        skipped "tests of targets with sshd, Samba and RabbitMQ: they need root"
    fi
    required_services=ldap
    # Bit 19 is CAP_SYS_PTRACE, which root lacks in many containers.
    if ((0x$(sed -n 's/^CapEff:\s*//p' /proc/self/status) >> 19 & 1)); then
        required_services+=,ptrace
    else
        skipped "the search of a server's memory: it needs CAP_SYS_PTRACE"
    fi
    for entry in "${programs[@]}"; do
        program=${entry%%:*}
        IFS=+ read -ra packages <<<"${entry##*:}"
        has_test_program "$program" || install_packages "${packages[@]}" ||
            fail "$program is missing; install Debian's package ${packages[0]}, or run this as root"
        required_services+=,$program
    done
    if [[ $EUID -eq 0 ]]; then
        require_optional_test_programs
    fi
}

# Installs what can be had, and adds it to `required_services`.
require_optional_test_programs() {
    local entry program packages
    for entry in "${optional_root_test_programs[@]}"; do
        program=${entry%%:*}
        IFS=+ read -ra packages <<<"${entry##*:}"
        has_test_program "$program" || install_packages "${packages[@]}" || true
        if has_test_program "$program"; then
            required_services+=,$program
        else
            skipped "tests of targets with $program: Debian's package ${packages[0]} cannot be installed"
        fi
    done
}
