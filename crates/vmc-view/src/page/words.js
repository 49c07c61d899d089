// What the words of the protocol mean, beside the event that has them.

/**
 * Words and their meanings. A word stands in a text where its pattern matches; what it is called is what matched, unless it
 * has a name.
 * @type {{pattern: RegExp, name?: string, meaning: string}[]}
 */
const WORDS = [
  { pattern: /\bVMC\b(?! service)/, meaning: "Virtual Management Channel: the channel on which the management partition talks to the hypervisor" },
  { pattern: /\bset-hmc-id\b/, meaning: "ioctl(SETHMCID): the application gives its open file the ID of an HMC, and that opens a session" },
  { pattern: /\bINIT COMPLETE\b/, meaning: "the answer to INIT: both queues are ready" },
  { pattern: /\bINIT\b(?! COMPLETE)/, meaning: "the greeting: a side says that it has started and has a queue" },
  { pattern: /\b_?CRQ\b|_CRQ\b/, name: "CRQ", meaning: "Command/Response Queue: each side has one, into which the other side puts entries of 16 bytes" },
  { pattern: /\bCAPABILITIES\b/, meaning: "what a side supports; the smaller value of both sides counts" },
  { pattern: /\bhmcs=\d+/, meaning: "connections to HMCs: so many sessions at a time, each with an index from 0 on" },
  { pattern: /\bpool=\d+/, meaning: "most buffers of a connection" },
  { pattern: /\bmtu=\d+/, meaning: "longest message in bytes" },
  { pattern: /\bcrq=\d+/, meaning: "entries for which the queue has room" },
  { pattern: /\bv\d+\.\d+\b/, meaning: "version of the protocol" },
  { pattern: /\bADD BUFFER\b/, meaning: "the hypervisor lends a buffer to a connection" },
  { pattern: /\bREMOVE BUFFER\b/, meaning: "the hypervisor wants a buffer back" },
  { pattern: /\bowner=mgmt\b/, meaning: "the management partition sends with this buffer first: it is free for write()" },
  { pattern: /\bowner=hyp\b/, meaning: "the hypervisor sends with this buffer first" },
  { pattern: /\bINTERFACE OPEN\b/, meaning: "the request for a session" },
  { pattern: /\bINTERFACE CLOSE\b/, meaning: "the end of a session" },
  { pattern: /\bSIGNAL\b/, meaning: "a message lies in a buffer: with it the buffer goes over to the receiver" },
  { pattern: /\bRDMA\b|\bH_COPY_RDMA\b/, name: "RDMA", meaning: "remote direct memory access: the driver has the hypervisor copy bytes between the memory of both sides" },
  { pattern: /\b\d+ B\b/, meaning: "so many bytes" },
  { pattern: /\b[0-9a-f]{8}\b/, meaning: "a digest of the bytes: where the digits are the same, the bytes are" },
  { pattern: /\bslot \d+/, meaning: "an index that no session has yet" },
  { pattern: /\b[a-z][\w-]*#\d+/, meaning: "a session: the connection of an application to the hypervisor, numbered within the application" },
  { pattern: /\bb\d+\b/, meaning: "a buffer: memory of both sides for one message, which they own by turns" },
  { pattern: /\bHMC\b|"HMC-/, name: "HMC", meaning: "Hardware Management Console: the program that manages the server; its ID names the session" },
  { pattern: /\bEBUSY\b/, meaning: "the call failed: not now; nothing was sent, and a later try may succeed" },
  { pattern: /\bEBADFD\b/, meaning: "the call failed: the session of this file is over" },
  { pattern: /\bEIO\b/, meaning: "the call failed: the device cannot do it" },
  { pattern: /\bEAGAIN\b/, meaning: "the call failed: no message waits, and the file is not to wait" },
  { pattern: /\bEINTR\b/, meaning: "the call failed: a signal interrupted it" },
  { pattern: /\bEINVAL\b/, meaning: "the call failed: an argument is not allowed" },
  { pattern: /\bEFAULT\b/, meaning: "the call failed: memory that it was given cannot be reached" },
  { pattern: /\bENOBUFS\b/, meaning: "the call failed: there is no first buffer to open a session with" },
  { pattern: /\bH_Success\b/, meaning: "the hypervisor call did what it was asked for" },
  { pattern: /\bH_Closed\b/, meaning: "the other side has no queue yet, or none any more" },
  { pattern: /\bH_Dropped\b/, meaning: "the other side's queue is full: the message was not sent" },
  { pattern: /\bH_Busy\b|\bH_LongBusy\w*/, meaning: "the hypervisor cannot do it at this time: try again" },
  { pattern: /\bH_Resource\b/, meaning: "the hypervisor has no room for it, or the queue is registered already" },
  { pattern: /\bH_Permission\b/, meaning: "memory is not mapped for this access" },
  { pattern: /\bPOLLIN\b/, meaning: "read() would not wait" },
  { pattern: /\bPOLLERR\b|\bPOLLHUP\b/, name: "POLLERR, POLLHUP", meaning: "the session of this file is over" },
  { pattern: /\bseed\b/, meaning: "the first buffer of an index, with which a session can be opened" },
  { pattern: /\bbottom half\b/, meaning: "the part of the driver that takes entries from its queue after an interrupt" },
  { pattern: /\breset task\b/, meaning: "the part of the driver that starts the channel, and sets it up again after a failure" },
  { pattern: /\bVMC service\b/, meaning: "the program of the hypervisor's side that answers messages" },
  { pattern: /\bpartner failed\b/, meaning: "the platform's word that the other side has died" },
  { pattern: /\bpartner terminated\b/, meaning: "the platform's word that this side has ended the other one" },
  { pattern: /\bpartner deregistered\b/, meaning: "the platform's word that the other side has taken its queue away" },
  { pattern: /\bpartner suspended\b/, meaning: "the platform's word that the other side is suspended" },
  { pattern: /\bTCE\b|_TCE\b/, name: "TCE", meaning: "Translation Control Entry: makes a page of memory visible to the other side" },
  { pattern: /\bfault\b/, meaning: "something that the scenario makes go wrong; the word after it is the name of its rule" },
  { pattern: /\bmgmt\b/, meaning: "the management partition" },
  { pattern: /\bhyp\b/, meaning: "the hypervisor's side" },
  { pattern: /\bvirtual time\b/, meaning: "the simulator's clock: it moves on only when nothing else is left to do" },
  { pattern: /\bexpectation\b/, meaning: "what the scenario says that a call must come to" },
  { pattern: /\bLoPAR\b/, meaning: "Linux on Power Architecture Reference, which defines the protocol" },
  { pattern: /\bdriver document\b/, meaning: "the IBMVMC driver document, which defines what applications see" },
];

/**
 * The words of a text that have a meaning, as they stand in it, each once.
 * @param {string} text
 * @returns {[string, string][]}
 */
function wordsOf(text) {
  /** @type {[string, string][]} */
  const found = [];
  for (const { pattern, name, meaning } of WORDS) {
    const match = pattern.exec(text);
    if (match) found.push([name ?? match[0], meaning]);
  }
  return found;
}

/** Whether the words stand open below an event; a reader who knows them closes them. */
let wordsAreOpen = true;

/**
 * The words of a text with their meanings.
 * @param {string} text
 */
function wordList(text) {
  const words = wordsOf(text);
  if (!words.length) return "";
  const list = make("dl", {}, ...words.map(([word, meaning]) => make("div", {}, make("dt", {}, word), make("dd", {}, meaning))));
  const box = /** @type {HTMLDetailsElement} */ (make("details", { class: "words", open: wordsAreOpen }));
  // It changes after the click.
  box.append(make("summary", { click: () => { wordsAreOpen = !box.open; } }, "Words at this event"), list);
  return box;
}
