// The sequence diagram. Only the rows in sight are drawn.

const ROW = 26;
const LANES_HEIGHT = 48;
const TIME_WIDTH = 78;
const NUMBER_WIDTH = 44;
/** What the lanes of every run are. */
const LANE_TEXTS = [
  "the driver of the management partition: its bottom half takes messages from the queue, its task starts and resets the channel",
  "the queue (CRQ) of the management partition: what the hypervisor sends waits here",
  "the queue (CRQ) of the hypervisor: what the management partition sends waits here",
  "the hypervisor, and in it the VMC service",
];
const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {{at: number, gap: number, problem: string}} Row
 * A row: an event, a stretch of time in which nothing happens (`gap` nanoseconds), or a line of a problem of the event.
 */

/**
 * A text in lines of at most so many characters, as far as its words allow.
 * @param {string} text
 * @param {number} most
 */
function wrap(text, most) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines[lines.length - 1];
    if (last && last.length + 1 + word.length > most) lines.push(`  ${word}`);
    else lines[lines.length - 1] = last ? `${last} ${word}` : word;
  }
  return lines;
}

/**
 * @param {string} name
 * @param {Record<string, any>} attributes
 * @param {string} [text]
 */
function draw(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}

class Diagram {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    this.run = page.run;
    this.scroll = get("scroll");
    this.space = get("space");
    this.svg = get("diagram");
    /** @type {Row[]} */
    this.rows = [];
    /** @type {Map<number, number>} The row of each event that is shown. */
    this.rowOf = new Map();
    /** @type {Set<number>} The causal chain of the event under the pointer or selected. */
    this.chain = new Set();
    this.hovered = -1;
    /** The first row that is drawn, and how far it stands from the top. */
    this.first = 0;
    this.offset = 0;
    this.width = 0;
    this.waiting = false;
    this.places = this.lanePlaces();
    /** @type {number[][][]} For each application the events between which it is in a call. */
    this.stays = this.callStays();
    this.scroll.addEventListener("scroll", () => this.drawSoon());
    new ResizeObserver(() => this.drawSoon()).observe(this.scroll);
    this.svg.addEventListener("click", (/** @type {MouseEvent} */ e) => this.click(e));
    this.svg.addEventListener("mousemove", (/** @type {MouseEvent} */ e) => this.hover(e));
    this.svg.addEventListener("mouseleave", () => this.setHover(-1));
    this.drawLanes();
  }

  /** Where each lane stands, from the left; undefined for one that is not shown. */
  lanePlaces() {
    /** @type {number[]} */
    const places = [];
    const lanes = this.run.shownLanes();
    let x = TIME_WIDTH + NUMBER_WIDTH + 40;
    for (const lane of lanes) {
      if (lane < FIRST_APP) continue;
      places[lane] = x;
      x += 96;
    }
    x += 20;
    // As wide as there is room for, within what labels need.
    const room = Math.min(1, Math.max(0.72, (this.scroll.clientWidth - x - 48) / 680));
    [190, 300, 190, 0].forEach((width, lane) => {
      places[lane] = x;
      x += width * room;
    });
    // The last label is centred on its lane.
    this.width = x + 44;
    return places;
  }

  callStays() {
    /** @type {number[][][]} */
    const stays = this.run.apps.map(() => []);
    /** @type {number[]} */
    const since = this.run.apps.map(() => -1);
    for (const event of this.run.events) {
      const kind = this.page.data.kinds[event.kind].id;
      const app = event.from - FIRST_APP;
      if (kind === "call" && app >= 0) since[app] = event.at;
      if (kind === "return" && app >= 0 && since[app] >= 0) {
        stays[app].push([since[app], event.at]);
        since[app] = -1;
      }
    }
    since.forEach((at, app) => { if (at >= 0) stays[app].push([at, this.run.events.length]); });
    return stays;
  }

  drawLanes() {
    const lanes = get("lanes");
    lanes.style.width = `${this.width}px`;
    const labels = this.run.lanes;
    const apps = this.places.filter((place, lane) => lane >= FIRST_APP && place !== undefined);
    /** @param {string} text @param {number} from @param {number} to */
    const group = (text, from, to) => make("b", { style: `left:${from - 40}px;width:${to - from + 80}px` }, text);
    lanes.replaceChildren(group("management partition", apps[0] ?? this.places[0], this.places[1]), group("hypervisor", this.places[2], this.places[3]), ...this.run.shownLanes().map((lane) =>
      make("span", { style: `left:${this.places[lane]}px`, title: `${LANE_TEXTS[lane] ?? "an application of the management partition"}; a click shows it alone`, click: () => this.page.chooseLane(lane) }, labels[lane])));
  }

  /** Takes up what the run has more. */
  grown() {
    this.places = this.lanePlaces();
    this.stays = this.callStays();
    this.drawLanes();
  }

  /** @param {VmcEvent[]} events What is to be shown. */
  show(events) {
    this.rows = [];
    this.rowOf.clear();
    let time = 0;
    // How many characters of a problem have room in a row.
    const most = Math.max(40, Math.floor((Math.max(this.width, this.scroll.clientWidth) - TIME_WIDTH) / 7.4));
    for (const event of events) {
      if (event.time > time) this.rows.push({ at: -1, gap: event.time - time, problem: "" });
      time = event.time;
      this.rowOf.set(event.at, this.rows.length);
      this.rows.push({ at: event.at, gap: 0, problem: "" });
      for (const { rule, what } of event.problems) {
        for (const problem of wrap(`✖ ${rule}: ${what}`, most)) this.rows.push({ at: event.at, gap: 0, problem });
      }
    }
    this.space.style.height = `${this.rows.length * ROW + 40}px`;
    this.space.style.width = `${this.width}px`;
    this.drawSoon();
  }

  /** @param {number} at */
  bringIntoSight(at) {
    const row = this.rowOf.get(at);
    if (row === undefined) return;
    const top = row * ROW;
    const height = this.scroll.clientHeight - LANES_HEIGHT;
    if (top < this.scroll.scrollTop + ROW) this.scroll.scrollTop = Math.max(0, top - height / 3);
    else if (top > this.scroll.scrollTop + height - 2 * ROW) this.scroll.scrollTop = top - (2 * height) / 3;
    this.drawSoon();
  }

  drawSoon() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  draw() {
    const height = Math.max(0, this.scroll.clientHeight - LANES_HEIGHT);
    const width = Math.max(this.width, this.scroll.clientWidth);
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", height);
    const top = this.scroll.scrollTop;
    const first = Math.max(0, Math.floor(top / ROW));
    const last = Math.min(this.rows.length, Math.ceil((top + height) / ROW) + 1);
    this.first = first;
    this.offset = first * ROW - top;
    const parts = document.createDocumentFragment();
    const backs = document.createDocumentFragment();
    for (const x of this.places.filter((place) => place !== undefined)) {
      parts.append(draw("line", { x1: x, x2: x, y1: 0, y2: height, stroke: "var(--line)" }));
    }
    this.drawStays(parts, first, last);
    for (let i = first; i < last; i++) this.drawRow(parts, backs, this.rows[i], this.offset + (i - first) * ROW, width);
    this.svg.replaceChildren(backs, parts);
  }

  /**
   * Bars where applications are in a call.
   * @param {DocumentFragment} parts @param {number} first @param {number} last
   */
  drawStays(parts, first, last) {
    const shown = this.rows.slice(first, last).filter((row) => row.at >= 0);
    if (!shown.length) return;
    const [from, to] = [shown[0].at, shown[shown.length - 1].at];
    this.stays.forEach((stays, app) => {
      let low = 0;
      let high = stays.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (stays[middle][1] < from) low = middle + 1;
        else high = middle;
      }
      for (let i = low; i < stays.length && stays[i][0] <= to; i++) {
        const y = (/** @type {number} */ at) => {
          const row = this.rowOf.get(at);
          return row === undefined ? undefined : this.offset + (row - first) * ROW + ROW / 2;
        };
        const top = y(stays[i][0]) ?? -ROW;
        const bottom = y(stays[i][1]) ?? this.svg.clientHeight + ROW;
        parts.append(draw("rect", { x: this.places[FIRST_APP + app] - 3, width: 6, y: top, height: Math.max(2, bottom - top), fill: "var(--call)", opacity: 0.55 }));
      }
    });
  }

  /**
   * @param {DocumentFragment} parts @param {DocumentFragment} backs
   * @param {Row} row @param {number} y @param {number} width
   */
  drawRow(parts, backs, row, y, width) {
    const middle = y + ROW / 2;
    if (row.gap) {
      parts.append(draw("line", { x1: TIME_WIDTH, x2: width, y1: middle, y2: middle, stroke: "var(--line)", "stroke-dasharray": "2 6" }));
      parts.append(draw("text", { x: TIME_WIDTH + NUMBER_WIDTH + 8, y: middle + 4, class: "dim halo" }, `⋯ nothing happens for ${timeText(row.gap)}`));
      return;
    }
    const event = this.run.events[row.at];
    if (row.problem) {
      backs.append(draw("rect", { x: 0, y, width, height: ROW, fill: "var(--badback)" }));
      parts.append(draw("text", { x: TIME_WIDTH + 4, y: middle + 4, class: "bad", "xml:space": "preserve" }, row.problem));
      return;
    }
    const kind = this.page.data.kinds[event.kind].id;
    const back = event.at === this.page.at ? "var(--select)" : this.chain.has(event.at) ? "var(--chain)" : kind === "fault" ? "var(--faultback)" : kind === "breach" ? "var(--badback)" : "transparent";
    const ground = draw("rect", { x: 0, y, width, height: ROW, fill: back, class: "row" });
    const words = event.why || this.run.meanings[event.meaning]?.meaning;
    const explained = wordsOf(`${event.text} ${event.note}`).map(([word, means]) => `${word}: ${means}`);
    if (words || explained.length) ground.append(draw("title", {}, [words, ...explained].filter(Boolean).join("\n")));
    backs.append(ground);
    if (this.chain.has(event.at)) backs.append(draw("rect", { x: 0, y, width: 4, height: ROW, fill: "var(--message)" }));
    const before = this.run.events[event.at - 1];
    if (this.run.hasTimes && (!before || before.time !== event.time || y <= 0)) {
      parts.append(draw("text", { x: 8, y: middle + 4, class: "dim" }, timeText(event.time)));
    }
    parts.append(draw("text", { x: TIME_WIDTH + NUMBER_WIDTH, y: middle + 4, class: "number" }, String(event.seq)));
    this.drawEvent(parts, event, kind, middle);
  }

  /**
   * @param {DocumentFragment} parts @param {VmcEvent} event @param {string} kind @param {number} y
   */
  drawEvent(parts, event, kind, y) {
    const from = event.from < 0 ? TIME_WIDTH + NUMBER_WIDTH + 14 : this.places[event.from];
    const to = event.to < 0 ? from : this.places[event.to];
    const note = event.note ? `  ${event.note}` : "";
    // Beside the last lane there is room on the left only.
    const isLast = event.to < 0 && event.from === HYPERVISOR;
    const label = (/** @type {number} */ x, /** @type {string} */ text, /** @type {Record<string, any>} */ more) => {
      const place = isLast ? { x: 2 * from - x, "text-anchor": "end" } : { x };
      const element = draw("text", { y: y + 4, class: "halo", ...place, ...more }, text);
      if (note) element.append(draw("tspan", { class: kind === "return" && !event.why ? "said" : "note" }, note));
      parts.append(element);
    };
    switch (kind) {
      case "message":
      case "transport":
      case "unsent": {
        const colour = kind === "message" ? "var(--message)" : kind === "transport" ? "var(--event)" : "var(--bad)";
        this.arrow(parts, from, kind === "unsent" ? from + (to - from) * 0.75 : to, y + 7, colour, 1.5, kind === "transport" ? "2 4" : "", kind === "unsent");
        label((from + to) / 2, event.text, { "text-anchor": "middle", y: y + 2 });
        break;
      }
      case "taken":
        this.arrow(parts, from, to, y + 7, "var(--message)", 1, "4 3", false);
        label((from + to) / 2, event.text, { "text-anchor": "middle", y: y + 2, class: "halo dim" });
        break;
      case "rdma":
        this.arrow(parts, from, to, y + 7, "var(--rdma)", 5, "", false);
        label((from + to) / 2, event.command ? `${event.text}: ${event.command.words}` : event.text, { "text-anchor": "middle", y: y + 1 });
        break;
      case "call":
      case "return": {
        const failed = /^E[A-Z]+$/.test(event.text.split(" = ")[1] ?? "");
        const text = kind === "call" ? `▸ ${event.text}` : `◂ ${event.text}`;
        label(from + 8, text, { class: failed ? "halo bad" : "halo", style: failed ? "" : "fill:var(--call)" });
        break;
      }
      case "state":
        parts.append(draw("circle", { cx: from, cy: y, r: 4, fill: "var(--state)" }));
        label(from + 9, event.text, { "font-weight": 600 });
        break;
      case "fault":
        label(TIME_WIDTH + NUMBER_WIDTH + 14, `⚡ ${event.text}`, { "font-weight": 600 });
        break;
      case "breach":
        label(from + 9, `✖ ${event.text}`, { class: "halo bad" });
        break;
      case "operator":
        label(TIME_WIDTH + NUMBER_WIDTH + 14, `⚙ ${event.text}`, { "font-weight": 600 });
        break;
      case "hcall":
        label(from + 9, event.text, { "font-style": "italic" });
        break;
      default:
        label(from + 9, event.text, { class: "halo dim" });
    }
  }

  /**
   * @param {DocumentFragment} parts @param {number} from @param {number} to @param {number} y
   * @param {string} colour @param {number} width @param {string} dashes @param {boolean} stopped It does not arrive.
   */
  arrow(parts, from, to, y, colour, width, dashes, stopped) {
    const way = to > from ? 1 : -1;
    const tip = stopped ? 0 : 5 + width;
    parts.append(draw("line", { x1: from, x2: to - way * tip, y1: y, y2: y, stroke: colour, "stroke-width": width, "stroke-dasharray": dashes }));
    if (stopped) parts.append(draw("path", { d: `M${to - 5} ${y - 5}l10 10m0 -10l-10 10`, stroke: colour, "stroke-width": 2 }));
    else parts.append(draw("path", { d: `M${to} ${y}l${-way * (tip + 1)} ${-3 - width / 1.5}v${6 + width * 1.33}z`, fill: colour }));
  }

  /** @param {MouseEvent} e */
  rowAt(e) {
    const y = e.clientY - this.svg.getBoundingClientRect().top;
    return this.rows[this.first + Math.floor((y - this.offset) / ROW)];
  }

  /** @param {MouseEvent} e */
  click(e) {
    const row = this.rowAt(e);
    if (row && row.at >= 0) this.page.select(row.at);
  }

  /** @param {MouseEvent} e */
  hover(e) {
    const row = this.rowAt(e);
    this.setHover(row ? row.at : -1);
  }

  /** @param {number} at */
  setHover(at) {
    if (at === this.hovered) return;
    this.hovered = at;
    this.chain = this.chainOf(at >= 0 ? at : this.page.at);
    this.drawSoon();
  }

  /**
   * What led to an event, and what it led to: at most a hundred events each way.
   * @param {number} at
   */
  chainOf(at) {
    /** @type {Set<number>} */
    const chain = new Set();
    if (at < 0) return chain;
    for (const direction of /** @type {("causes"|"effects")[]} */ (["causes", "effects"])) {
      const next = [at];
      for (let steps = 0; next.length && steps < 100; steps++) {
        const here = /** @type {number} */ (next.shift());
        chain.add(here);
        for (const other of this.run.events[here][direction]) if (!chain.has(other)) next.push(other);
      }
    }
    return chain;
  }
}
