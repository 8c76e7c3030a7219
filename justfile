# Recipes for everyday work. `just` alone lists them; each is one command that also works by hand.

# List the recipes.
default:
    @just --list

# Make a vault in ./chaveiro-data with a first client, print calls to paste, serve on 127.0.0.1:8080.
run *arguments:
    cargo run --release -- quickstart {{arguments}}

# The tests, on SQLite, or on the PostgreSQL that TEST_DATABASE_URL names.
test *arguments:
    cargo test {{arguments}}

# The tests under faults, with more rounds: CHAVEIRO_FAULT_ROUNDS=100 just faults.
faults *arguments:
    CHAVEIRO_FAULT_ROUNDS=${CHAVEIRO_FAULT_ROUNDS:-20} cargo test --test faults {{arguments}}

# Everything that CI runs.
check:
    bash .ci/run

# Format the code.
fmt:
    cargo fmt --all

# The lints, as CI has them.
lint:
    cargo clippy --all-targets --locked -- -D warnings

# The benches.
bench *arguments:
    cargo bench {{arguments}}

# The instructions of each request, counted by callgrind.
instructions *arguments:
    bash benches/instructions.sh {{arguments}}

# The rustdoc of everything, private items too; --open shows it.
doc *arguments:
    cargo doc --no-deps --document-private-items {{arguments}}
