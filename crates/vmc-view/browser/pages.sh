#!/usr/bin/env bash
# Makes the pages that page.test.mjs looks at, below target/pages. Run in the workspace's folder.
set -euo pipefail
out=target/pages
mkdir -p "$out"
cargo xtask trace boot/driver-first --to html -o "$out/boot.html"
cargo xtask trace buffers/unread-echoes --to html -o "$out/exhaustion.html"
cargo xtask trace crash/hyp-reader-asleep --to html -o "$out/crash.html"
cargo xtask trace messages/echo --to svg -o "$out/echo.svg"
cargo xtask trace management/networks --to html -o "$out/commands.html"
# They differ, so the command says so.
cargo xtask trace diff messages/echo buffers/unread-echoes --to html -o "$out/difference.html" || [[ $? == 1 ]]
cat >"$out/failing.toml" <<'TOML'
title = "A read that expects what does not come"
[[app]]
steps = [
  { open = {} }, { set-hmc-id = "HMC-A" }, { wait = "session-ready" },
  { write = { bytes = 3000 } }, { read = { expect = "EIO" } },
]
TOML
cargo xtask trace "$out/failing.toml" --to html -o "$out/failing.html"
cat >"$out/race.toml" <<'TOML'
title = "Two threads write to one session"
[[app]]
name = "a"
steps = [
  { open = {} }, { set-hmc-id = "HMC-A" }, { wait = "session-ready" },
  { post = "open" }, { write = { bytes = 10 } }, { await = "written" }, { write = { bytes = 30, expect = "EIO" } },
]
[[app]]
name = "b"
process = "a"
steps = [{ await = "open" }, { write = { bytes = 20 } }, { post = "written" }]
TOML
rm -rf "$out/report"
cargo xtask sim "$out/race.toml" --runtime deterministic --schedules 20 --report "$out/report" >"$out/report.log" || [[ $? == 1 ]]
cat >"$out/long.toml" <<'TOML'
title = "A hundred thousand events"
[[app]]
steps = [
  { open = {} }, { set-hmc-id = "HMC-A" }, { wait = "session-ready" },
  { repeat = { times = 5000, steps = [{ write = { bytes = 100 } }, { read = { expect = "echo" } }] } },
]
TOML
cargo xtask trace "$out/long.toml" --to html -o "$out/long.html"
cargo xtask trace buffers/unread-echoes --to svg -o "$out/exhaustion.svg"
cargo xtask trace crash/hyp-reader-asleep --to svg -o "$out/crash.svg"
