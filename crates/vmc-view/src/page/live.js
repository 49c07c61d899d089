// Follows a run that goes on, where the page comes from a server.

const isLive = document.documentElement.dataset.live !== undefined;

/** How long what comes is gathered before it is drawn, in milliseconds. */
const GATHER = 150;

/** How long it waits before it asks again for what it did not get, in milliseconds. */
const RETRY = 1000;

class Follower {
  /** @param {number} generation Which run the page shows. */
  constructor(generation) {
    this.generation = generation;
    this.isDrawn = true;
    this.notice = "";
    this.isConnected = false;
    this.listen();
  }

  listen() {
    const source = new EventSource(`/follow?generation=${this.generation}&events=${page.run.events.length}`);
    source.addEventListener("open", () => this.connected(true));
    source.addEventListener("error", () => this.connected(false));
    source.addEventListener("notice", (e) => { this.notice = JSON.parse(e.data) ?? ""; this.say(); });
    source.addEventListener("append", (e) => this.append(JSON.parse(e.data), source));
    source.addEventListener("replace", () => this.replace(source));
  }

  /** @param {boolean} isConnected */
  connected(isConnected) {
    this.isConnected = isConnected;
    this.say();
  }

  /** Says how it stands, above the page. */
  say() {
    const place = get("notice");
    place.textContent = this.notice || (this.isConnected ? "● live" : "○ the run is not served any more; this is what was seen of it");
    place.className = this.notice ? "bad" : "";
  }

  /** @param {Added} added @param {EventSource} source */
  append(added, source) {
    if (!page.run.append(added)) {
      this.replace(source);
      return;
    }
    if (!this.isDrawn) return;
    this.isDrawn = false;
    setTimeout(() => {
      this.isDrawn = true;
      page.grown();
    }, GATHER);
  }

  /** @param {EventSource} source */
  async replace(source) {
    source.close();
    const answer = await fetch("/data").then((got) => got.json()).catch(() => null);
    if (!answer) {
      this.connected(false);
      setTimeout(() => this.replace(source), RETRY);
      return;
    }
    this.generation = answer.generation;
    this.notice = "";
    const kept = page.keep();
    page.gone.abort();
    document.body.replaceChildren(...template.map((element) => element.cloneNode(true)));
    page = new Page(answer.data, kept);
    this.say();
    this.listen();
  }
}
