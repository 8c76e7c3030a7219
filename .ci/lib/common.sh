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

# Installs packages of Debian, as root or by sudo without a password. Waits for another installation, and asks a mirror again. Says
# why it cannot.
install_packages() {
    local root=() output
    if [[ $EUID -ne 0 ]]; then
        command -v sudo >/dev/null || { printf 'no packages without root or sudo: %s\n' "$*" >&2; return 1; }
        root=(sudo -n)
    fi
    command -v apt-get >/dev/null || { printf 'no packages without apt-get: %s\n' "$*" >&2; return 1; }
    local options=(--quiet -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
    # The lists that are there may do when a mirror cannot be reached now.
    output=$("${root[@]}" apt-get update "${options[@]}" 2>&1) || printf '%s\n' "$output" >&2
    output=$("${root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install "${options[@]}" --yes --no-install-recommends "$@" 2>&1) || { printf '%s\n' "$output" >&2; return 1; }
}
