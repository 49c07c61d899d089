// The table of partitions. A row is kept as long as its partition is there, and written anew when that has changed.

class Table {
  /** @param {(id: number|null) => void} onchoose @param {(what: string, id: number) => void} onact */
  constructor(onchoose, onact) {
    this.body = /** @type {HTMLElement} */ (document.querySelector("#partitions tbody"));
    /** @type {Map<number, Row>} */
    this.rows = new Map();
    /** @type {number|null} */
    this.chosen = null;
    this.onchoose = onchoose;
    this.onact = onact;
    this.search = "";
    this.state = "";
  }

  /** @param {Partition} partition */
  update(partition) {
    let row = this.rows.get(partition.id);
    if (!row) {
      row = /** @type {Row} */ (make("tr", { "data-id": partition.id, onclick: () => this.choose(partition.id) }));
      this.rows.set(partition.id, row);
      const before = [...this.rows.keys()].filter((id) => id < partition.id).sort((a, b) => b - a)[0];
      const after = this.rows.get(before);
      if (after) after.after(row);
      else this.body.prepend(row);
    }
    const processors = partition.processors;
    const shared = processors.mode === "shared";
    const off = partition.state === "not activated";
    const act = (/** @type {string} */ text, /** @type {string} */ what, /** @type {string} */ title) => make("button", { title, onclick: (/** @type {Event} */ event) => { event.stopPropagation(); this.onact(what, partition.id); } }, text);
    row.replaceChildren(
      make("td", {}, make("b", {}, partition.name), partition.management ? make("span", { class: "dim", title: "the management partition: this console runs in it" }, " ★") : null),
      make("td", { class: "n" }, partition.id),
      make("td", {}, partition.kind === "AIX/Linux" ? partition.os : partition.kind),
      make("td", {}, stateElement(partition.state)),
      make("td", {}, partition.rmc),
      make("td", { class: "code" }, partition.code),
      make("td", { class: "n" }, memory(off || !partition.memory.now ? partition.memory.desired : partition.memory.now)),
      make("td", { class: "n", title: shared ? "processing units × virtual processors" : "dedicated processors" },
        shared ? `${units(processors.desiredUnits)} × ${processors.desired}` : processors.desired),
      make("td", { class: "acts" }, partition.management ? null : off ? act("Start", "start", "Start (s)") : act("Stop", "stop", "Stop (x)")),
    );
    row.partition = partition;
    row.text = [partition.name, partition.id, partition.state, partition.kind, partition.os, partition.code, partition.rmc, partition.description].join(" ").toLowerCase();
    row.hidden = !this.matches(row);
    row.classList.toggle("chosen", partition.id === this.chosen);
  }

  /** @param {number} id */
  remove(id) {
    this.rows.get(id)?.remove();
    this.rows.delete(id);
    if (this.chosen === id) this.choose(null);
  }

  /** @param {Row} row */
  matches(row) {
    return (!this.state || row.partition.state === this.state) && this.search.toLowerCase().split(/\s+/).every((word) => row.text.includes(word));
  }

  filter() {
    for (const row of this.rows.values()) row.hidden = !this.matches(row);
  }

  /** @returns {Row[]} */
  shown() {
    return /** @type {Row[]} */ ([...this.body.children]).filter((row) => !row.hidden);
  }

  /** @param {number|null} id */
  choose(id) {
    const rowOf = (/** @type {number|null} */ one) => (one === null ? undefined : this.rows.get(one));
    rowOf(this.chosen)?.classList.remove("chosen");
    this.chosen = id;
    const row = rowOf(id);
    row?.classList.add("chosen");
    row?.scrollIntoView({ block: "nearest" });
    this.onchoose(id);
  }

  /** @param {number} by */
  step(by) {
    const shown = this.shown();
    if (!shown.length) return;
    const at = shown.findIndex((row) => Number(row.dataset.id) === this.chosen);
    const next = at < 0 ? 0 : Math.max(0, Math.min(shown.length - 1, at + by));
    this.choose(Number(shown[next].dataset.id));
  }
}
