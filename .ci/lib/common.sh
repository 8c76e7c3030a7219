# What every part of `.ci/run` uses. Sourced.

step() {
    printf '\n==> [%ss] %s\n' "$SECONDS" "$*"
}

fail() {
    printf '\n.ci/run: %s\n' "$*" >&2
    exit 1
}

# Says that a check was not made, in words that a search finds. Never silently.
skipped() {
    printf 'skipped: %s\n' "$*"
}

# Installs packages of Debian, as root or by sudo without a password.
install_packages() {
    local root=()
    if [[ $EUID -ne 0 ]]; then
        command -v sudo >/dev/null || return 1
        root=(sudo -n)
    fi
    command -v apt-get >/dev/null || return 1
    "${root[@]}" apt-get update --quiet &&
        "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends "$@"
}
