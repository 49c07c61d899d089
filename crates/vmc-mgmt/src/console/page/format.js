// What the application sends, elements, and how amounts are written.

/**
 * @typedef {{now: number, min: number, desired: number, max: number}} Memory In MB.
 * @typedef {{mode: string, sharing: string, weight: number, now: number, min: number, desired: number, max: number, units: number,
 *   minUnits: number, desiredUnits: number, maxUnits: number}} Processors Units are hundredths.
 * @typedef {{slot: number, mac: string, vlan: number, additional: number[], trunk: number|null, switch: string}} Ethernet
 * @typedef {{server: string, target: string, backing: string|null, kind: "disk"|"volume"|"optical", slot: number, lua: string}} Mapping
 * @typedef {{groups: {name: string, size: number, free: number}[], volumes: {name: string, size: number, group: string|null, target: string|null}[],
 *   disks: {name: string, group: string, size: number, target: string|null}[]}} ServerStorage
 * @typedef {{id: number, name: string, uuid: string, kind: string, os: string, state: string, rmc: string, code: string, job: number|null,
 *   management: boolean, description: string, memory: Memory, processors: Processors, slots: number, profiles: string[],
 *   ethernet: Ethernet[], mappings: Mapping[], storage: ServerStorage|null}} Partition
 * @typedef {{name: string, mtms: string, state: string, firmware: string, memory: {all: number, free: number, lmb: number},
 *   units: {all: number, free: number}, most: number, switches: {id: number, name: string, mode: string, ports: number}[]}} System
 * @typedef {{job: number, kind: string, partition: number|null, state: string, began: number, ended: number|null, failure: string|null}} Job
 * @typedef {{number: number, missed?: number, at: number, object: string, what: string, partition: number|null, name: string|null,
 *   properties: string[], from: string|null, to: string|null}} Notice
 * @typedef {{running: boolean[], channel: string, hypervisor: string, queues: ({holds: number, of: number}|null)[],
 *   sessions: {index: number, number: number|null, state: string, inbound: number, outbound: number, inUse: number}[]}} Machine
 * @typedef {{sent: number, received: number, messages: {at: number, sent: boolean, bytes: number, text: string}[], machine: Machine|null}} Vmc
 * @typedef {{system: System|null, dialect: string, partitions: Map<number, Partition>, fresh: Set<number>|null}} Model What the page knows.
 * @typedef {{at: number, line: string, code: number|undefined, text: string}} Sent A command line that this page has sent.
 * @typedef {Record<string, string>} Values What was written in a form.
 * @typedef {HTMLTableRowElement & {partition: Partition, text: string}} Row
 */

/**
 * An element with attributes and children; `on…` attributes are listeners.
 * @param {string} name
 * @param {Record<string, any>} [attributes]
 * @param {...(Node|string|number|null|undefined|false)} children
 * @returns {any}
 */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false).map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

/**
 * The element of the page that has this name: it is there.
 * @param {string} id
 * @returns {any}
 */
const byId = (id) => document.getElementById(id);

/** Takes the focus from where something is written. */
function leaveField() {
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
}

/**
 * What was written in a form.
 * @param {HTMLFormElement} form
 * @returns {Values}
 */
function valuesOf(form) {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
}

/**
 * What went wrong, in words.
 * @param {unknown} error
 */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** MB as GB where that is shorter. @param {number} mb */
function memory(mb) {
  return mb >= 1024 ? `${trimmed(mb / 1024)} GB` : `${mb} MB`;
}

/** Hundredths of a processor. @param {number} hundredths */
function units(hundredths) {
  return trimmed(hundredths / 100);
}

/** @param {number} number */
function trimmed(number) {
  return String(Math.round(number * 100) / 100);
}

/** @param {number} ms */
function clock(ms) {
  return new Date(ms).toLocaleTimeString([], { hour12: false });
}

/** @param {number} seconds */
function lasting(seconds) {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  return parts[0] ? `${parts[0]} h ${parts[1]} min` : parts[1] ? `${parts[1]} min ${parts[2]} s` : `${parts[2]} s`;
}

/** How a state is coloured. @param {string} state */
function stateClass(state) {
  switch (state) {
    case "running": case "operating": case "done": return "good";
    case "starting": case "shutting down": case "initializing": case "powering off": return "busy";
    case "error": case "failed": return "bad";
    case "open firmware": case "standby": return "other";
    default: return "idle";
  }
}

/** @param {string} state */
function stateElement(state) {
  return make("span", { class: `state ${stateClass(state)}` }, state);
}

/** A word of a command line, quoted if a shell would take it apart. @param {string} word */
function shellWord(word) {
  return /^[\w@%+=:,./*-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A pair of a record: quoted whole if it has a comma or a quote. @param {string} name @param {string|number} value */
function recordPair(name, value) {
  const pair = `${name}=${value}`;
  return /[",\n]/.test(pair) ? `"${pair.replaceAll('"', '""')}"` : pair;
}

/** @param {Record<string, string|number>} pairs */
function record(pairs) {
  return Object.entries(pairs).map(([name, value]) => recordPair(name, value)).join(",");
}
