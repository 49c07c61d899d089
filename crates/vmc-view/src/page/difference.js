// Two runs side by side, aligned by their canonical order.

const DIFF_ROW = 20;
/** How high the names of both runs stand above the lines. */
const DIFF_HEAD = 24;

class Difference {
  /** @param {Page} page @param {any[][]} rows Each: the line on either side and the number of its event, or null. */
  constructor(page, rows) {
    this.page = page;
    /** Lines of both sides, and after each the rules that it breaks. */
    this.rows = rows.flatMap((row) => [row, ...this.broken(row)]);
    this.at = Math.max(0, this.rows.findIndex((row) => row[0] !== row[2]));
    this.box = make("div", { id: "difference", tabindex: 0, role: "application", "aria-label": "Difference of two runs; arrow keys step, n and N go to the next and previous difference" });
    this.space = make("div", { class: "space", style: `height:${this.rows.length * DIFF_ROW}px` });
    this.box.append(make("div", { class: "heads" }, ...page.data.names.map((name) => make("span", { title: name }, name))), this.space);
    get("scroll").replaceWith(this.box);
    this.box.addEventListener("scroll", () => this.draw());
    this.box.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => this.key(e));
    new ResizeObserver(() => this.draw()).observe(this.box);
    const differences = rows.filter((row) => row[0] !== row[2]).length;
    get("matches").textContent = differences ? `${differences} lines differ` : "no difference";
    this.select(this.at);
    this.box.focus();
  }

  /**
   * The rules that are broken at a line, each as a row of its own: a text, and the side that breaks it.
   * @param {any[]} row
   * @returns {any[][]}
   */
  broken(row) {
    return [0, 1].flatMap((side) => {
      const seq = row[2 * side + 1];
      const at = seq === null ? undefined : this.page.runs[side].bySeq.get(seq);
      const problems = at === undefined ? [] : this.page.runs[side].events[at].problems;
      // It stands on its own side, and the other side has nothing like it.
      return problems.map(({ rule, what }) => [side === 0 ? `✖ ${rule}: ${what}` : null, side === 0 ? seq : null, side === 1 ? `✖ ${rule}: ${what}` : null, side === 1 ? seq : null]);
    });
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    const differs = (/** @type {number} */ at) => this.rows[at][0] !== this.rows[at][2];
    let next = this.at;
    if (e.key === "ArrowDown") next++;
    else if (e.key === "ArrowUp") next--;
    else if (e.key === "Home") next = 0;
    else if (e.key === "End") next = this.rows.length - 1;
    else if (e.key === "n" || e.key === "N") {
      const step = e.key === "n" ? 1 : -1;
      for (next += step; next >= 0 && next < this.rows.length && !differs(next); next += step);
      if (next < 0 || next >= this.rows.length) return;
    } else return;
    e.preventDefault();
    this.select(Math.max(0, Math.min(this.rows.length - 1, next)));
  }

  /** @param {number} at */
  select(at) {
    this.at = at;
    const top = at * DIFF_ROW;
    if (top < this.box.scrollTop || top > this.box.scrollTop + this.box.clientHeight - DIFF_ROW - DIFF_HEAD) this.box.scrollTop = Math.max(0, top - this.box.clientHeight / 3);
    this.draw();
    const row = this.rows[at];
    const [event, state] = [get("event"), get("state")];
    event.replaceChildren();
    state.replaceChildren();
    if (!row) return;
    [0, 1].forEach((side) => {
      const run = this.page.runs[side];
      const seq = row[2 * side + 1];
      const place = run && seq !== null ? run.bySeq.get(seq) : undefined;
      if (!run || place === undefined) return;
      event.append(showEvent(this.page, run, run.events[place], this.page.data.names[side]));
      state.append(make("h2", {}, this.page.data.names[side]), showState(this.page.data, run, place));
    });
  }

  draw() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / DIFF_ROW) - 2);
    const last = Math.min(this.rows.length, Math.ceil((this.box.scrollTop + this.box.clientHeight) / DIFF_ROW) + 2);
    const lines = [];
    for (let i = first; i < last; i++) {
      const [left, , right] = this.rows[i];
      const [old, now] = left === right ? ["", ""] : [left === null ? "gone" : "old", right === null ? "gone" : "new"];
      const kind = (/** @type {string|null} */ text, /** @type {string} */ side) => (text !== null && text.startsWith("✖ ") ? "broken" : side);
      const sign = (/** @type {string|null} */ text, /** @type {string} */ mark) => (text === null ? "" : `${mark} ${text}`);
      lines.push(
        make("div", { class: `line${i === this.at ? " selected" : ""}`, style: `top:${i * DIFF_ROW}px`, click: () => this.select(i) },
          make("span", { class: kind(left, old), title: left ?? "" }, sign(left, old === "old" ? "−" : " ")),
          make("span", { class: kind(right, now), title: right ?? "" }, sign(right, now === "new" ? "+" : " "))),
      );
    }
    this.space.replaceChildren(...lines);
  }
}
