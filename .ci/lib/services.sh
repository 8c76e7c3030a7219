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
)

# Installs the missing ones, and sets `required_services`, for CHAVEIRO_REQUIRE_SERVICES.
require_test_programs() {
    local entry program package
    required_services=ldap
    for entry in "${test_programs[@]}"; do
        program=${entry%%:*} package=${entry##*:}
        PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || install_packages "$package" >/dev/null 2>&1 ||
            fail "$program is missing; install Debian's package $package, or run this as root"
        required_services+=,$program
    done
}
