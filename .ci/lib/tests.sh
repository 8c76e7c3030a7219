# Builds the tests, and runs them, those that fail once more. Sourced.
#
# A machine that stalls fails a test in a thousand, and a change must not wait for the luck of all of them. So up to three tests
# that fail are run again, one at a time. What passes then is not forgotten: the run ends with its name, and its first failure is
# in the log above. Tests of faults get no second chance: a write that is lost once in a hundred runs is a lost write.

failed_once=()

# Builds all tests. The compiler and the linker can fail without an error of the code when the disk or the memory is full: what is
# left is said, and one crate at a time takes the least memory.
build_tests() {
    local log
    log=$(mktemp)
    if ! cargo test --locked --no-run 2>&1 | tee "$log"; then
        say_resources
        step "once more, one crate at a time"
        cargo test --locked --no-run --jobs 1 2>&1 | tee "$log" || {
            say_resources
            fail "the tests were not built: $(grep --extended-regexp --max-count=5 '^error|ERROR|panicked|[Nn]o space' "$log" || tail -n 5 "$log")"
        }
        failed_once+=("the build of the tests")
    fi
    rm -- "$log"
}

# Says what is left of the disk and of the memory, and whether the kernel has killed a process for its memory.
say_resources() {
    df --human-readable . "${CARGO_TARGET_DIR:-.}" "${TMPDIR:-/tmp}" || true
    grep --extended-regexp '^(MemTotal|MemAvailable|SwapFree):' /proc/meminfo || true
    cat /sys/fs/cgroup/memory.{max,peak,events} 2>/dev/null || true
}

# run_tests ARGUMENT...: as `cargo test --locked ARGUMENT...`
run_tests() {
    local log failed passed
    log=$(mktemp)
    if cargo test --locked --no-fail-fast "$@" 2>&1 | tee "$log"; then
        rm -- "$log"
        return
    fi
    mapfile -t failed < <(failed_tests "$log")
    rm -- "$log"
    [[ ${#failed[@]} -gt 0 ]] || fail "the tests were not built, or did not end"
    [[ ${#failed[@]} -le 3 ]] || fail "${#failed[@]} tests failed: ${failed[*]}"
    [[ ${failed[*]} != *faults/* ]] || fail "a test of faults failed: ${failed[*]}"

    step "once more, one at a time: ${failed[*]}"
    local again=("$@")
    [[ " $* " == *' -- '* ]] || again+=(--)
    again+=(--exact "${failed[@]#*/}")
    [[ $* == *--test-threads=1* ]] || again+=(--test-threads=1)
    log=$(mktemp)
    cargo test --locked "${again[@]}" 2>&1 | tee "$log" || fail "failed twice: ${failed[*]}"
    passed=$(awk '/^test result: ok\./ { passed += $4 } END { print passed + 0 }' "$log")
    rm -- "$log"
    [[ $passed -ge ${#failed[@]} ]] || fail "of ${#failed[@]} tests, $passed ran again: ${failed[*]}"
    failed_once+=("${failed[@]}")
}

# failed_tests LOG: the failed tests in the output of cargo, each as BINARY/NAME. They are those of the last list of each binary:
# what a test writes may be in the line that says how it ended, and may have a list of its own.
failed_tests() {
    awk '
        /^ +Running / { binary = $NF; sub(/.*\//, "", binary); sub(/-[0-9a-f]+\)$/, "", binary) }
        /^ +Doc-tests / { binary = "doc" }
        /^failures:$/ { count = 0 }
        /^    [^ ]/ { names[count++] = substr($0, 5) }
        /^test result: FAILED\./ { for (at = 0; at < count; at++) print binary "/" names[at] }
        /^test result: / { count = 0 }
    ' "$1"
}

# Names the tests that passed at the second attempt, at the end of the run.
report_failed_once() {
    [[ ${#failed_once[@]} -eq 0 ]] || printf 'failed once, passed alone: %s\n' "${failed_once[@]}"
}
