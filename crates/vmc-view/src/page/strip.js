// The strip above the diagram: where each buffer is over the run.

const STRIP_LEFT = 92;
/** How near a click must be to where a buffer moves, in pixels, to lead exactly there. */
const STRIP_NEAR = 6;

class Strip {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    this.canvas = get("buffers");
    /** @type {{name: string, pieces: [number, string][]}[]} Each buffer, and from which event on it is where. */
    this.buffers = this.collect(page.run);
    this.fit();
    const entry = (/** @type {string} */ place, /** @type {string} */ text) => make("span", {}, make("i", { class: place }), text);
    get("legend").append(
      make("strong", {}, "Buffers"),
      entry("mgmt", "low: free for write()"),
      entry("way", "thin: under way"),
      entry("hyp", "high: the hypervisor has it"),
      entry("unread", "full, striped: holds an unread message"),
      entry("failed", "dashed: here a call failed, or a rule was broken"),
      "each line is a buffer, from the first event at the left to the last; a click leads to the event",
    );
    this.canvas.addEventListener("click", (/** @type {MouseEvent} */ e) => page.select(this.pointed(e)));
    this.canvas.addEventListener("mousemove", (/** @type {MouseEvent} */ e) => this.tell(e));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw(), { signal: page.gone.signal });
  }

  /** Takes up what the run has more. */
  grown() {
    this.buffers = this.collect(this.page.run);
    this.fit();
  }

  /** How high the line of a buffer is: many are lower. */
  row() {
    return this.buffers.length > 12 ? 14 : 20;
  }

  /** Where an event stands, from the left. @param {number} at */
  x(at) {
    return STRIP_LEFT + ((this.canvas.clientWidth - STRIP_LEFT) * at) / this.page.run.events.length;
  }

  /** The event at a place from the left. @param {number} x */
  eventAt(x) {
    const last = this.page.run.events.length - 1;
    const share = (x - STRIP_LEFT) / Math.max(1, this.canvas.clientWidth - STRIP_LEFT);
    return Math.min(last, Math.max(0, Math.floor(share * (last + 1))));
  }

  /**
   * The event that is pointed at: the one that moves the buffer, if it is near, and otherwise the last one before that is shown.
   * @param {MouseEvent} e
   */
  pointed(e) {
    const buffer = this.buffers[Math.floor(e.offsetY / this.row())];
    const far = (/** @type {number} */ at) => Math.abs(this.x(at) - e.offsetX);
    const move = buffer?.pieces.map(([at]) => at).sort((a, b) => far(a) - far(b))[0];
    if (move !== undefined && far(move) <= STRIP_NEAR) return move;
    const at = this.eventAt(e.offsetX);
    return this.page.shown.findLast((event) => event.at <= at)?.at ?? at;
  }

  /** Says what is pointed at. @param {MouseEvent} e */
  tell(e) {
    const buffer = this.buffers[Math.floor(e.offsetY / this.row())];
    const at = this.eventAt(e.offsetX);
    const place = buffer?.pieces.findLast(([since]) => since <= at)?.[1];
    this.canvas.title = buffer && e.offsetX >= STRIP_LEFT ? `${buffer.name} at event ${this.page.run.events[at].seq}: ${place ? placeText(place) : "not there"}` : "";
  }

  /** As high as there are buffers. */
  fit() {
    get("strip").hidden = this.buffers.length === 0;
    this.canvas.style.height = `${this.buffers.length * this.row()}px`;
  }

  /** @param {Run} run */
  collect(run) {
    /** @type {Map<string, {name: string, pieces: [number, string][]}>} */
    const found = new Map();
    /** @type {Map<string, string>} */
    const owners = new Map();
    for (const event of run.events) {
      for (let i = 0; i < event.changes.length; i += 2) {
        const key = run.strings[event.changes[i]];
        const value = event.changes[i + 1] < 0 ? "" : run.strings[event.changes[i + 1]];
        const [kind, index, buffer, what] = key.split(" ");
        if (kind === "session" && what === "app" && value) {
          owners.set(index, value);
          // The seed of the index is the session's first buffer.
          for (const [place, line] of found) {
            if (place.startsWith(`${index} `)) line.name = `${value} ${line.name.split(" ").pop()}`;
          }
        }
        if (kind === "name" && value) {
          const line = found.get(`${index} ${buffer}`);
          if (line) line.name = `${owners.get(index) ?? `slot ${index}`} ${value}`;
          else found.set(`${index} ${buffer}`, { name: `${owners.get(index) ?? `slot ${index}`} ${value}`, pieces: [] });
        }
        if (kind !== "buffer") continue;
        const line = found.get(`${index} ${buffer}`) ?? { name: `${index}/${buffer}`, pieces: [] };
        found.set(`${index} ${buffer}`, line);
        line.pieces.push([event.at, value]);
      }
    }
    return [...found].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true })).map(([, line]) => line);
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    const width = this.canvas.clientWidth;
    const row = this.row();
    const height = this.buffers.length * row;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    const to = this.canvas.getContext("2d");
    if (!to || !width) return;
    to.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    const count = this.page.run.events.length;
    const x = (/** @type {number} */ at) => this.x(at);
    const half = row / 2 - 1;
    to.font = `${row > 14 ? 13 : 11}px system-ui, sans-serif`;
    this.buffers.forEach((buffer, line) => {
      const y = line * row;
      to.fillStyle = colour("--ink");
      to.fillText(buffer.name, 0, y + row / 2 + 4, STRIP_LEFT - 6);
      buffer.pieces.forEach(([at, place], i) => {
        if (!place) return;
        const end = i + 1 < buffer.pieces.length ? buffer.pieces[i + 1][0] : count;
        const [left, wide] = [x(at), Math.max(1, x(end) - x(at))];
        const kind = placeClass(place);
        to.fillStyle = colour(`--${kind}`);
        if (kind === "mgmt") to.fillRect(left, y + row / 2, wide, half);
        else if (kind === "hyp") to.fillRect(left, y + 1, wide, half);
        else if (kind === "way") to.fillRect(left, y + row / 2 - 1, wide, 2);
        else for (let stripe = 0; stripe < wide; stripe += 4) to.fillRect(left + stripe, y + 1, Math.min(2, wide - stripe), 2 * half);
      });
    });
    to.fillStyle = colour("--bad");
    for (const event of this.page.run.events) {
      if (!event.why && !event.problems.length) continue;
      for (let y = 0; y < height; y += 6) to.fillRect(x(event.at + 0.5) - 1, y, 2, 4);
    }
    to.fillStyle = colour("--message");
    to.fillRect(x(this.page.at + 0.5) - 1, 0, 2, height);
  }
}
