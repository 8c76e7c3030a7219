# What the dependencies have to be: allowed, used, and buildable by the oldest compiler that is promised. Sourced.

# Installs a tool of cargo's into target/ci-tools, unless it is there or on the PATH. Built fast, not to be fast.
install_tool() {
    local name=$1 version=$2
    export PATH=$PWD/target/ci-tools/bin:$PATH
    ! command -v "$name" >/dev/null || return 0
    CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        cargo install --quiet --locked --root target/ci-tools "$name@$version" ||
        fail "$name is missing and cannot be installed"
}

check_dependencies() {
    # The metadata of every platform, so that the check needs no network.
    cargo fetch --locked --quiet
    cargo deny --offline --log-level error check licenses bans sources
    local found
    if found=$(cargo deny --log-level error check advisories 2>&1); then
        printf '%s\n' "$found"
    elif grep -Eq '^error\[(vulnerability|unmaintained|unsound|notice|yanked)\]' <<<"$found"; then
        printf '%s\n' "$found"
        fail "a dependency has an advisory, or was yanked"
    else
        # The database or the index cannot be reached, or another holds the lock: no fault of the change.
        printf '%s\n' "$found"
        skipped "advisories: they cannot be looked up"
    fi
}

# The compiler that Cargo.toml promises builds the product; the tests may ask for more. Without it, clippy looks at the
# standard library's items alone.
check_oldest_compiler() {
    local version
    version=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    [[ -n $version ]] || fail "Cargo.toml names no rust-version"
    if command -v rustup >/dev/null && { rustup run "$version" rustc --version 2>/dev/null ||
        timeout 300 rustup toolchain install "$version" --profile minimal --no-self-update >/dev/null 2>&1; }; then
        rustup run "$version" cargo check --locked --lib --bins --target-dir target/oldest
    else
        cargo clippy --all-targets --locked -- -D clippy::incompatible_msrv
        skipped "toolchain $version: not installed, and cannot be; clippy::incompatible_msrv was asked instead"
    fi
}
