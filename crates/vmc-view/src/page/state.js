// The state of both sides at any event: the changes up to it, from a checkpoint on.

const CHECKPOINT_EVERY = 1000;

class States {
  /** @param {Run} run */
  constructor(run) {
    this.run = run;
    /** @type {Map<string, string>[]} The state before event `CHECKPOINT_EVERY * i`. */
    this.checkpoints = [new Map()];
  }

  /**
   * The state after an event.
   * @param {number} at
   * @returns {Map<string, string>}
   */
  after(at) {
    const wanted = Math.floor(at / CHECKPOINT_EVERY);
    while (this.checkpoints.length <= wanted) {
      const next = this.checkpoints.length;
      const state = new Map(this.checkpoints[next - 1]);
      for (let i = (next - 1) * CHECKPOINT_EVERY; i < next * CHECKPOINT_EVERY; i++) this.apply(state, i);
      this.checkpoints.push(state);
    }
    const state = new Map(this.checkpoints[wanted]);
    for (let i = wanted * CHECKPOINT_EVERY; i <= at; i++) this.apply(state, i);
    return state;
  }

  /**
   * @param {Map<string, string>} state
   * @param {number} at
   */
  apply(state, at) {
    const changes = this.run.events[at].changes;
    for (let i = 0; i < changes.length; i += 2) {
      const key = this.run.strings[changes[i]];
      if (changes[i + 1] < 0) state.delete(key);
      else state.set(key, this.run.strings[changes[i + 1]]);
    }
  }

  /**
   * The keys that an event changes.
   * @param {number} at
   */
  changedBy(at) {
    const changes = this.run.events[at].changes;
    return new Set(changes.filter((_, i) => i % 2 === 0).map((key) => this.run.strings[key]));
  }
}

/**
 * How a place of a buffer is drawn.
 * @param {string} place
 */
function placeClass(place) {
  switch (place) {
    case "mgmt": return "mgmt";
    case "hyp": return "hyp";
    case "unread": return "unread";
    default: return "way";
  }
}

/**
 * @param {string} place
 */
function placeText(place) {
  switch (place) {
    case "mgmt": return "free: the management partition may write";
    case "hyp": return "the hypervisor has it";
    case "unread": return "holds a message that nothing has read yet";
    case "offered": return "being added";
    default: return place;
  }
}

/**
 * Names of the sessions of a state, by their index.
 * @param {Map<string, string>} state
 */
function sessionsByIndex(state) {
  /** @type {Map<string, string>} */
  const names = new Map();
  for (const [key, value] of state) {
    const [kind, index, , what] = key.split(" ");
    if (kind === "session" && what === "app") names.set(index, value);
  }
  return names;
}
