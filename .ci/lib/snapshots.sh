# Snapshots that no test asserts. Sourced.

# insta appends the path of every snapshot that a test asserts to this file.
export INSTA_SNAPSHOT_REFERENCES_FILE=$PWD/target/snapshot-references

forget_snapshot_references() {
    mkdir -p target
    : >"$INSTA_SNAPSHOT_REFERENCES_FILE"
}

# To be called after the tests. Fails for a file that none of them has asked for.
check_snapshots() {
    local asserted kept
    asserted=$(xargs --no-run-if-empty --delimiter='\n' realpath <"$INSTA_SNAPSHOT_REFERENCES_FILE" | sort --unique)
    kept=$(find "$PWD/src" "$PWD/crates" "$PWD/tests" -name '*.snap' | xargs --no-run-if-empty --delimiter='\n' realpath | sort)
    [[ -n $asserted ]] || fail "no test has asserted a snapshot: insta tells of none"
    local orphans
    orphans=$(comm -13 <(printf '%s\n' "$asserted") <(printf '%s\n' "$kept"))
    [[ -z $orphans ]] || fail "snapshots that no test asserts: $orphans"
    printf '%s snapshots, each asserted by a test\n' "$(wc -l <<<"$kept")"
}
