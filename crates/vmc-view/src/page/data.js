// What the page is made of: the data that the page carries, unpacked.

/**
 * @typedef {{name: string, offset: number, len: number}} Field
 * @typedef {{rule: string, what: string, event: number|null}} Problem
 * @typedef {{words: string, kind: string, operation: string|null, target: string, opcode: number, token: number,
 *   code: string|null, data: any, problem: string|null}} Command An HMC command inside a payload.
 * @typedef {{meaning: string, refs: string[]}} Meaning
 * @typedef {{title: string, description: string, about: string, repeat: string|null, apps: string[], strings: string[],
 *   events: any[][], commands: Command[], meanings: Meaning[], problems: Problem[], complete: boolean}} PackedRun
 * @typedef {{runs: PackedRun[], kinds: {id: string, label: string, sign: string, what: string, shown: boolean}[],
 *   messages: Record<string, {name: string, fields: Field[], statuses: Record<string, string>}>,
 *   states: Record<string, string>, rows: any[][]|null, names: string[]}} Data
 * @typedef {{from: number, events: any[][], strings: [number, string[]], meanings: [number, Meaning[]], commands: [number, Command[]],
 *   apps: string[]}} Added What a run that goes on has more, and from which place on it is.
 */

/** The lanes that every run has. */
const FIXED_LANES = ["driver", "mgmt's queue", "hyp's queue", "hypervisor"];
/** The lane of the hypervisor. */
const HYPERVISOR = 3;
/** The lane of the first application. */
const FIRST_APP = 4;

/** An event. */
class VmcEvent {
  /**
   * @param {Run} run
   * @param {any[]} packed What `PackedEvent` in model.rs holds, in its order.
   * @param {number} at
   */
  constructor(run, packed, at) {
    const s = run.strings;
    /** Its place among the events. */
    this.at = at;
    /** @type {number} Its number in the run. */
    this.seq = packed[0];
    /** @type {number} */
    this.time = packed[1];
    /** @type {string} */
    this.actor = s[packed[2]];
    /** @type {number} */
    this.kind = packed[3];
    /** @type {number} Lane, -1 for none. */
    this.from = packed[4][0];
    /** @type {number} */
    this.to = packed[4][1];
    /** @type {string} */
    this.text = s[packed[5]];
    /** @type {string} */
    this.note = packed[6] < 0 ? "" : s[packed[6]];
    /** @type {string} Raw bytes in hexadecimal digits: an entry, or a payload. */
    this.raw = packed[7] < 0 ? "" : s[packed[7]];
    /** @type {string} */
    this.session = packed[8] < 0 ? "" : s[packed[8]];
    /** @type {string} The record's own text, with every value. */
    this.record = s[packed[9]];
    /** @type {number} */
    this.meaning = packed[10];
    /** @type {string} Why it came to this. */
    this.why = packed[11] < 0 ? "" : s[packed[11]];
    /** @type {number[]} Places of its causes. */
    this.causes = packed[12];
    /** @type {number[]} Keys and values that change, as numbers of strings. */
    this.changes = packed[13];
    /** @type {Command|null} */
    this.command = packed[14] < 0 ? null : run.commands[packed[14]];
    /** @type {number} The place of the request that it answers, -1 for none. */
    this.answers = packed[15];
    /** @type {number} The place of its response, -1 for none. */
    this.answeredBy = -1;
    /** @type {number[]} Places of its effects. */
    this.effects = [];
    /** @type {Problem[]} */
    this.problems = [];
  }
}

/** A run, unpacked. */
class Run {
  /** @param {PackedRun} packed */
  constructor(packed) {
    this.title = packed.title;
    this.description = packed.description;
    this.about = packed.about;
    this.repeat = packed.repeat;
    this.apps = packed.apps;
    this.strings = packed.strings;
    this.meanings = packed.meanings;
    this.problems = packed.problems;
    this.complete = packed.complete;
    this.commands = packed.commands;
    /** @type {VmcEvent[]} */
    this.events = [];
    /** @type {Map<number, number>} */
    this.bySeq = new Map();
    /** Whether time goes on in it: where all happens at one time, there is nothing to say of it. */
    this.hasTimes = false;
    this.take(packed.events);
    for (const problem of packed.problems) {
      const at = problem.event === null ? undefined : this.bySeq.get(problem.event);
      if (at !== undefined) this.events[at].problems.push(problem);
    }
    this.states = new States(this);
  }

  /** What the lanes are called, by their numbers: the applications come last, so that one that joins changes no number. */
  get lanes() {
    return [...FIXED_LANES, ...this.apps];
  }

  /** The lanes from left to right. Applications that never do anything have none where there are many. */
  shownLanes() {
    const apps = this.apps.map((_, app) => FIRST_APP + app);
    if (apps.length <= 8) return [...apps, 0, 1, 2, 3];
    const busy = new Set();
    for (const event of this.events) {
      busy.add(event.from);
      busy.add(event.to);
    }
    return [...apps.filter((lane) => busy.has(lane)), 0, 1, 2, 3];
  }

  /** @param {any[][]} packed */
  take(packed) {
    for (const one of packed) {
      const event = new VmcEvent(this, one, this.events.length);
      this.events.push(event);
      if (event.time > 0) this.hasTimes = true;
      this.bySeq.set(event.seq, event.at);
      for (const cause of event.causes) this.events[cause].effects.push(event.at);
      if (event.answers >= 0) this.events[event.answers].answeredBy = event.at;
    }
  }

  /**
   * Takes what it does not have yet; false if something is missing before it.
   * @param {Added} added
   */
  append(added) {
    const have = this.events.length;
    if (added.from > have) return false;
    /** @param {any[]} all @param {[number, any[]]} more */
    const join = (all, [from, more]) => { for (let i = Math.max(0, all.length - from); i < more.length; i++) all.push(more[i]); };
    join(this.strings, added.strings);
    join(this.meanings, added.meanings);
    join(this.commands, added.commands);
    this.apps = added.apps;
    this.take(added.events.slice(have - added.from));
    return true;
  }
}

/**
 * An element with attributes and children.
 * @param {string} name
 * @param {Record<string, any>} [attributes]
 * @param {...(Node|string)} children
 * @returns {HTMLElement}
 */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

/**
 * @param {string} id
 * @returns {any}
 */
function get(id) {
  return document.getElementById(id);
}

/**
 * Virtual time as people read it.
 * @param {number} ns
 */
function timeText(ns) {
  return ns === 0 ? "0 ms" : `${(ns / 1e6).toFixed(ns % 1e6 === 0 ? 0 : 6).replace(/(\.\d*?)0+$/, "$1")} ms`;
}
