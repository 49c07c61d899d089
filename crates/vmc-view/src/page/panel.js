// What stands beside the diagram: the selected event, and the state of both sides at it.

/**
 * @param {Page} page
 * @param {Run} run
 * @param {VmcEvent} event
 * @param {string} [heading]
 */
function showEvent(page, run, event, heading = "") {
  const data = page.data;
  const box = make("div");
  if (heading) box.append(make("h2", {}, heading));
  box.append(make("h2", {}, `Event ${event.seq}: ${event.text}`));
  for (const problem of event.problems) {
    box.append(make("p", { class: "why" }, make("strong", {}, `Rule broken: ${problem.rule}. `), problem.what));
  }
  if (event.why) box.append(make("p", { class: "why" }, make("strong", {}, "Why: "), event.why));
  const meaning = run.meanings[event.meaning];
  if (meaning && meaning.meaning) box.append(make("p", { class: "meaning" }, meaning.meaning));
  const list = make("dl");
  /** @param {string} name @param {string} value */
  const add = (name, value) => list.append(make("dt", {}, name), make("dd", {}, value));
  add("who", actorText(run, event));
  if (run.hasTimes) add("when", `${timeText(event.time)} of virtual time`);
  if (event.session) add("session", event.session);
  // The reason stands above already.
  if (event.note && !event.why) add("outcome", event.note);
  add("record", event.record);
  box.append(list);
  const said = [event.text, event.note, actorText(run, event), ...event.problems.map((problem) => problem.rule)];
  box.append(wordList(said.join("\n")));
  if (event.command) box.append(commandTable(event.command));
  const isPayload = ["rdma", "payload"].includes(data.kinds[event.kind].id);
  if (event.raw) box.append(isPayload ? dump(event.raw) : bytesTable(data, event.raw));
  if (meaning && meaning.refs.length) {
    box.append(make("ul", { class: "refs" }, ...meaning.refs.map((text) => make("li", {}, text))));
  }
  const other = (/** @type {number} */ at) => (at < 0 ? [] : [at]);
  box.append(links(page, run, "Answers", other(event.answers)), links(page, run, "Answered by", other(event.answeredBy)));
  box.append(links(page, run, "Caused by", event.causes), links(page, run, "Causes", event.effects));
  return box;
}

/**
 * The 16 bytes of an entry with their meaning.
 * @param {Data} data
 * @param {string} raw
 */
function bytesTable(data, raw) {
  const byte = (/** @type {number} */ at) => raw.slice(2 * at, 2 * at + 2);
  const table = make("table", { class: "bytes" });
  table.append(make("caption", { hidden: true }, "The entry's bytes"));
  /** @param {number} from @param {number} len @param {string} meaning */
  const row = (from, len, meaning) => {
    const bytes = Array.from({ length: len }, (_, i) => byte(from + i)).join(" ");
    const place = len === 1 ? `${from}` : `${from}–${from + len - 1}`;
    table.append(make("tr", {}, make("td", {}, place), make("td", {}, bytes), make("td", {}, meaning)));
  };
  const header = byte(0);
  const headers = /** @type {Record<string, string>} */ ({ "00": "free element", "80": "command/response", c0: "initialization", ff: "transport event" });
  row(0, 1, `header: ${headers[header] ?? "reserved"}`);
  const message = header === "80" ? data.messages[byte(1)] : undefined;
  row(1, 1, message ? `type: ${message.name}` : "format");
  let next = 2;
  /** @param {number} until */
  const reserved = (until) => {
    if (next < until) row(next, until - next, /^0*$/.test(raw.slice(2 * next, 2 * until)) ? "reserved" : "reserved, and not zero");
  };
  for (const field of message ? message.fields : []) {
    reserved(field.offset);
    const value = parseInt(raw.slice(2 * field.offset, 2 * (field.offset + field.len)), 16);
    row(field.offset, field.len, `${field.name.replaceAll("_", " ")}: ${fieldText(field.name, value, message)}`);
    next = field.offset + field.len;
  }
  if (message) reserved(16);
  else row(2, 14, "no meaning is defined");
  return table;
}

/**
 * An HMC command with its fields.
 * @param {Command} command
 */
function commandTable(command) {
  const list = make("dl", { class: "command" });
  /** @param {string} name @param {string} value */
  const add = (name, value) => list.append(make("dt", {}, name), make("dd", {}, value));
  add("operation", command.operation ?? `0x${command.opcode.toString(16).padStart(4, "0")}, not known`);
  add("target", command.target);
  add("kind", command.kind);
  add("token", String(command.token));
  if (command.code !== null) add("return code", command.code);
  if (command.problem !== null) add("cannot be read", command.problem);
  /** @param {string} name @param {any} value */
  const fields = (name, value) => {
    if (Array.isArray(value)) value.length ? value.forEach((one, i) => fields(`${name}[${i}]`, one)) : add(name, "none");
    else if (value !== null && typeof value === "object") for (const [key, inner] of Object.entries(value)) fields(name ? `${name}.${key}` : key, inner);
    else add(name, String(value));
  };
  if (command.data !== null) fields("", command.data);
  return make("section", {}, make("h2", {}, "HMC command"), list);
}

/**
 * @param {string} name
 * @param {number} value
 * @param {{statuses: Record<string, string>}|undefined} message
 */
function fieldText(name, value, message) {
  if (name === "status") return `${value}, ${(message && message.statuses[value]) ?? "not defined"}`;
  if (name === "owner") return `${value}, ${value === 0 ? "the management partition sends with it first" : value === 1 ? "the hypervisor sends with it first" : "not defined"}`;
  if (name === "version") return `${value >> 8}.${value & 255}`;
  if (name === "buffer_lioba") return `0x${value.toString(16)}`;
  if (name === "length") return `${value} bytes`;
  return String(value);
}

/**
 * Payload, 16 bytes a line.
 * @param {string} raw
 */
function dump(raw) {
  const lines = [];
  const shown = Math.min(raw.length, 2 * 16 * 32);
  for (let at = 0; at < shown; at += 32) {
    const bytes = raw.slice(at, at + 32).match(/../g) ?? [];
    const text = bytes.map((b) => parseInt(b, 16)).map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : "."));
    lines.push(`${(at / 2).toString(16).padStart(4, "0")}  ${bytes.join(" ").padEnd(47)}  ${text.join("")}`);
  }
  if (shown < raw.length) lines.push(`… ${(raw.length - shown) / 2} more bytes`);
  return make("pre", { class: "bytes" }, lines.join("\n"));
}

/**
 * @param {Page} page
 * @param {Run} run
 * @param {string} title
 * @param {number[]} places
 */
function links(page, run, title, places) {
  if (!places.length) return "";
  const buttons = places.slice(0, 8).map((at) => {
    const event = run.events[at];
    const more = [actorText(run, event), ...bufferMoves(run, event)].join("; ");
    return make("button", { type: "button", click: () => page.jump(run, at) }, `${event.seq}  ${event.text}`, make("small", {}, more));
  });
  const more = places.length > 8 ? [`… ${places.length - 8} more`] : [];
  return make("div", { class: "links" }, make("h2", {}, title), ...buttons, ...more);
}

/**
 * Who did it.
 * @param {Run} run
 * @param {VmcEvent} event
 */
function actorText(run, event) {
  return run.apps.includes(event.actor) ? `application ${event.actor}` : event.actor;
}

/**
 * Which buffers are elsewhere from an event on.
 * @param {Run} run
 * @param {VmcEvent} event
 */
function bufferMoves(run, event) {
  const moved = [...run.states.changedBy(event.at)].filter((key) => key.startsWith("buffer "));
  if (!moved.length) return [];
  const state = run.states.after(event.at);
  return moved.map((key) => {
    const [, index, buffer] = key.split(" ");
    const place = state.get(key);
    return `buffer ${state.get(`name ${index} ${buffer}`) ?? buffer}: ${place === undefined ? "gone" : placeText(place)}`;
  });
}

/**
 * The state of both sides after an event.
 * @param {Data} data
 * @param {Run} run
 * @param {number} at
 */
function showState(data, run, at) {
  const state = run.states.after(at);
  const changed = run.states.changedBy(at);
  const mark = (/** @type {string} */ key) => (changed.has(key) ? "changed" : "");
  const box = make("div", {}, make("h2", {}, `State after event ${run.events[at].seq}`));
  const sides = make("div", { class: "sides" });
  for (const [side, title] of [["mgmt", "Management partition"], ["hyp", "Hypervisor"]]) {
    const list = make("dl");
    /** @param {string} name @param {string} hint @param {string} key @param {string} otherwise */
    const add = (name, hint, key, otherwise) => {
      list.append(make("dt", { title: hint }, name), make("dd", { class: mark(key), title: data.states[`${key} ${state.get(key)}`] }, state.get(key) ?? otherwise));
    };
    add("channel", "how far this side has set up the channel", `channel ${side}`, "not started");
    add("CRQ", "Command/Response Queue: this side receives messages of 16 bytes in it", `crq ${side}`, "not registered");
    add("unanswered", "requests that this side has sent and that are not answered yet", `outstanding ${side}`, "0");
    for (const [key, value] of state) {
      const [kind, index, session, what] = key.split(" ");
      if (kind === "session" && what === side) {
        const name = state.get(`session ${index} ${session} app`) ?? (session === "0" ? `slot ${index}` : `${index}/${session}`);
        list.append(make("dt", { title: "how far this side has come with the session" }, name), make("dd", { class: mark(key), title: data.states[`session ${side} ${value}`] }, value));
      }
    }
    const queue = [...state].filter(([key]) => key.startsWith(`queue ${side} `));
    list.append(make("dt", { title: "messages that wait in this side's queue" }, "queue"), make("dd", {}, queue.length ? `${queue.length}: ` : "empty", queue.slice(0, 8).map(([, entry]) => entry).join(", "), queue.length > 8 ? " …" : ""));
    sides.append(make("div", {}, make("h2", {}, title), list));
  }
  box.append(sides, calls(run, state, mark), buffers(state, mark));
  return box;
}

/**
 * @param {Run} run
 * @param {Map<string, string>} state
 * @param {(key: string) => string} mark
 */
function calls(run, state, mark) {
  const list = make("dl");
  for (const [key, value] of state) {
    const [kind, number, session] = key.split(" ");
    if (kind === "call") list.append(make("dt", {}, run.apps[Number(number)] ?? `app${number}`), make("dd", { class: mark(key) }, `in ${value}`));
    if (kind === "file") list.append(make("dt", {}, `file ${number}`), make("dd", { class: mark(key) }, value.includes("#") ? `session ${value}` : value));
    if (kind === "unread") {
      const name = state.get(`session ${number} ${session} app`) ?? `index ${number}, session ${session}`;
      list.append(make("dt", {}, name), make("dd", { class: mark(key) }, value === "1" ? "1 message waits for read()" : `${value} messages wait for read()`));
    }
  }
  return list.children.length ? make("div", {}, make("h2", {}, "Calls and files"), list) : "";
}

/**
 * @param {Map<string, string>} state
 * @param {(key: string) => string} mark
 */
function buffers(state, mark) {
  const names = sessionsByIndex(state);
  /** @type {Map<string, [string, string][]>} */
  const pools = new Map();
  for (const [key, value] of state) {
    const [kind, index, buffer] = key.split(" ");
    if (kind !== "buffer") continue;
    if (!pools.has(index)) pools.set(index, []);
    pools.get(index)?.push([buffer, value]);
  }
  const box = make("div");
  for (const [index, pool] of pools) {
    const free = pool.filter(([, place]) => place === "mgmt").length;
    const name = names.get(index) ?? `slot ${index}`;
    // An index without a session has a seed buffer at most, to open one with.
    const words = names.has(index) ? `${free} of ${pool.length} free for write()` : free ? "the seed for the next session" : "no seed yet";
    box.append(make("h2", {}, `Buffers of ${name}: `, make("span", { class: free ? "free" : "free none" }, words)));
    const list = make("dl");
    // Neighbours at the same place stand together.
    for (let first = 0, next; first < pool.length; first = next) {
      const [id, place] = pool[first];
      const changed = mark(`buffer ${index} ${id}`);
      for (next = first + 1; next < pool.length && pool[next][1] === place && mark(`buffer ${index} ${pool[next][0]}`) === changed;) next++;
      const last = pool[next - 1][0];
      const called = (/** @type {string} */ buffer) => state.get(`name ${index} ${buffer}`) ?? "?";
      const name = id === last ? `${called(id)} (id ${id})` : `${called(id)} to ${called(last)} (ids ${id} to ${last})`;
      list.append(make("dt", {}, name), make("dd", { class: changed }, make("span", { class: `place ${placeClass(place)}` }), placeText(place)));
    }
    box.append(list);
  }
  return box;
}
