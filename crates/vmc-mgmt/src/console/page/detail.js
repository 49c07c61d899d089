// The chosen partition in detail: what it has, and what can be changed.

class Detail {
  /** @param {Actions} actions */
  constructor(actions) {
    this.element = byId("detail");
    this.actions = actions;
    this.shown = "";
    /** @type {number|null} */
    this.id = null;
  }

  /**
   * Shows a partition. What a person is writing is not taken away: the page is drawn anew when that is over.
   * @param {Partition|undefined} partition
   * @param {Model} model
   */
  show(partition, model) {
    if (!partition) {
      this.shown = "";
      this.element.replaceChildren(make("p", { class: "dim" }, "Choose a partition to see what it has and to change it, or make a new one."));
      return;
    }
    const content = JSON.stringify([partition, model.system?.switches, [...model.partitions.values()].map((it) => it.storage)]);
    const writes = this.element.contains(document.activeElement) && ["INPUT", "SELECT"].includes(document.activeElement?.tagName ?? "");
    const same = this.id === partition.id;
    if (content === this.shown || (writes && same)) return;
    this.shown = content;
    this.id = partition.id;
    this.element.replaceChildren(...this.content(partition, model));
  }

  /** @param {Partition} partition @param {Model} model @returns {HTMLElement[]} */
  content(partition, model) {
    const off = partition.state === "not activated";
    const { actions } = this;
    const act = (/** @type {string} */ text, /** @type {string} */ what, attributes = {}) => make("button", { ...attributes, onclick: () => actions.act(what, partition.id) }, text);
    const own = partition.management;
    return [
      make("div", { class: "head" }, make("h2", {}, partition.name), stateElement(partition.state)),
      make("div", { class: "acts" },
        act("Start", "start", { class: off ? "main" : "", disabled: !off || own }),
        act("Stop", "stop", { disabled: off || own }),
        act("Stop at once", "kill", { disabled: off || own }),
        act("Restart", "restart", { disabled: off || own }),
        act("Rename", "rename"),
        act("Delete", "delete", { class: "danger", disabled: !off || own, title: off ? "" : "a partition is deleted when it is off" })),
      make("dl", {},
        ...this.pair("ID", partition.id), ...this.pair("Type", `${partition.kind}, ${partition.os}`),
        ...this.pair("Reference code", make("code", {}, partition.code || "—")), ...this.pair("RMC", partition.rmc),
        ...this.pair("UUID", make("code", {}, partition.uuid)),
        ...(partition.description ? this.pair("Description", partition.description) : [])),
      make("h3", {}, "Memory and processors"),
      ...this.resources(partition, off),
      make("h3", {}, "Ethernet adapters"),
      this.ethernet(partition, model),
      make("h3", {}, "Disks"),
      this.disks(partition, model),
      ...(partition.storage ? this.storage(partition) : []),
    ];
  }

  /** @param {string} name @param {string|number|Node} value */
  pair(name, value) {
    return [make("dt", {}, name), make("dd", {}, value)];
  }

  /** @param {Partition} partition @param {boolean} off @returns {HTMLElement[]} */
  resources(partition, off) {
    const { memory: mb, processors } = partition;
    const shared = processors.mode === "shared";
    const field = (/** @type {string} */ label, /** @type {string} */ name, /** @type {string|number} */ value, /** @type {string|number} */ step) => make("label", {}, label, make("input", { name, type: "number", value, step, min: step, required: true }));
    const form = make("form", { class: "inline", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      const values = valuesOf(form);
      this.actions.resize(partition, values);
      leaveField();
    } },
      field("Memory, MB", "mem", off || !mb.now ? mb.desired : mb.now, 256),
      field(shared ? "Virtual processors" : "Processors", "procs", off || !processors.now ? processors.desired : processors.now, 1),
      shared ? field("Units", "units", units(off || !processors.units ? processors.desiredUnits : processors.units), "0.01") : null,
      make("button", {}, "Resize"));
    const range = (/** @type {number} */ min, /** @type {number} */ max, /** @type {(value: number) => string} */ text) => `${text(min)} to ${text(max)}`;
    return [form, make("p", { class: "dim" },
      `Memory can be ${range(mb.min, mb.max, memory)}, processors ${range(processors.min, processors.max, String)}`,
      shared ? `, units ${range(processors.minUnits, processors.maxUnits, units)}; ${processors.sharing}, weight ${processors.weight}.` : `; ${processors.sharing}.`,
      off ? "" : " A running partition can be resized when its RMC is active.")];
  }

  /** @param {Partition} partition @param {Model} model */
  ethernet(partition, model) {
    const items = partition.ethernet.map((it) => make("li", {},
      make("span", {}, `slot ${it.slot}: VLAN ${[it.vlan, ...it.additional].join(", ")} of ${it.switch}`, it.trunk ? `, trunk ${it.trunk}` : "", " ", make("code", {}, it.mac)),
      make("button", { class: "danger", title: `Remove the adapter in slot ${it.slot}`, onclick: () => this.actions.removeEthernet(partition, it.slot) }, "Remove")));
    const form = make("form", { class: "inline", id: "add-ethernet", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      this.actions.addEthernet(partition, valuesOf(form));
      leaveField();
    } },
      make("label", {}, "VLAN", make("input", { name: "vlan", type: "number", min: 1, max: 4094, value: 1, required: true })),
      make("label", {}, "Switch", make("select", { name: "switch" }, ...(model.system?.switches ?? []).map((it) => make("option", {}, it.name)))),
      make("button", {}, "Add adapter"));
    return make("div", {}, items.length ? make("ul", { class: "items" }, ...items) : make("p", { class: "dim" }, "It has none."), form);
  }

  /** @param {Partition} partition @param {Model} model */
  disks(partition, model) {
    const items = partition.mappings.map((it) => make("li", {},
      make("span", {}, `${it.backing ?? "no medium"} (${it.kind}) of ${it.server}, ${it.target}, slot ${it.slot}`),
      it.backing ? make("button", { class: "danger", title: `Take ${it.backing} away`, onclick: () => this.actions.removeDisk(partition, it) }, "Detach") : null));
    const list = items.length ? make("ul", { class: "items" }, ...items) : make("p", { class: "dim" }, "It has none of a Virtual I/O Server.");
    if (partition.storage) return list;
    /** @type {[string, string[]][]} */
    const places = [];
    for (const server of model.partitions.values()) {
      if (!server.storage) continue;
      for (const group of server.storage.groups) places.push([`group ${group.name} of ${server.name}: ${memory(group.free)} free`, ["lv", server.name, group.name]]);
      for (const volume of server.storage.volumes.filter((it) => !it.group && !it.target)) places.push([`${volume.name} of ${server.name}: all ${memory(volume.size)}`, ["pv", server.name, volume.name]]);
      for (const disk of server.storage.disks.filter((it) => !it.target)) places.push([`disk ${disk.name} of ${server.name}: ${memory(disk.size)}`, ["old", server.name, disk.name]]);
    }
    if (!places.length) return make("div", {}, list, make("p", { class: "dim" }, "No Virtual I/O Server has room for one."));
    const select = make("select", { name: "place" }, ...places.map(([text, value]) => make("option", { value: JSON.stringify(value) }, text)));
    const fresh = make("span", { class: "row" },
      make("label", {}, "Name", make("input", { name: "name", maxlength: 15, size: 10, value: freeName(partition, model), pattern: "[A-Za-z0-9_.\\-]+" })),
      make("label", {}, "Size, GB", make("input", { name: "size", type: "number", min: 1, value: 10 })));
    const adjust = () => { fresh.hidden = JSON.parse(select.value)[0] !== "lv"; };
    select.addEventListener("change", adjust);
    adjust();
    const form = make("form", { class: "inline", id: "add-disk", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      const values = valuesOf(form);
      this.actions.addDisk(partition, JSON.parse(values.place), values);
      leaveField();
    } }, make("label", {}, "From", select), fresh, make("button", {}, "Add disk"));
    return make("div", {}, list, form);
  }

  /** @param {Partition} partition @returns {HTMLElement[]} */
  storage(partition) {
    const { groups, volumes, disks } = partition.storage ?? { groups: [], volumes: [], disks: [] };
    const free = volumes.filter((it) => !it.group && !it.target);
    const form = free.length ? make("form", { class: "inline", id: "add-group", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      const values = valuesOf(form);
      this.actions.addGroup(partition, values);
      leaveField();
    } },
      make("label", {}, "Group", make("input", { name: "name", maxlength: 15, size: 10, value: "rootvg", required: true, pattern: "[A-Za-z0-9_.\\-]+" })),
      make("label", {}, "of", make("select", { name: "volume" }, ...free.map((it) => make("option", { value: it.name }, `${it.name}, ${memory(it.size)}`)))),
      make("button", {}, "Make volume group")) : null;
    const used = (/** @type {{target: string|null}} */ it) => (it.target ? `, behind ${it.target}` : "");
    return [
      make("h3", {}, "Storage of this server"),
      make("ul", { class: "items" },
        ...groups.map((it) => make("li", {}, make("span", {}, `group ${it.name}: ${memory(it.free)} of ${memory(it.size)} free`))),
        ...volumes.map((it) => make("li", {}, make("span", {}, `volume ${it.name}: ${memory(it.size)}${it.group ? `, in ${it.group}` : ""}${used(it)}`))),
        ...disks.map((it) => make("li", {}, make("span", {}, `disk ${it.name}: ${memory(it.size)}, in ${it.group}${used(it)}`),
          it.target ? null : make("button", { class: "danger", onclick: () => this.actions.deleteDisk(partition, it.name) }, "Delete")))),
      form,
    ].filter(Boolean);
  }
}

/** A name for a disk that no disk has. @param {Partition} partition @param {Model} model */
function freeName(partition, model) {
  const taken = new Set([...model.partitions.values()].flatMap((it) => it.storage?.disks ?? []).map((it) => it.name));
  const stem = partition.name.replaceAll(/[^A-Za-z0-9_.-]/g, "").slice(0, 10) || "disk";
  for (let number = 1; ; number++) if (!taken.has(`${stem}_${number}`)) return `${stem}_${number}`;
}
