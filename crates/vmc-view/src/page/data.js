// What the page is made of: the data that the page carries, unpacked.

/**
 * @typedef {{name: string, offset: number, len: number}} Field
 * @typedef {{rule: string, what: string, event: number|null}} Problem
 * @typedef {{title: string, about: string, repeat: string|null, apps: string[], lanes: string[], strings: string[],
 *   events: any[][], problems: Problem[], complete: boolean}} PackedRun
 * @typedef {{runs: PackedRun[], kinds: {id: string, label: string, shown: boolean}[],
 *   messages: Record<string, {name: string, fields: Field[], statuses: Record<string, string>}>,
 *   meanings: {meaning: string, refs: string[]}[], rows: any[][]|null, names: string[]}} Data
 */

/** An event. */
class VmcEvent {
  /**
   * @param {Run} run
   * @param {any[]} packed
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
    this.from = packed[4];
    /** @type {number} */
    this.to = packed[5];
    /** @type {string} */
    this.text = s[packed[6]];
    /** @type {string} */
    this.note = packed[7] < 0 ? "" : s[packed[7]];
    /** @type {string} Raw bytes in hexadecimal digits. */
    this.raw = packed[8] < 0 ? "" : s[packed[8]];
    /** @type {string} */
    this.session = packed[9] < 0 ? "" : s[packed[9]];
    /** @type {string} The record's own text, with every value. */
    this.record = s[packed[10]];
    /** @type {number} */
    this.meaning = packed[11];
    /** @type {string} Why it came to this. */
    this.why = packed[12] < 0 ? "" : s[packed[12]];
    /** @type {number[]} Places of its causes. */
    this.causes = packed[13];
    /** @type {number[]} Keys and values that change, as numbers of strings. */
    this.changes = packed[14];
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
    this.about = packed.about;
    this.repeat = packed.repeat;
    this.apps = packed.apps;
    this.lanes = packed.lanes;
    this.strings = packed.strings;
    this.problems = packed.problems;
    this.complete = packed.complete;
    /** @type {VmcEvent[]} */
    this.events = packed.events.map((event, at) => new VmcEvent(this, event, at));
    /** @type {Map<number, number>} */
    this.bySeq = new Map();
    for (const event of this.events) {
      this.bySeq.set(event.seq, event.at);
      for (const cause of event.causes) this.events[cause].effects.push(event.at);
    }
    for (const problem of packed.problems) {
      const at = problem.event === null ? undefined : this.bySeq.get(problem.event);
      if (at !== undefined) this.events[at].problems.push(problem);
    }
    this.states = new States(this);
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
