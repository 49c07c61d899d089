// Below the table: the channel, jobs, events, and the commands that this page has sent.

const RATES = 120;
const LISTED = 200;

class Panels {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    /** @type {number[]} */
    this.rates = [];
    /** @type {Vmc["messages"]} */
    this.messages = [];
    /** @type {Notice[]} */
    this.events = [];
    /** @type {Sent[]} */
    this.commands = [];
    /** @type {{all: number, at: number}|null} */
    this.before = null;
    for (const tab of this.tabs()) tab.addEventListener("click", () => this.select(tab.dataset.tab));
    document.querySelector("[role=tablist]")?.addEventListener("keydown", (event) => {
      const { key } = /** @type {KeyboardEvent} */ (event);
      const by = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0;
      if (!by) return;
      const tabs = this.tabs();
      const next = tabs[(tabs.findIndex((tab) => tab === document.activeElement) + by + tabs.length) % tabs.length];
      next.focus();
      this.select(next.dataset.tab);
    });
    this.select("vmc");
    this.showEvents();
    this.showCommands();
    this.showJobs([]);
  }

  /** @returns {HTMLElement[]} */
  tabs() {
    return [...document.querySelectorAll("[role=tab]")].map((tab) => /** @type {HTMLElement} */ (tab));
  }

  /** @param {string|undefined} name */
  select(name) {
    for (const tab of this.tabs()) {
      tab.setAttribute("aria-selected", String(tab.dataset.tab === name));
      tab.tabIndex = tab.dataset.tab === name ? 0 : -1;
    }
    for (const one of document.querySelectorAll("[data-pane]")) {
      const pane = /** @type {HTMLElement} */ (one);
      pane.hidden = pane.dataset.pane !== name;
    }
  }

  /** @param {Vmc} vmc */
  vmc(vmc) {
    const now = performance.now();
    const all = vmc.sent + vmc.received;
    if (this.before && all >= this.before.all) this.rates.push(((all - this.before.all) * 1000) / (now - this.before.at));
    this.before = { all, at: now };
    this.rates.splice(0, this.rates.length - RATES);
    this.messages.unshift(...vmc.messages.reverse());
    this.messages.length = Math.min(this.messages.length, 60);
    const rate = this.rates.at(-1) ?? 0;
    const most = Math.max(10, ...this.rates);
    const points = this.rates.map((value, at) => `${(at / (RATES - 1)) * 100},${40 - (value / most) * 38}`);
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.id = "rate";
    svg.setAttribute("viewBox", "0 0 100 40");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `${Math.round(rate)} messages per second`);
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    if (points.length) path.setAttribute("d", `M${points.join("L")}`);
    svg.append(path);
    byId("vmc").replaceChildren(this.channel(vmc.machine), make("div", {},
      make("h3", {}, "Messages"), make("p", {}, make("b", { id: "rate-text" }, Math.round(rate)), ` a second; ${vmc.sent} sent, ${vmc.received} received`), svg,
      ...this.sessions(vmc.machine)),
    make("div", {}, make("h3", {}, "The last messages of this application"), make("table", { id: "messages" }, make("tbody", {}, ...this.messages.slice(0, 40).map((it) => make("tr", {},
      make("td", { class: "dim" }, clock(it.at)), make("td", { title: it.sent ? "to the hypervisor" : "from the hypervisor" }, it.sent ? "→" : "←"),
      make("td", { class: "n dim" }, `${it.bytes} B`), make("td", {}, it.text)))))));
  }

  /** @param {Machine|null} machine */
  channel(machine) {
    if (!machine) return make("div", {}, make("h3", {}, "Channel"), make("p", { class: "dim" }, "The channel is a device file: the machine behind it cannot be looked into from here."));
    const [mgmt, hyp] = machine.running;
    const queue = (/** @type {string} */ name, /** @type {Machine["queues"][0]} */ it) => [make("dt", {}, `${name}'s queue`), make("dd", {}, it ? `${it.holds} of ${it.of} entries` : make("span", { class: "down" }, "not registered"))];
    const runs = (/** @type {boolean} */ is) => (is ? "running" : make("span", { class: "down" }, "crashed"));
    return make("div", {}, make("h3", {}, "Channel"), make("dl", { id: "channel" },
      make("dt", {}, "driver"), make("dd", {}, machine.channel), make("dt", {}, "VMC service"), make("dd", {}, machine.hypervisor),
      make("dt", {}, "management partition"), make("dd", {}, runs(mgmt)), make("dt", {}, "hypervisor partition"), make("dd", {}, runs(hyp)),
      ...queue("driver", machine.queues[0]), ...queue("hypervisor", machine.queues[1])));
  }

  /** @param {Machine|null} machine */
  sessions(machine) {
    if (!machine) return [];
    const open = machine.sessions.filter((it) => it.number !== null);
    if (!open.length) return [make("h3", {}, "Sessions"), make("p", { class: "down" }, "none")];
    return open.flatMap((it) => {
      const bar = make("div", { class: "buffers", role: "img", "aria-label": `buffers: ${it.inbound} to write with, ${it.outbound} the hypervisor's, ${it.inUse} hold a message` });
      for (const [name, count] of [["mgmt", it.inbound], ["hyp", it.outbound], ["inuse", it.inUse]]) {
        const part = make("i", { class: name });
        part.style.flexGrow = count;
        bar.append(part);
      }
      const key = (/** @type {string} */ name, /** @type {string} */ text) => make("span", {}, make("i", { class: name }), text);
      return [make("h3", {}, `Session ${it.number} of HMC index ${it.index}: ${it.state}`), bar, make("div", { class: "legend" },
        key("mgmt", `${it.inbound} to write with`), key("hyp", `${it.outbound} the hypervisor's`), key("inuse", `${it.inUse} hold a message`))];
    });
  }

  /** @param {Job[]} jobs */
  showJobs(jobs) {
    const running = jobs.filter((it) => it.state === "running").length;
    byId("jobs-running").textContent = running || "";
    const rows = jobs.toReversed().slice(0, LISTED).map((it) => make("tr", {},
      make("td", { class: "n" }, it.job), make("td", {}, it.kind), make("td", {}, this.nameOf(it.partition)),
      make("td", {}, it.state === "running" ? make("progress", { "aria-label": "running" }) : stateElement(it.state)),
      make("td", { class: "dim" }, clock(it.began)), make("td", { class: "dim" }, it.ended ? lasting((it.ended - it.began) / 1000) : ""), make("td", { class: "bad" }, it.failure ?? "")));
    byId("jobs").replaceChildren(this.table(["Job", "What", "Partition", "State", "Began", "Took", ""], rows, "Nothing was started or stopped yet."));
  }

  /** @param {number|null} id */
  nameOf(id) {
    return id ? (this.model.partitions.get(id)?.name ?? `partition ${id}`) : "the system";
  }

  /** @param {Notice[]} events */
  addEvents(events) {
    this.events.unshift(...events.reverse());
    this.events.length = Math.min(this.events.length, LISTED);
    this.showEvents();
  }

  showEvents() {
    const rows = this.events.map((it) => (it.missed
      ? make("tr", {}, make("td"), make("td", { class: "bad" }, "missed"), make("td"), make("td", {}, `${it.missed} events were lost`))
      : make("tr", {}, make("td", { class: "dim" }, clock(it.at)), make("td", {}, it.object), make("td", {}, this.nameOf(it.partition)),
        make("td", {}, it.what, it.to ? `: ${it.from} → ${it.to}` : it.properties.length ? `: ${it.properties.join(", ")}` : ""))));
    byId("events").replaceChildren(this.table(["When", "Object", "Partition", "What"], rows, "Nothing has happened yet."));
  }

  showCommands() {
    byId("commands-running").textContent = this.commands.filter((it) => it.code === undefined).length || "";
    const rows = this.commands.map((it) => make("tr", {}, make("td", { class: "dim" }, clock(it.at)),
      make("td", {}, it.code === undefined ? make("progress", { "aria-label": "under way" }) : stateElement(it.code === 0 ? "done" : "failed")),
      make("td", {}, make("code", {}, it.line), it.text ? make("div", { class: it.code ? "bad" : "dim" }, it.text) : null)));
    byId("commands").replaceChildren(make("p", { class: "dim" }, "What this page does, it does by these command lines; they do the same in a terminal, with --data and the application's data folder."),
      this.table(["When", "", "Command line"], rows, "Nothing was done on this page yet."));
  }

  /** @param {string[]} names @param {HTMLElement[]} rows @param {string} nothing */
  table(names, rows, nothing) {
    if (!rows.length) return make("p", { class: "dim" }, nothing);
    return make("table", {}, make("thead", {}, make("tr", {}, ...names.map((name) => make("th", {}, name)))), make("tbody", {}, ...rows));
  }
}
