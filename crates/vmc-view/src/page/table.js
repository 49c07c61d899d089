// The events as a table: the same as the diagram, for screen readers and for copying.

const TABLE_ROWS = 300;

/**
 * Shows the events around the selected one.
 * @param {Page} page
 */
function showTable(page) {
  const events = page.shown;
  const place = Math.max(0, events.findIndex((event) => event.at >= page.at));
  const first = Math.max(0, Math.min(place - TABLE_ROWS / 2, events.length - TABLE_ROWS));
  const table = make("table", { "aria-rowcount": events.length + 1 });
  const heads = ["event", "time", "who", "kind", "what", "outcome"];
  table.append(make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))));
  const body = make("tbody");
  events.slice(first, first + TABLE_ROWS).forEach((event, i) => {
    const kind = page.data.kinds[event.kind].label;
    const outcome = [event.note, event.why, ...event.problems.map((problem) => `${problem.rule}: ${problem.what}`)];
    const selected = event.at === page.at;
    const number = make("button", { type: "button", click: () => page.select(event.at) }, String(event.seq));
    body.append(
      make("tr", { "aria-rowindex": first + i + 2, class: selected ? "selected" : "", "aria-current": selected ? "true" : undefined },
        make("th", { scope: "row" }, number), make("td", {}, timeText(event.time)), make("td", {}, event.actor), make("td", {}, kind),
        make("td", {}, event.text), make("td", {}, outcome.filter(Boolean).join("; "))),
    );
  });
  table.append(body);
  const more = (/** @type {string} */ text, /** @type {number} */ to) =>
    make("button", { type: "button", click: () => page.select(events[to].at) }, text);
  const box = get("table");
  box.replaceChildren();
  if (first > 0) box.append(more(`${first} events before these`, Math.max(0, first - TABLE_ROWS / 2)));
  box.append(table);
  const after = events.length - first - TABLE_ROWS;
  if (after > 0) box.append(more(`${after} events after these`, Math.min(events.length - 1, first + TABLE_ROWS + TABLE_ROWS / 2)));
  box.querySelector(".selected")?.scrollIntoView({ block: "center" });
}
