# The tests that docs/promises.md names are there. Sourced.

check_promises() {
    local file= name missing=0
    while read -r name; do
        case $name in
        src/* | crates/* | tests/*)
            file=${name%%:*}
            if [[ ! -f $file ]]; then
                printf 'docs/promises.md: no file %s\n' "$file"
                missing=1
                continue
            fi
            [[ $name == *': '* ]] || continue
            name=${name#*: }
            ;;
        esac
        if [[ $name =~ ^[a-z0-9_]+$ && -f $file ]] && ! grep -q "fn $name\b" "$file"; then
            printf 'docs/promises.md: no test %s in %s\n' "$name" "$file"
            missing=1
        fi
    done < <(grep -o '`[^`]*`' docs/promises.md | tr -d '`')
    [[ $missing == 0 ]] || fail "docs/promises.md names what is not there"
}
