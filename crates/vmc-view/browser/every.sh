#!/usr/bin/env bash
# Makes every format of every scenario's run, below target/every, and has real readers read them: our own reader and
# checkers the trace files, tshark the captures, the classes of Perfetto's published schema its traces. Chromium reads pages and pictures, and Mermaid
# its text, in every.test.mjs. Run in the workspace's folder.
set -euo pipefail
out=target/every
rm -rf "$out"
mkdir -p "$out"
cargo xtask sim --runtime deterministic --payloads --save-traces "$out" >"$out/sim.log"
cargo xtask trace check "$out"/*.jsonl >"$out/check.log"
xtask=target/debug/xtask
for file in "$out"/*.jsonl; do
    for format in html pcapng perfetto svg mermaid; do
        "$xtask" trace "$file" --to "$format" -o "${file%.jsonl}.$format"
    done
done
# Perfetto's own trace processor is in no registry: its package loads it from elsewhere. The schema's classes are in it.
[[ -x target/perfetto/bin/python ]] || python3 -m venv target/perfetto
target/perfetto/bin/pip install --quiet --disable-pip-version-check --requirement crates/vmc-view/perfetto/requirements.txt
target/perfetto/bin/python crates/vmc-view/perfetto/read.py "$out"
# A capture may have several sections, so all of them are one.
cat "$out"/*.pcapng >"$out/all.pcapng"
wireshark() { tshark -X lua_script:crates/vmc-view/wireshark/vmc.lua -r "$out/all.pcapng" "$@" 2>/dev/null; }
wireshark -T fields -e _ws.col.Protocol >"$out/packets.txt"
[[ $(sort -u "$out/packets.txt") == VMC ]]
# Nothing that the dissector stumbled over; a malformed HMC command is the protocol's affair.
[[ -z $(wireshark -Y '_ws.malformed || _ws.lua.error') ]]
echo "$(ls "$out"/*.jsonl | wc -l) runs, $(wc -l <"$out/packets.txt") packets"
