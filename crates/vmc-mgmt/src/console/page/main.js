// The page: what it knows, what is done, and the keys.

/** @type {Model} */
const model = { system: null, dialect: "novalink", partitions: new Map(), fresh: null };
const link = new Link();
const panels = new Panels(model);
const dialog = byId("dialog");

/** Says something for a while; a failure stays until it is closed. @param {string} text */
function toast(text, bad = false) {
  const element = make("div", { class: `toast ${bad ? "bad" : ""}` }, make("span", {}, text));
  element.append(make("button", { "aria-label": "Close", onclick: () => element.remove() }, "✕"));
  byId("toasts").append(element);
  if (!bad) setTimeout(() => element.remove(), 4000);
  while (byId("toasts").children.length > 4) byId("toasts").firstChild.remove();
}

/**
 * Has a command line done, and shows what it comes to; whether it was done.
 * @param {string} program
 * @param {string[]} words
 * @param {string} [done] What is said then.
 */
async function run(program, words, done) {
  /** @type {Sent} */
  const command = { at: Date.now(), line: [program, ...words].map(shellWord).join(" "), code: undefined, text: "" };
  panels.commands.unshift(command);
  panels.commands.length = Math.min(panels.commands.length, LISTED);
  panels.showCommands();
  try {
    const printed = await link.command(program, words);
    Object.assign(command, { code: printed.code, text: printed.stdout.trim() });
  } catch (error) {
    Object.assign(command, { code: 2, text: messageOf(error) });
  }
  panels.showCommands();
  if (command.code) toast(command.text || "The command has failed.", true);
  else if (done) toast(done);
  return command.code === 0;
}

/** @param {string[]} words @param {string} [done] */
const hmc = (words, done) => run("hmc", words, done);
/** @param {string[]} words @param {string} [done] */
const pvmctl = (words, done) => run("pvmctl", words, done);
const system = () => ["-m", model.system?.name ?? ""];
/** @param {Partition} partition */
const server = (partition) => ["viosvrcmd", ...system(), "--id", String(partition.id), "-c"];

/**
 * Asks in a dialog; the values, or null when it was given up.
 * @param {string} title
 * @param {HTMLElement[]} content
 * @param {string} action What the button says.
 * @returns {Promise<Values|null>}
 */
function ask(title, content, action, danger = false) {
  return new Promise((resolve) => {
    const form = make("form", { method: "dialog" }, make("h2", {}, title), ...content,
      make("div", { class: "end" }, make("button", { value: "", formnovalidate: true }, "Cancel"), make("button", { value: "yes", class: danger ? "danger" : "main" }, action)));
    dialog.replaceChildren(form);
    // Return is the action's, not the first button's.
    form.addEventListener("keydown", (/** @type {any} */ event) => {
      if (event.key === "Enter" && event.target.tagName === "INPUT") {
        event.preventDefault();
        form.requestSubmit(form.querySelector("button[value=yes]"));
      }
    });
    dialog.onclose = () => resolve(dialog.returnValue === "yes" ? valuesOf(form) : null);
    dialog.returnValue = "";
    dialog.showModal();
    (form.querySelector("input, select") ?? form.querySelector("button[value=yes]")).focus();
  });
}

/** @typedef {typeof actions} Actions */

const actions = {
  /** @param {string} what @param {number} id */
  async act(what, id) {
    const partition = model.partitions.get(id);
    if (!partition || !model.system) return;
    const change = (/** @type {string} */ operation, /** @type {string[]} */ ...options) => ["chsysstate", ...system(), "-r", "lpar", "-o", operation, "--id", String(id), ...options];
    const { name } = partition;
    switch (what) {
      case "start": return hmc(change("on"), `${name} is started.`);
      // Only a hard stop ends the state error.
      case "stop": return hmc(change("shutdown", ...(partition.state === "error" ? ["--immed"] : [])), `${name} is stopped.`);
      case "kill": return hmc(change("shutdown", "--immed"), `${name} is stopped.`);
      case "restart": return hmc(change("shutdown", "--restart"), `${name} is started again.`);
      case "rename": {
        const values = await ask(`Rename ${name}`, [make("label", {}, "Name", make("input", { name: "name", value: name, maxlength: 31, required: true })),
          make("label", {}, "Description", make("input", { name: "description", value: partition.description, maxlength: 256 }))], "Change");
        if (!values) return;
        /** @type {Record<string, string|number>} */
        const pairs = { lpar_id: id };
        if (values.name !== name) pairs.new_name = values.name;
        if (values.description !== partition.description) pairs.description = values.description;
        if (Object.keys(pairs).length > 1) return hmc(["chsyscfg", "-r", "lpar", ...system(), "-i", record(pairs)], `${values.name} is changed.`);
        return;
      }
      case "delete": {
        const disks = partition.mappings.filter((it) => it.kind === "disk").map((it) => it.backing);
        const content = [make("p", {}, "Its adapters and mappings go with it.")];
        if (disks.length) content.push(make("label", { class: "check" }, make("input", { type: "checkbox", name: "disks" }), `its disks, too: ${disks.join(", ")}`));
        const values = await ask(`Delete ${name}?`, content, "Delete", true);
        if (values) return hmc(["rmsyscfg", "-r", "lpar", ...system(), "--id", String(id), ...(values.disks ? ["--vdisks"] : [])], `${name} is deleted.`);
      }
    }
  },

  async create() {
    if (!model.system) return;
    const { lmb } = model.system.memory;
    const field = (/** @type {string} */ label, /** @type {string} */ name, /** @type {Record<string, any>} */ attributes) => make("label", {}, label, make("input", { name, required: true, ...attributes }));
    const number = (/** @type {string} */ label, /** @type {string} */ name, /** @type {number} */ value, step = 1) => field(label, name, { type: "number", value, step, min: step });
    const values = await ask("New partition", [make("div", { class: "fields" },
      field("Name", "name", { maxlength: 31 }),
      make("label", {}, "Type", make("select", { name: "kind" }, make("option", { value: "aixlinux" }, "AIX/Linux"), make("option", { value: "vioserver" }, "Virtual I/O Server"), make("option", { value: "os400" }, "IBM i"))),
      number("Memory, MB", "mem", Math.max(lmb, 2048), lmb), number("Most memory, MB", "maxMem", Math.max(lmb, 4096), lmb),
      number("Virtual processors", "procs", 1), number("Most virtual processors", "maxProcs", 2),
      field("Processing units", "units", { type: "number", value: "0.5", step: "0.05", min: "0.05" }), number("Virtual slots", "slots", 64)),
    make("label", { class: "check" }, make("input", { type: "checkbox", name: "boots", checked: true }), "has a physical disk to boot from"),
    make("p", { class: "dim" }, "Without a disk to boot from it stops at its firmware's prompt.")], "Create");
    if (!values) return;
    const pairs = {
      name: values.name, ...(model.dialect === "hmc" ? { profile_name: "default_profile" } : {}), lpar_env: values.kind,
      min_mem: Math.min(1024, Number(values.mem)), desired_mem: values.mem, max_mem: Math.max(Number(values.maxMem), Number(values.mem)),
      proc_mode: "shared", sharing_mode: "uncap", uncap_weight: 128, min_procs: 1, desired_procs: values.procs, max_procs: Math.max(Number(values.maxProcs), Number(values.procs)),
      min_proc_units: Math.min(0.1, Number(values.units)), desired_proc_units: values.units, max_proc_units: Math.max(Number(values.maxProcs), Number(values.procs)),
      max_virtual_slots: values.slots, io_slots: values.boots ? "21010001//1" : "none",
    };
    if (await hmc(["mksyscfg", "-r", "lpar", ...system(), "-i", record(pairs)], `${values.name} is created.`)) chooseSoon(values.name);
  },

  /** @param {Partition} partition @param {Values} values */
  async resize(partition, values) {
    const of = ["--id", String(partition.id)];
    const { memory: mb, processors } = partition;
    const off = partition.state === "not activated";
    const now = off || !mb.now ? mb.desired : mb.now;
    if (Number(values.mem) !== now) await hmc(["chhwres", "-r", "mem", ...system(), "-o", "s", ...of, "-q", values.mem], `${partition.name} has other memory.`);
    const procs = off || !processors.now ? processors.desired : processors.now;
    const share = units(off || !processors.units ? processors.desiredUnits : processors.units);
    if (Number(values.procs) !== procs || (values.units !== undefined && Number(values.units) !== Number(share))) {
      const shared = values.units !== undefined ? ["--procunits", values.units] : [];
      await hmc(["chhwres", "-r", "proc", ...system(), "-o", "s", ...of, "--procs", values.procs, ...shared], `${partition.name} has other processors.`);
    }
  },

  /** @param {Partition} partition @param {Values} values */
  addEthernet: (partition, values) => hmc(["chhwres", "-r", "virtualio", "--rsubtype", "eth", ...system(), "-o", "a", "--id", String(partition.id),
    "-a", record({ ieee_virtual_eth: 0, port_vlan_id: values.vlan, vswitch: values.switch })], "The adapter is added."),
  /** @param {Partition} partition @param {number} slot */
  removeEthernet: (partition, slot) => hmc(["chhwres", "-r", "virtualio", "--rsubtype", "eth", ...system(), "-o", "r", "--id", String(partition.id), "-s", String(slot)], "The adapter is removed."),

  /** @param {Partition} partition @param {string[]} place Of which kind, of which server, and its name. @param {Values} values */
  async addDisk(partition, [kind, vios, place], values) {
    const lpar = ["--lpar", `id=${partition.id}`, "-p", `name=${vios}`];
    if (kind === "pv") return pvmctl(["scsi", "create", "--type", "pv", ...lpar, "--stor-id", place], `${place} is attached.`);
    const name = kind === "old" ? place : values.name;
    if (kind === "lv" && !(await pvmctl(["lv", "create", "--name", name, "--size", values.size, "--vg", `name=${place}`, "-p", `name=${vios}`]))) return;
    return pvmctl(["scsi", "create", "--type", "lv", ...lpar, "--stor-id", name], `${name} is attached.`);
  },
  /** @param {Partition} partition @param {Mapping} mapping */
  removeDisk: (partition, mapping) => pvmctl(["scsi", "delete", "--type", { disk: "lv", volume: "pv", optical: "vopt" }[mapping.kind], "--lpar", `id=${partition.id}`,
    "-p", `name=${mapping.server}`, "--stor-id", mapping.backing ?? ""], `${mapping.backing} is detached.`),
  /** @param {Partition} partition @param {Values} values */
  addGroup: (partition, values) => hmc([...server(partition), `mkvg -vg ${values.name} ${values.volume}`], `The group ${values.name} is made.`),
  /** @param {Partition} partition @param {string} name */
  deleteDisk: (partition, name) => hmc([...server(partition), `rmlv -f ${name}`], `The disk ${name} is deleted.`),
};

const detail = new Detail(actions);
const table = new Table((id) => detail.show(chosen(id), model), (what, id) => actions.act(what, id));
/** @param {number|null} id */
function chosen(id) {
  return id === null ? undefined : model.partitions.get(id);
}

/** @type {string|null} */
let wanted = null;

/** Chooses a partition as soon as it is there. @param {string} name */
function chooseSoon(name) {
  const found = [...model.partitions.values()].find((it) => it.name === name);
  wanted = found ? null : name;
  if (found) table.choose(found.id);
}

/** @param {System} system */
function showSystem({ name, mtms, state, memory: mb, units: share }) {
  document.title = `${name} · vmcsim console`;
  byId("system-name").textContent = name;
  byId("system-about").replaceChildren(mtms, " ", stateElement(state));
  const meter = (/** @type {string} */ what, /** @type {number} */ used, /** @type {number} */ all, /** @type {string} */ text) => {
    byId(`${what}-text`).textContent = text;
    byId(`${what}-bar`).style.width = `${all ? (100 * used) / all : 0}%`;
  };
  meter("memory", mb.all - mb.free, mb.all, `Memory ${memory(mb.free)} of ${memory(mb.all)} free`);
  meter("units", share.all - share.free, share.all, `Processors ${units(share.free)} of ${units(share.all)} free`);
}

function showCount() {
  const [shown, all] = [table.shown().length, table.rows.size];
  const running = [...model.partitions.values()].filter((it) => it.state === "running").length;
  byId("count").textContent = `${shown === all ? all : `${shown} of ${all}`} partitions, ${running} running`;
  const none = byId("none");
  none.hidden = shown > 0 || !model.system;
  none.textContent = all ? "No partition is like that." : "There is no partition yet.";
  const filter = byId("state-filter");
  const states = [...new Set([...model.partitions.values()].map((it) => it.state))].sort();
  const known = [...filter.options].slice(1).map((it) => it.value);
  if (states.join() !== known.join()) filter.replaceChildren(make("option", { value: "" }, "all"), ...states.map((it) => make("option", { selected: it === table.state }, it)));
  if (table.state && !states.includes(table.state)) filter.append(make("option", { selected: true }, table.state));
}

link.onmessage = (message) => {
  if (message.hello) {
    // A new stream begins with everything.
    model.dialect = message.hello.dialect;
    model.fresh = new Set();
  }
  if (message.system) {
    model.system = message.system;
    showSystem(message.system);
  }
  for (const partition of message.partitions ?? []) {
    model.partitions.set(partition.id, partition);
    model.fresh?.add(partition.id);
    table.update(partition);
    if (partition.name === wanted) chooseSoon(partition.name);
  }
  for (const id of message.gone ?? []) {
    model.partitions.delete(id);
    table.remove(id);
  }
  if (model.fresh?.size) {
    // What was there before the stream and is not in it has gone meanwhile.
    for (const id of [...model.partitions.keys()].filter((id) => !model.fresh?.has(id))) {
      model.partitions.delete(id);
      table.remove(id);
    }
    model.fresh = null;
  }
  if (message.partitions || message.gone || message.system) {
    showCount();
    detail.show(chosen(table.chosen), model);
  }
  if (message.jobs) panels.showJobs(message.jobs);
  if (message.events) panels.addEvents(message.events);
  if (message.vmc) showVmc(message.vmc);
  if (message.trouble !== undefined) {
    byId("trouble").hidden = !message.trouble;
    byId("trouble").textContent = message.trouble ? `What is shown may be old: ${message.trouble}` : "";
  }
};

/** @param {Vmc} vmc */
function showVmc(vmc) {
  panels.vmc(vmc);
  const { machine } = vmc;
  const down = machine && (!machine.running[1] || !machine.sessions.some((it) => it.number !== null));
  link.onlink(!down, down ? "The VMC is down" : "Live");
}

link.onlink = (good, text) => {
  byId("link").className = good ? "" : "old";
  byId("link").textContent = text;
  // What is shown is what was there last.
  document.body.classList.toggle("stale", !good);
};

setInterval(() => {
  if (link.last && Date.now() - link.last > STALE_MS) link.onlink(false, `No word for ${Math.round((Date.now() - link.last) / 1000)} s`);
}, 1000);

function showHelp() {
  const key = (/** @type {string[]} */ keys, /** @type {string} */ text) => make("li", {}, ...keys.flatMap((it) => [make("kbd", {}, it), " "]), text);
  ask("Keys and words", [
    make("ul", {}, key(["↓", "↑", "PgDn", "PgUp"], "choose a partition"), key(["/"], "search"), key(["Esc"], "search no more"), key(["n"], "new partition"), key(["s"], "start"), key(["x"], "stop"),
      key(["r"], "rename"), key(["Del"], "delete"), key(["1", "2", "3", "4"], "VMC, jobs, events, commands"), key(["?"], "this")),
    make("p", {}, "The Virtual Management Channel (VMC) carries each look and each change as a message to the hypervisor. A session has buffers, which both sides own by turns."),
    make("p", {}, "RMC is the connection to a partition's operating system: a running partition is resized, and told to shut down, by way of it."),
    make("p", {}, "★ is the management partition, in which this application runs. It cannot stop or delete itself."),
  ], "Close");
}

document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const writes = ["INPUT", "SELECT", "TEXTAREA"].includes(target.tagName);
  if (byId("app").hidden || dialog.open || event.ctrlKey || event.metaKey || event.altKey) return;
  if (writes) {
    if (event.key === "Escape") {
      if (target.id === "search") search("");
      target.blur();
    }
    if (target.id === "search" && event.key === "ArrowDown") table.step(1);
    return;
  }
  if (target.getAttribute?.("role") === "tab") return;
  const at = table.chosen;
  const act = (/** @type {string} */ what) => at !== null && actions.act(what, at);
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowDown: () => table.step(1), ArrowUp: () => table.step(-1), PageDown: () => table.step(15), PageUp: () => table.step(-15), Home: () => table.step(-1e6), End: () => table.step(1e6),
    "/": () => byId("search").focus(), n: () => actions.create(), s: () => act("start"), x: () => act("stop"), r: () => act("rename"), Delete: () => act("delete"), "?": showHelp,
    1: () => panels.select("vmc"), 2: () => panels.select("jobs"), 3: () => panels.select("events"), 4: () => panels.select("commands"),
  };
  if (keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  }
});

/** Leaves the partitions that have these words. @param {string} words */
function search(words) {
  byId("search").value = words;
  table.search = words;
  table.filter();
  showCount();
}

byId("search").addEventListener("input", (/** @type {any} */ event) => search(event.target.value));
byId("state-filter").addEventListener("change", (/** @type {any} */ event) => { table.state = event.target.value; table.filter(); showCount(); });
byId("new").addEventListener("click", () => actions.create());
byId("help-button").addEventListener("click", showHelp);
byId("logoff").addEventListener("click", () => link.logOff());

byId("logon").addEventListener("submit", async (/** @type {Event} */ event) => {
  event.preventDefault();
  byId("logon-error").textContent = "";
  try {
    await link.logOn(byId("user").value, byId("password").value);
    byId("password").value = "";
    begin();
  } catch (error) {
    byId("logon-error").textContent = messageOf(error);
  }
});

async function begin() {
  byId("logon").hidden = true;
  byId("app").hidden = false;
  detail.show(undefined, model);
  await link.follow();
  // The token is no good any more.
  sessionStorage.removeItem("token");
  link.last = 0;
  byId("app").hidden = true;
  byId("logon").hidden = false;
  byId("user").focus();
}

if (link.token) begin();
else {
  byId("logon").hidden = false;
  byId("user").focus();
}
