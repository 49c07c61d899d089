// The strip above the diagram: where each buffer is over the run.

const STRIP_ROW = 12;
const STRIP_LEFT = 74;

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
    );
    this.canvas.addEventListener("click", (/** @type {MouseEvent} */ e) => {
      const share = (e.offsetX - STRIP_LEFT) / Math.max(1, this.canvas.clientWidth - STRIP_LEFT);
      const at = Math.floor(share * page.run.events.length);
      page.select(Math.min(page.run.events.length - 1, Math.max(0, at)));
    });
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw(), { signal: page.gone.signal });
  }

  /** Takes up what the run has more. */
  grown() {
    this.buffers = this.collect(this.page.run);
    this.fit();
  }

  /** As high as there are buffers. */
  fit() {
    get("strip").hidden = this.buffers.length === 0;
    this.canvas.style.height = `${this.buffers.length * STRIP_ROW}px`;
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
    const height = this.buffers.length * STRIP_ROW;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    const to = this.canvas.getContext("2d");
    if (!to || !width) return;
    to.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    const count = this.page.run.events.length;
    const x = (/** @type {number} */ at) => STRIP_LEFT + ((width - STRIP_LEFT) * at) / count;
    to.font = "10px system-ui, sans-serif";
    this.buffers.forEach((buffer, row) => {
      const y = row * STRIP_ROW;
      to.fillStyle = colour("--dim");
      to.fillText(buffer.name, 0, y + 9, STRIP_LEFT - 4);
      buffer.pieces.forEach(([at, place], i) => {
        if (!place) return;
        const end = i + 1 < buffer.pieces.length ? buffer.pieces[i + 1][0] : count;
        const [left, wide] = [x(at), Math.max(1, x(end) - x(at))];
        const kind = placeClass(place);
        to.fillStyle = colour(`--${kind}`);
        if (kind === "mgmt") to.fillRect(left, y + 6, wide, 5);
        else if (kind === "hyp") to.fillRect(left, y + 1, wide, 5);
        else if (kind === "way") to.fillRect(left, y + 5, wide, 2);
        else for (let stripe = 0; stripe < wide; stripe += 4) to.fillRect(left + stripe, y + 1, Math.min(2, wide - stripe), 10);
      });
    });
    for (const problem of this.page.run.problems) {
      const at = problem.event === null ? undefined : this.page.run.bySeq.get(problem.event);
      if (at === undefined) continue;
      to.fillStyle = colour("--bad");
      to.fillRect(x(at), 0, 2, height);
    }
    to.fillStyle = colour("--message");
    to.fillRect(x(this.page.at + 0.5) - 1, 0, 2, height);
  }
}
