# The tests that docs/promises.md and docs/asvs.md name are there. Sourced.

check_promises() {
    check_named_tests docs/promises.md
    check_named_tests docs/asvs.md
}

# check_named_tests PAGE
check_named_tests() {
    local page=$1 file= name missing=0
    while read -r name; do
        case $name in
        src/* | crates/* | tests/*)
            file=${name%%:*}
            if [[ ! -f $file ]]; then
                printf '%s: no file %s\n' "$page" "$file"
                missing=1
                continue
            fi
            [[ $name == *': '* ]] || continue
            name=${name#*: }
            ;;
        esac
        if [[ $name =~ ^[a-z0-9_]+$ && -f $file ]] && ! grep -q "fn $name\b" "$file"; then
            printf '%s: no test %s in %s\n' "$page" "$name" "$file"
            missing=1
        fi
    done < <(grep -o '`[^`]*`' "$page" | tr -d '`')
    [[ $missing == 0 ]] || fail "$page names what is not there"
}
