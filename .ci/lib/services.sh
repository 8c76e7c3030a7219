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

# Servers that tests run as root alone, since they make accounts. Without root they are skipped. So are Samba and RabbitMQ, which
# take long to install and start, unless they are there.
# Packages of one program are separated by plus signs.
root_test_programs=(
    sshd:openssh-server
    sudo:sudo
)

# Installs the missing ones, and sets `required_services`, for CHAVEIRO_REQUIRE_SERVICES.
require_test_programs() {
    local entry program packages programs=("${test_programs[@]}")
    if [[ $EUID -eq 0 ]]; then
        programs+=("${root_test_programs[@]}")
    else
        skipped "tests of targets with sshd: they need root"
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
        PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || install_packages "${packages[@]}" >/dev/null 2>&1 ||
            fail "$program is missing; install Debian's package ${packages[0]}, or run this as root"
        required_services+=,$program
    done
}
