// The link to the application: logon, the stream of what is there, and command lines.

const STALE_MS = 4000;

class Link {
  constructor() {
    this.token = sessionStorage.getItem("token") ?? "";
    // A link that the application prints has a token of its own.
    if (location.hash.length > 1) {
      this.token = location.hash.slice(1);
      sessionStorage.setItem("token", this.token);
      history.replaceState(null, "", location.pathname);
    }
    this.last = 0;
    /** @type {(message: any) => void} */
    this.onmessage = () => {};
    /** @type {(good: boolean, text: string) => void} */
    this.onlink = () => {};
  }

  /** @param {string} user @param {string} password */
  async logOn(user, password) {
    const answer = await fetch("/console/logon", { method: "POST", body: JSON.stringify({ user, password }) });
    if (!answer.ok) throw new Error(await answer.text());
    this.token = (await answer.json()).token;
    sessionStorage.setItem("token", this.token);
  }

  logOff() {
    sessionStorage.removeItem("token");
    this.token = "";
    location.reload();
  }

  /** Follows what is there, also over a restart of the application; comes back when the token is no good. */
  async follow() {
    for (let wait = 250; ; wait = Math.min(wait * 2, 4000)) {
      try {
        const answer = await fetch("/console/follow", { headers: { "x-api-session": this.token } });
        if (answer.status === 401) return;
        if (!answer.ok || !answer.body) throw new Error(await answer.text());
        wait = 250;
        await this.read(answer.body.getReader());
      } catch (error) {
        console.info(`the stream has ended: ${error}`);
      }
      this.onlink(false, "The application does not answer; trying again …");
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  /** @param {ReadableStreamDefaultReader<Uint8Array>} reader */
  async read(reader) {
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      const parts = rest.split("\n\n");
      rest = parts.pop() ?? "";
      for (const part of parts) {
        this.last = Date.now();
        this.onmessage(JSON.parse(part.slice("data: ".length)));
      }
    }
  }

  /**
   * Has the application do what a command line says.
   * @param {string} program
   * @param {string[]} words
   */
  async command(program, words) {
    const body = JSON.stringify({ program, words });
    const answer = await fetch("/command", { method: "POST", body, headers: { "x-api-session": this.token } });
    if (answer.status === 401) throw new Error("The session has ended: log on again.");
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  }
}
