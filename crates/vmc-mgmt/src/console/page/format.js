// Elements, and how amounts are written.

/** An element with attributes and children; `on…` attributes are listeners. */
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

const byId = (id) => document.getElementById(id);

/** MB as GB where that is shorter. */
function memory(mb) {
  return mb >= 1024 ? `${trimmed(mb / 1024)} GB` : `${mb} MB`;
}

/** Hundredths of a processor. */
function units(hundredths) {
  return trimmed(hundredths / 100);
}

function trimmed(number) {
  return String(Math.round(number * 100) / 100);
}

function clock(ms) {
  return new Date(ms).toLocaleTimeString([], { hour12: false });
}

function lasting(seconds) {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  return parts[0] ? `${parts[0]} h ${parts[1]} min` : parts[1] ? `${parts[1]} min ${parts[2]} s` : `${parts[2]} s`;
}

/** How a state is coloured. */
function stateClass(state) {
  switch (state) {
    case "running": case "operating": case "done": return "good";
    case "starting": case "shutting down": case "initializing": case "powering off": return "busy";
    case "error": case "failed": return "bad";
    case "open firmware": case "standby": return "other";
    default: return "idle";
  }
}

function stateElement(state) {
  return make("span", { class: `state ${stateClass(state)}` }, state);
}

/** A word of a command line, quoted if a shell would take it apart. */
function shellWord(word) {
  return /^[\w@%+=:,./*-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A pair of a record: quoted whole if it has a comma or a quote. */
function recordPair(name, value) {
  const pair = `${name}=${value}`;
  return /[",\n]/.test(pair) ? `"${pair.replaceAll('"', '""')}"` : pair;
}

function record(pairs) {
  return Object.entries(pairs).map(([name, value]) => recordPair(name, value)).join(",");
}
