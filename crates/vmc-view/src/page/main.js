// The page: what is shown, what is selected, keys and links.

/**
 * What a page keeps when another run takes its place.
 * @typedef {{seq: number, isAtEnd: boolean, query: string, only: boolean, kinds: boolean[], lane: string, session: string, channel: string,
 *   isTable: boolean, scroll: number, focus: string}} Kept
 */

class Page {
  /** @param {Data} data @param {Kept} [kept] */
  constructor(data, kept) {
    this.data = data;
    /** Ends what listens beyond the page's own elements. */
    this.gone = new AbortController();
    this.runs = data.runs.map((run) => new Run(run));
    this.run = this.runs[this.runs.length - 1];
    this.at = 0;
    this.query = "";
    /** @type {number[]} Places of the events that match the search. */
    this.matches = [];
    this.matchSet = new Set(this.matches);
    this.isTable = false;
    /** @type {VmcEvent[]} What the filters leave. */
    this.shown = [];
    // A page of a difference has none of these, and nothing that asks for them.
    this.diagram = /** @type {Diagram} */ (/** @type {any} */ (null));
    this.strip = /** @type {Strip} */ (/** @type {any} */ (null));
    /** @type {boolean[]} */
    this.kinds = [];
    this.lane = -1;
    this.session = "";
    this.channel = "";
    this.heading();
    if (data.rows) {
      document.querySelectorAll(".tools label, .tools button, #kinds").forEach((tool) => { /** @type {HTMLElement} */ (tool).hidden = true; });
      get("strip").hidden = true;
      get("intro").hidden = true;
      this.difference = new Difference(this, data.rows);
      return;
    }
    this.kinds = kept ? kept.kinds : data.kinds.map((kind) => kind.shown);
    /** @type {string[]|null} The state of the management partition's channel at each event, once it is asked for. */
    this.channels = null;
    this.diagram = new Diagram(this);
    this.strip = new Strip(this);
    this.tools();
    if (kept) this.restore(kept);
    this.filter();
    const { signal } = this.gone;
    addEventListener("hashchange", () => this.follow(), { signal });
    document.addEventListener("keydown", (e) => this.key(e), { signal });
    if (kept) {
      get("scroll").scrollTop = kept.scroll;
      const at = kept.isAtEnd ? this.shown[this.shown.length - 1]?.at : this.run.bySeq.get(kept.seq);
      this.select(at ?? this.firstSelected(), true);
      if (kept.isTable) this.table(true);
    } else this.select(this.firstSelected(), true);
    (get(kept?.focus ?? "scroll") ?? get("scroll")).focus();
  }

  /** @returns {Kept} */
  keep() {
    return {
      seq: this.run.events[this.at]?.seq ?? 0, isAtEnd: this.isAtEnd(), query: get("search").value, only: get("only").checked, kinds: this.kinds,
      lane: get("lane").value, session: get("session").value, channel: get("channel").value, isTable: this.isTable, scroll: get("scroll").scrollTop,
      focus: document.activeElement?.id || "scroll",
    };
  }

  /** @param {Kept} kept */
  restore(kept) {
    get("only").checked = kept.only;
    for (const [id, value] of [["lane", kept.lane], ["session", kept.session], ["channel", kept.channel]]) {
      get(id).value = value;
      // What the other run does not have is no filter.
      if (get(id).value !== value) get(id).value = "";
    }
    this.lane = get("lane").value === "" ? -1 : Number(get("lane").value);
    this.session = get("session").value;
    this.channel = get("channel").value;
    get("search").value = kept.query;
    this.query = kept.query.trim().toLowerCase();
    this.find();
  }

  /** Whether the last event that is shown is selected: then what comes is followed. */
  isAtEnd() {
    return this.shown.length === 0 || this.at >= this.shown[this.shown.length - 1].at;
  }

  /** Shows what the run has more. */
  grown() {
    const wasAtEnd = this.isAtEnd();
    this.channels = null;
    this.heading();
    this.choices();
    this.find();
    this.diagram.grown();
    this.strip.grown();
    this.filter();
    const last = this.shown[this.shown.length - 1];
    if (wasAtEnd && last) this.select(last.at, true);
    else this.strip.draw();
  }

  heading() {
    get("title").textContent = this.data.rows ? `${this.data.names[0]} ↔ ${this.data.names[1]}` : this.run.title;
    document.title = get("title").textContent;
    get("about").textContent = this.data.rows
      ? "− is on the left only, + on the right only; the first line that differs is selected, n and N lead to the others. mgmt: is the driver of the management partition, hyp: the hypervisor, another name an application. → and ← are messages to hyp and to mgmt, ⇒ and ⇐ copies of bytes (RDMA). A click on a line explains it at the right."
      : [this.run.about, `${this.run.events.length} events`].filter(Boolean).join(" · ");
    get("description").textContent = this.data.rows ? "" : this.run.description;
    get("description").hidden = get("description").textContent === "";
    const problems = this.run.problems;
    const goesOn = this.goesOn();
    const cut = this.run.complete || goesOn ? "" : " (the file was cut off)";
    const good = goesOn ? "⋯ the run goes on; it is judged when it ends" : `✔ nothing is wrong with this run${cut}: every rule holds${this.run.repeat ? ", and every call came to what the scenario expects" : ""}`;
    /** @type {HTMLElement[]} */
    const verdict = this.data.rows && !problems.length ? [] : [make("p", {}, problems.length ? `✖ ${problems.length} ${problems.length === 1 ? "problem" : "problems"}${cut}` : good)];
    for (const problem of problems) {
      const place = problem.event === null ? "" : `event ${problem.event}: `;
      verdict.push(make("button", { type: "button", class: "bad", click: () => problem.event !== null && this.selectSeq(problem.event) }, `${place}${problem.rule}: ${problem.what}`));
    }
    // What a reader looks for first: faults, and calls that failed. What comes again stands there once.
    /** @type {Map<string, VmcEvent[]>} */
    const notable = new Map();
    for (const event of this.data.rows ? [] : this.run.events) {
      if (!event.why && this.data.kinds[event.kind].id !== "fault") continue;
      const text = `${event.text} ${event.note}`;
      notable.get(text)?.push(event) ?? notable.set(text, [event]);
    }
    if (notable.size) verdict.push(make("span", {}, "Worth a look: "));
    for (const [text, events] of [...notable].slice(0, 6)) {
      // A click leads to the next one of them.
      const next = () => this.select((events.find((event) => event.at > this.at) ?? events[0]).at);
      verdict.push(make("button", { type: "button", click: next }, `${events[0].seq}: ${text}${events.length > 1 ? ` (${events.length} times)` : ""}`));
    }
    if (notable.size > 6) verdict.push(make("span", {}, `and ${notable.size - 6} more`));
    if (problems.length && this.run.repeat) verdict.push(make("code", {}, this.run.repeat));
    get("verdict").replaceChildren(...verdict);
  }

  tools() {
    const search = get("search");
    search.addEventListener("input", () => this.search(search.value));
    search.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => {
      if (e.key === "Enter") this.nextMatch(e.shiftKey ? -1 : 1);
      if (e.key === "Escape") get("scroll").focus();
    });
    get("only").addEventListener("change", () => this.filter());
    this.data.kinds.forEach((kind, i) => {
      const button = make("button", { type: "button", "data-kind": kind.id, "aria-pressed": String(this.kinds[i]), title: kind.what }, kind.label);
      if (kind.sign) button.prepend(make("i", { class: `sign s-${kind.id}`, "aria-hidden": "true" }, kind.sign));
      button.addEventListener("click", () => {
        this.kinds[i] = !this.kinds[i];
        button.setAttribute("aria-pressed", String(this.kinds[i]));
        this.filter();
      });
      get("kinds").append(button);
    });
    /** @param {string} id @param {(value: string) => void} choose */
    const select = (id, choose) => get(id).addEventListener("change", () => { choose(get(id).value); this.filter(); });
    select("lane", (value) => { this.lane = value === "" ? -1 : Number(value); });
    select("session", (value) => { this.session = value; });
    select("channel", (value) => { this.channel = value; });
    this.choices();
    get("as-table").addEventListener("click", () => this.table(!this.isTable));
    get("help-button").addEventListener("click", () => {
      get("help").hidden = !get("help").hidden;
      get("help-button").setAttribute("aria-expanded", String(!get("help").hidden));
    });
  }

  /** What filters can be chosen: the kinds, lanes, sessions and states that there are. */
  choices() {
    const kinds = new Set(this.run.events.map((event) => event.kind));
    [...get("kinds").children].forEach((button, i) => { /** @type {HTMLElement} */ (button).hidden = !kinds.has(i); });
    /** @param {string} id @param {[string, string][]} options */
    const fill = (id, options) => {
      const chosen = get(id).value;
      get(id).replaceChildren(...[["", "all"], ...options].map(([value, text]) => make("option", { value }, text)));
      get(id).value = chosen;
    };
    const lanes = this.run.lanes;
    fill("lane", this.run.shownLanes().map((lane) => [String(lane), lanes[lane]]));
    const sessions = [...new Set(this.run.events.map((event) => event.session).filter(Boolean))];
    fill("session", sessions.map((name) => [name, name]));
    const states = new Set(this.channelStates().filter(Boolean));
    fill("channel", [...states].map((name) => [name, `while ${name}`]));
  }

  /** @param {number} lane */
  chooseLane(lane) {
    this.lane = this.lane === lane ? -1 : lane;
    get("lane").value = this.lane < 0 ? "" : String(this.lane);
    this.filter();
  }

  channelStates() {
    if (this.channels) return this.channels;
    let now = "";
    const key = this.run.strings.indexOf("channel mgmt");
    this.channels = this.run.events.map((event) => {
      for (let i = 0; i < event.changes.length; i += 2) {
        if (event.changes[i] === key) now = event.changes[i + 1] < 0 ? "" : this.run.strings[event.changes[i + 1]];
      }
      return now;
    });
    return this.channels;
  }

  filter() {
    const only = get("only").checked && this.query !== "";
    const channels = this.channel ? this.channelStates() : [];
    this.shown = this.run.events.filter((event) =>
      (this.kinds[event.kind] || event.problems.length > 0)
      && (this.lane < 0 || event.from === this.lane || event.to === this.lane)
      && (!this.session || event.session === this.session)
      && (!this.channel || channels[event.at] === this.channel)
      && (!only || this.matchSet.has(event.at)));
    this.diagram.show(this.shown);
    this.diagram.bringIntoSight(this.at);
    if (this.isTable) showTable(this);
  }

  /** Finds the events that match the search. */
  find() {
    const text = (/** @type {VmcEvent} */ event) => `${event.text} ${event.note} ${event.record} ${event.actor} ${event.session} ${event.command?.words ?? ""}`;
    this.matches = this.query ? this.run.events.filter((event) => text(event).toLowerCase().includes(this.query)).map((event) => event.at) : [];
    this.matchSet = new Set(this.matches);
    get("matches").textContent = this.query ? `${this.matches.length} found` : "";
  }

  /** @param {string} query */
  search(query) {
    this.query = query.trim().toLowerCase();
    this.find();
    if (get("only").checked) this.filter();
    if (this.matches.length && !this.matchSet.has(this.at)) this.nextMatch(1);
  }

  /** @param {number} step */
  nextMatch(step) {
    if (!this.matches.length) return;
    const visible = this.matches.filter((at) => this.diagram.rowOf.has(at));
    const candidates = visible.length ? visible : this.matches;
    const next = step > 0 ? candidates.find((at) => at > this.at) ?? candidates[0] : candidates.findLast((at) => at < this.at) ?? candidates[candidates.length - 1];
    this.select(next);
  }

  /** Whether the run has not ended yet. */
  goesOn() {
    return isLive && !this.run.complete;
  }

  firstSelected() {
    const wanted = this.fromHash();
    if (wanted !== undefined) return wanted;
    // What goes on is followed from its last event on.
    if (this.goesOn()) return this.shown[this.shown.length - 1]?.at ?? 0;
    const problem = this.run.problems.find((one) => one.event !== null);
    return (problem && problem.event !== null ? this.run.bySeq.get(problem.event) : undefined) ?? (this.shown[0]?.at ?? 0);
  }

  fromHash() {
    const seq = /^#e(\d+)$/.exec(location.hash);
    return seq ? this.run.bySeq.get(Number(seq[1])) : undefined;
  }

  follow() {
    const wanted = this.fromHash();
    if (wanted !== undefined && wanted !== this.at) this.select(wanted, true);
  }

  /** @param {number} seq */
  selectSeq(seq) {
    const at = this.run.bySeq.get(seq);
    if (at !== undefined) this.jump(this.run, at);
  }

  /** @param {Run} run @param {number} at */
  jump(run, at) {
    if (this.difference) {
      const side = this.runs.indexOf(run);
      const row = this.data.rows?.findIndex((one) => one[2 * side + 1] === run.events[at].seq) ?? -1;
      if (row >= 0) this.difference.select(row);
      // From there the keys go on.
      this.difference.box.focus();
      return;
    }
    this.select(at);
  }

  /**
   * @param {number} at
   * @param {boolean} [quietly] Without a new address.
   */
  select(at, quietly = false) {
    if (!this.run.events.length) return;
    this.at = at;
    const event = this.run.events[at];
    if (!quietly) history.replaceState(null, "", `#e${event.seq}`);
    if (!this.diagram.rowOf.has(at) && !this.kinds[event.kind]) {
      // What is selected is shown: its kind is switched on.
      this.kinds[event.kind] = true;
      document.querySelector(`[data-kind="${this.data.kinds[event.kind].id}"]`)?.setAttribute("aria-pressed", "true");
      this.filter();
    }
    get("event").replaceChildren(showEvent(this, this.run, event));
    get("state").replaceChildren(showState(this.data, this.run, at));
    this.diagram.chain = this.diagram.chainOf(at);
    this.diagram.bringIntoSight(at);
    this.diagram.drawSoon();
    this.strip.draw();
    if (this.isTable) showTable(this);
  }

  /** @param {boolean} on */
  table(on) {
    this.isTable = on;
    get("as-table").setAttribute("aria-pressed", String(on));
    get("table").hidden = !on;
    get("scroll").hidden = on;
    if (on) showTable(this);
    else this.diagram.bringIntoSight(this.at);
  }

  /** @param {number} step */
  step(step) {
    const place = this.shown.findIndex((event) => event.at >= this.at);
    const here = place < 0 ? this.shown.length : place;
    const onIt = this.shown[here]?.at === this.at;
    const next = step > 0 && !onIt ? here : here + step;
    const event = this.shown[Math.max(0, Math.min(this.shown.length - 1, next))];
    if (event) this.select(event.at);
  }

  nextProblem() {
    const places = this.run.problems.map((problem) => (problem.event === null ? undefined : this.run.bySeq.get(problem.event))).filter((at) => at !== undefined).sort((a, b) => Number(a) - Number(b));
    const next = places.find((at) => Number(at) > this.at) ?? places[0];
    if (next !== undefined) this.select(next);
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    const target = /** @type {HTMLElement} */ (e.target);
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) || e.ctrlKey || e.metaKey || e.altKey) return;
    const event = this.run.events[this.at];
    const page = Math.max(1, Math.floor(get("scroll").clientHeight / ROW) - 2);
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowDown: () => this.step(1), j: () => this.step(1), ArrowUp: () => this.step(-1), k: () => this.step(-1),
      PageDown: () => this.step(page), PageUp: () => this.step(-page),
      Home: () => this.shown[0] && this.select(this.shown[0].at),
      End: () => this.shown.length && this.select(this.shown[this.shown.length - 1].at),
      "/": () => get("search").focus(), n: () => this.nextMatch(1), N: () => this.nextMatch(-1), p: () => this.nextProblem(),
      c: () => event.causes.length && this.select(event.causes[event.causes.length - 1]),
      e: () => event.effects.length && this.select(event.effects[0]),
      t: () => this.table(!this.isTable), "?": () => get("help-button").click(),
    };
    const act = keys[e.key];
    if (!act) return;
    e.preventDefault();
    act();
  }
}

/** The page's elements as they are before anything is shown in them: without its scripts. */
const template = [...document.body.children].filter((element) => element.tagName !== "SCRIPT").map((element) => element.cloneNode(true));

let page = new Page(JSON.parse(get("data").textContent));
if (isLive) new Follower(Number(document.documentElement.dataset.live));
