#!/usr/bin/env bash
# Runs every fuzz target, or those that are named, for so many seconds each: run.sh SECONDS [TARGET...]
# It begins with the corpus in the repository and keeps what it finds in target/fuzz; a failing input stays there, too.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:?'expected the seconds for each target: run.sh SECONDS [TARGET...]'}
shift
targets=("$@")
((${#targets[@]})) || mapfile -t targets < <(ls crates/fuzz/corpus)

rustup toolchain list | grep -q '^nightly' || rustup toolchain install nightly --profile minimal
cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked
for target in "${targets[@]}"; do
    found=target/fuzz/corpus/$target
    mkdir -p "$found"
    printf '\n-- %s, %s seconds\n' "$target" "$seconds"
    cargo +nightly fuzz run --fuzz-dir crates/fuzz --target-dir target/fuzz "$target" \
        "$found" "crates/fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -max_len=4096 -timeout=20 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="target/fuzz/$target-"
done
