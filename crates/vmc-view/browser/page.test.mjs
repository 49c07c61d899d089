// The page as a person uses it: in headless Chromium, on pages that pages.sh has made.
// It runs in target/browser, a copy of this folder, and starts the programs of target/debug: .ci/run says how.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const FOLDER = new URL("../pages/", import.meta.url);
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGS });
});
after(() => browser.close());

/** Opens a page; whatever it complains of, or asks the network for, fails the test. */
async function open(name, options = {}) {
  const page = await browser.newPage({ viewport: { width: 1500, height: 900 }, ...options });
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(error.message));
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
  page.on("request", (request) => !request.url().startsWith("file:") && wrong.push(request.url()));
  const [file, hash] = name.split("#");
  await page.goto(new URL(file, FOLDER).href + (hash ? `#${hash}` : ""));
  return { page, wrong, text: (selector) => page.locator(selector).innerText() };
}

test("the exhaustion says by itself why the third write failed", async () => {
  const { page, wrong, text } = await open("exhaustion.html");
  await page.keyboard.press("/");
  await page.keyboard.type("EBUSY");
  await page.keyboard.press("Escape");
  const event = await text("#event");
  assert.match(event, /write\(300\) = EBUSY/);
  assert.match(event, /Why: No buffer of session a#1 is free: of its 4, 2 hold messages that the application has not read yet, 2 belong to the hypervisor\./);
  // What it says can be looked at: the copies that brought the two messages, and how the other two came to the hypervisor.
  const causes = await page.locator(".links", { hasText: "Caused by" }).getByRole("button").allInnerTexts();
  // Each says who did it, and where it put which buffer.
  assert.ok(causes.some((one) => /RDMA 100 B[^]*\ndriver, bottom half; buffer b0: holds a message that nothing has read yet$/.test(one)), String(causes));
  for (const cause of [/^\d+ ADD BUFFER RESPONSE a#1 b2$/, /^\d+ ADD BUFFER RESPONSE a#1 b3$/, /^\d+ RDMA 100 B \w+ a#1 b0$/, /^\d+ RDMA 200 B \w+ a#1 b1$/, /^\d+ write\(300\)$/]) assert.ok(causes.some((one) => cause.test(one.split("\n")[0])), `${cause}: ${causes}`);
  assert.match(await text("#state"), /0 of 4 free for write\(\)/);
  assert.match(await page.locator("#diagram").textContent(), /no free buffer: of 4/);
  // And it can be found without looking for it: the page names it first.
  await page.keyboard.press("Home");
  await page.locator("#verdict button", { hasText: "write(300) = EBUSY (no free buffer" }).click();
  assert.equal(await text("#event"), event);
  assert.deepEqual(wrong, []);
});

test("an HMC command is read with its fields, and leads to its response and back", async () => {
  const { page, wrong, text } = await open("commands.html");
  await page.locator("#search").fill("CREATE SWITCH");
  const request = await text("#event");
  assert.match(request, /HMC command\s+operation\s+CREATE SWITCH\s+target\s+partition configuration\s+kind\s+request/);
  assert.match(request, /name\s+\S+/);
  assert.match(await page.locator("#diagram").textContent(), /RDMA \d+ B [0-9a-f]{8} manager#1 b\d: CREATE SWITCH/);
  await page.locator(".links", { hasText: "Answered by" }).getByRole("button").click();
  assert.match(await text("#event"), /kind\s+response[^]*return code\s+good/);
  await page.locator(".links", { hasText: "Answers" }).getByRole("button").click();
  assert.equal(await text("#event"), request);
  // The bytes stand there, too, and no payload is taken for an entry of a queue.
  assert.match(request, /0000 {2}de ca ff 20/);
  assert.deepEqual(wrong, []);
});

test("messages of the channel are linked with their responses", async () => {
  const { page, text } = await open("boot.html");
  await page.evaluate('page.select(page.run.events.find((event) => event.text.startsWith("CAPABILITIES RESPONSE")).at)');
  await page.locator(".links", { hasText: "Answers" }).getByRole("button").click();
  assert.match(await text("#event"), /Event \d+: CAPABILITIES hmcs/);
});

test("a click selects an event, the arrow keys step, and the state follows", async () => {
  const { page, wrong, text } = await open("exhaustion.html");
  await page.locator("#diagram").click({ position: { x: 400, y: 26 * 4 + 12 } });
  const first = await text("#event");
  await page.keyboard.press("ArrowDown");
  const second = await text("#event");
  assert.notEqual(first, second);
  await page.keyboard.press("ArrowUp");
  assert.equal(await text("#event"), first);
  await page.keyboard.press("End");
  assert.match(await text("#state"), /channel\s+ready/);
  await page.keyboard.press("Home");
  assert.doesNotMatch(await text("#state"), /free for write/);
  assert.match(page.url(), /#e\d+$/);
  assert.deepEqual(wrong, []);
});

test("a link opens its event, and causes lead back to the call", async () => {
  const { page, text } = await open("exhaustion.html");
  await page.locator("#search").fill("SIGNAL");
  const signal = page.url().split("#")[1];
  const { page: other, text: otherText } = await open(`exhaustion.html#${signal}`);
  assert.equal(await otherText("#event"), await text("#event"));
  assert.match(await otherText("#event"), /type: SIGNAL/);
  assert.match(await otherText("#event"), /LoPAR, Signal Message/);
  await other.keyboard.press("c");
  assert.match(await otherText("#event"), /RDMA 100 B/);
  await other.keyboard.press("c");
  assert.match(await otherText("#event"), /write\(100\)/);
  // One whose kind is not shown at first is shown with it.
  const hidden = await page.evaluate("page.run.events.find((event) => !page.data.kinds[event.kind].shown && event.to < 0).seq");
  const { page: third } = await open(`exhaustion.html#e${hidden}`);
  const kind = await third.evaluate("page.data.kinds[page.run.events[page.at].kind].id");
  assert.equal(await third.evaluate("page.run.events[page.at].seq"), hidden);
  assert.ok(await third.evaluate("page.diagram.rowOf.has(page.at)"), kind);
  assert.equal(await third.locator(`[data-kind="${kind}"]`).getAttribute("aria-pressed"), "true");
});

test("filters leave what they say", async () => {
  const { page } = await open("exhaustion.html");
  const rows = () => page.evaluate("page.shown.length");
  const all = await rows();
  await page.locator('[data-kind="message"]').click();
  assert.ok((await rows()) < all);
  await page.locator('[data-kind="message"]').click();
  assert.equal(await rows(), all);
  for (const [lane, label] of ["driver", "mgmt's queue", "hyp's queue", "hypervisor", "a"].entries()) {
    await page.locator("#lane").selectOption({ label });
    const expected = await page.evaluate(`page.run.events.filter((event) => page.data.kinds[event.kind].shown && (event.from === ${lane} || event.to === ${lane})).length`);
    assert.equal(await rows(), expected, label);
    assert.ok(expected > 0 && expected < all);
  }
  await page.locator("#lane").selectOption("");
  await page.locator("#session").selectOption("a#1");
  assert.ok(await page.evaluate('page.shown.every((event) => event.session === "a#1")'));
  await page.locator("#session").selectOption("");
  await page.locator("#channel").selectOption("capabilities");
  assert.ok((await rows()) < 10 && (await rows()) > 0);
  await page.locator("#channel").selectOption("");
  await page.locator("#search").fill("INTERFACE OPEN");
  await page.locator("#only").check();
  assert.ok(await page.evaluate('page.shown.length > 1 && page.shown.every((event) => event.text.includes("INTERFACE OPEN"))'));
});

test("the state at each event is what the changes up to it make of it, forward and back", async () => {
  const { page, text } = await open("crash.html");
  const wrong = await page.evaluate(() => {
    const { events, strings, states } = page.run;
    const now = new Map();
    const wrong = [];
    const all = events.map((event) => {
      for (let i = 0; i < event.changes.length; i += 2) {
        const key = strings[event.changes[i]];
        if (event.changes[i + 1] < 0) now.delete(key);
        else now.set(key, strings[event.changes[i + 1]]);
      }
      return JSON.stringify([...now].sort());
    });
    // From the last to the first, so that no checkpoint is there by itself.
    for (let at = events.length - 1; at >= 0; at--) {
      if (JSON.stringify([...states.after(at)].sort()) !== all[at]) wrong.push(at);
    }
    return wrong;
  });
  assert.deepEqual(wrong, []);
  // What a message takes up in a queue is there from its sending to its being taken, and is marked where it changes.
  await page.evaluate('page.select(page.run.events.find((event) => event.text === "CRQ INIT").at)');
  assert.match(await text(".sides > div:first-child"), /queue\s+1: CRQ INIT/);
  await page.keyboard.press("ArrowDown");
  assert.match(await text(".sides > div:first-child"), /queue\s+empty/);
  await page.evaluate('page.select(page.run.events.find((event) => event.text === "channel: capabilities").at)');
  assert.equal(await text(".sides > div:first-child .changed"), "capabilities");
  // What dies loses its channel, its queue and its sessions.
  await page.evaluate('page.select(page.run.events.find((event) => event.text.includes("hyp crashes")).at)');
  assert.match(await text(".sides > div:last-child"), /channel\s+not started\s+CRQ\s+not registered\s+unanswered\s+\d+\s+queue\s+empty$/);
});

test("arrows go from their sender to their receiver, and calls last as long as they do", async () => {
  const { page } = await open("exhaustion.html");
  const drawn = await page.evaluate(() => page.run.events.map((event) => {
    const parts = document.createDocumentFragment();
    const kind = page.data.kinds[event.kind].id;
    page.diagram.drawEvent(parts, event, kind, 10);
    const line = parts.querySelector("line");
    const tip = parts.querySelector("path");
    return { kind, text: event.text, line: line && [Number(line.getAttribute("x1")), Number(line.getAttribute("x2"))], tip: tip?.getAttribute("d") ?? "" };
  }));
  const places = await page.evaluate("page.diagram.places");
  const [driver, mgmtQueue, hypQueue, hypervisor, app] = places;
  const check = (kind, text, from, to) => {
    const event = drawn.find((one) => one.kind === kind && one.text.startsWith(text));
    assert.equal(event.line[0], from, text);
    assert.equal(Math.sign(event.line[1] - event.line[0]), Math.sign(to - from), text);
    // The tip is at the receiver and points to it: its base is on the sender's side.
    const [, x, base] = /^M([\d.]+) [\d.]+l(-?[\d.]+) /.exec(event.tip);
    assert.equal(Number(x), to, text);
    assert.equal(Math.sign(Number(base)), Math.sign(from - to), text);
  };
  check("message", "CRQ INIT COMPLETE", driver, hypQueue);
  check("message", "CAPABILITIES RESPONSE", hypervisor, mgmtQueue);
  check("message", "SIGNAL", app, hypQueue);
  check("taken", "takes CRQ INIT", mgmtQueue, driver);
  check("taken", "takes CAPABILITIES", hypQueue, hypervisor);
  check("rdma", "RDMA 100 B", app, hypervisor);
  const back = drawn.filter((one) => one.kind === "rdma").find((one) => one.line[0] === hypervisor);
  assert.ok(back && back.line[1] > driver && back.line[1] < mgmtQueue, JSON.stringify(back));
  // The bar of the first write begins at its call and ends at its return.
  const [bar, rows] = await page.evaluate(() => {
    const call = page.run.events.find((event) => event.text === "write(100)");
    page.select(call.at);
    page.diagram.draw();
    const row = (at) => page.diagram.offset + (page.diagram.rowOf.get(at) - page.diagram.first) * 26 + 13;
    const [from, to] = page.diagram.stays[0].find(([since]) => since === call.at);
    const bars = [...document.querySelectorAll("#diagram rect[width='6']")].filter((bar) => bar.getAttribute("opacity") > 0.3 && bar.getAttribute("fill") === "var(--call)");
    return [bars.map((one) => [Number(one.getAttribute("y")), Number(one.getAttribute("y")) + Number(one.getAttribute("height"))]), [row(from), row(to)]];
  });
  assert.ok(bar.some(([top, bottom]) => top === rows[0] && bottom === rows[1]), JSON.stringify([bar, rows]));
});

test("time in which nothing happens is folded, and virtual time stands at the side", async () => {
  const { page } = await open("exhaustion.html#e135");
  const shown = await page.locator("#diagram").textContent();
  assert.match(shown, /nothing happens for 1 ms/);
  assert.match(shown, /(^|\D)1 ms/);
  assert.equal(await page.evaluate("timeText(2500000)"), "2.5 ms");
});

test("every byte of an entry is named with its value", async () => {
  const { page } = await open("boot.html");
  const rows = await page.evaluate(() => {
    const bytes = (raw) => [...bytesTable(page.data, raw).querySelectorAll("tr")].map((row) => [...row.children].map((cell) => cell.textContent).join(" | "));
    return { add: bytes("8004000107020304000000001112131f"), response: bytes("8084020007020304000000000000000f"), init: bytes("c0010000000000000000000000000000") };
  });
  assert.deepEqual(rows.add, [
    "0 | 80 | header: command/response", "1 | 04 | type: ADD BUFFER", "2 | 00 | reserved", "3 | 01 | owner: 1, the hypervisor sends with it first",
    "4 | 07 | hmc session: 7", "5 | 02 | hmc index: 2", "6–7 | 03 04 | buffer id: 772", "8–11 | 00 00 00 00 | reserved", "12–15 | 11 12 13 1f | buffer lioba: 0x1112131f",
  ]);
  assert.match(rows.response[2], /^2 \| 02 \| status: 2, (?!not defined)\S+/);
  assert.equal(rows.response.at(-1), "8–15 | 00 00 00 00 00 00 00 0f | reserved, and not zero");
  assert.deepEqual(rows.init.slice(0, 2), ["0 | c0 | header: initialization", "1 | 01 | format"]);
});

test("what led to an event and what it led to is marked, under the pointer too", async () => {
  const { page } = await open("exhaustion.html");
  await page.evaluate('page.select(page.run.events.find((event) => event.text.startsWith("SIGNAL a#1 b0 100 B") && event.to === 2).at)');
  const chain = async () => page.evaluate("[...page.diagram.chain].sort((a, b) => a - b).map((at) => page.run.events[at].text)");
  const marked = await chain();
  for (const text of ["write(100)", "RDMA 100 B de239011 a#1 b0", "takes SIGNAL"]) assert.ok(marked.some((one) => one.startsWith(text)), `${text}: ${marked}`);
  assert.ok((await page.locator('#diagram rect[width="4"]').count()) > 2);
  // Another event under the pointer has a chain of its own; when the pointer leaves, it is the selected one's again.
  await page.locator("#scroll").evaluate((box) => { box.scrollTop = 0; });
  await page.waitForFunction("page.diagram.first === 0");
  await page.locator("#diagram").hover({ position: { x: 400, y: 26 * 5 + 12 } });
  await page.waitForFunction("page.diagram.hovered >= 0");
  assert.notDeepEqual(await chain(), marked);
  await page.mouse.move(5, 5);
  await page.waitForFunction("page.diagram.hovered < 0");
  assert.deepEqual(await chain(), marked);
});

test("the strip shows where each buffer is, and a click in it leads there", async () => {
  const { page, text } = await open("exhaustion.html");
  const buffers = await page.evaluate(() => page.strip.buffers.map(({ name, pieces }) => ({ name, pieces: pieces.map(([, place]) => placeClass(place)) })));
  assert.deepEqual(buffers.map(({ name }) => name), ["a#1 b0", "a#1 b1", "a#1 b2", "a#1 b3"]);
  assert.ok(buffers[0].pieces.includes("unread") && buffers[0].pieces.includes("hyp") && buffers[0].pieces.includes("mgmt"));
  assert.ok(!buffers[2].pieces.includes("unread"));
  // Where the write fails, two are striped.
  const held = await page.evaluate(() => {
    const at = page.run.events.find((event) => event.text === "write(300) = EBUSY").at;
    return page.strip.buffers.map(({ pieces }) => placeClass(pieces.filter(([since]) => since <= at).at(-1)[1]));
  });
  assert.deepEqual(held, ["unread", "unread", "hyp", "hyp"]);
  const box = await page.locator("#buffers").boundingBox();
  await page.mouse.click(box.x + box.width * 0.9, box.y + 5);
  const seq = Number(/^Event (\d+)/.exec(await text("#event"))[1]);
  const last = await page.evaluate("page.run.events.at(-1).seq");
  assert.ok(seq > last * 0.8 && seq < last * 0.95, `${seq} of ${last}`);
});

test("the page explains its words, signs and returns where they stand", async () => {
  const { page, wrong, text } = await open("exhaustion.html");
  const at = (words) => page.evaluate(`page.select(page.run.events.find((event) => event.text.startsWith(${JSON.stringify(words)})).at)`);
  const words = async () => page.evaluate("Object.fromEntries([...document.querySelectorAll('.words dl > div')].map((one) => [...one.children].map((part) => part.textContent)))");
  await at("ADD BUFFER a#1 b1");
  const found = await words();
  for (const word of ["ADD BUFFER", "owner=mgmt", "a#1", "b1", "VMC service"]) assert.ok(found[word]?.length > 20, `${word}: ${JSON.stringify(found)}`);
  // A reader who knows them closes them, and they stay so.
  await page.locator(".words summary").click();
  await at("CAPABILITIES hmcs");
  assert.equal(await page.locator(".words").getAttribute("open"), null);
  assert.ok((await words())["mtu=4096"]);
  // 0 is a success of one call; the numbers of others are bytes.
  const drawn = (words) => page.evaluate(`(() => { const parts = document.createDocumentFragment(); const event = page.run.events.find((one) => one.text.startsWith(${JSON.stringify(words)})); page.diagram.drawEvent(parts, event, "return", 10); return parts.textContent; })()`);
  assert.match(await drawn("open() ="), /open\(\) = 0 {2}\(success\)/);
  assert.match(await drawn("write(100) ="), /= 100 {2}\(bytes sent\)/);
  assert.match(await drawn("read(4096) ="), /\(bytes read, and their digest\)/);
  // Every sign of the diagram is on the button of its kind, with what it means.
  const kinds = await page.evaluate("page.data.kinds.map(({ id, sign }) => [id, sign, document.querySelector(`[data-kind='${id}']`).textContent, document.querySelector(`[data-kind='${id}']`).title])");
  for (const [id, sign, label, title] of kinds) assert.ok(label.startsWith(sign) && title.length > 20, id);
  assert.match(await text("#intro"), /Time runs downwards/);
  assert.match(await text("#legend"), /each line is a buffer/);
  // A state says what it means, in the event and beside it.
  await at("channel: seeding");
  assert.match(await text("#event"), /waits for a first buffer \(the seed\)/);
  assert.match(await page.locator(".sides > div:first-child .changed").getAttribute("title"), /waits for a first buffer/);
  assert.match(await text("#description"), /./);
  assert.deepEqual(wrong, []);
});

test("every state that is shown has its meaning, and every word stands in a text", async () => {
  for (const name of ["boot.html", "exhaustion.html", "crash.html"]) {
    const { page } = await open(name);
    const without = await page.evaluate(() => {
      const found = new Set();
      for (const { changes } of page.run.events) {
        for (let i = 0; i < changes.length; i += 2) {
          const [kind, first, , side] = page.run.strings[changes[i]].split(" ");
          const value = changes[i + 1] < 0 ? "" : page.run.strings[changes[i + 1]];
          const key = kind === "channel" ? `channel ${first} ${value}` : kind === "session" && side !== "app" ? `session ${side} ${value}` : "";
          if (key && value && !page.data.states[key]) found.add(key);
        }
      }
      return [...found];
    });
    assert.deepEqual(without, [], name);
  }
});

test("a click near the place where a buffer moves leads to what moves it", async () => {
  const { page } = await open("exhaustion.html");
  const box = await page.locator("#buffers").boundingBox();
  const [x, expected] = await page.evaluate(() => {
    const at = page.strip.buffers[1].pieces.find(([, place]) => place === "unread")[0];
    return [page.strip.x(at), page.run.events[at].seq];
  });
  const row = await page.evaluate("page.strip.row()");
  await page.mouse.click(box.x + x + 3, box.y + 1.5 * row);
  assert.equal(await page.evaluate("page.run.events[page.at].seq"), expected);
  assert.match(await page.locator("#buffers").getAttribute("title"), /^a#1 b1 at event \d+: /);
  // Elsewhere no kind is switched on that was not shown.
  const shown = await page.evaluate("page.kinds.join()");
  for (let share = 0.2; share < 1; share += 0.03) await page.mouse.click(box.x + box.width * share, box.y + 2.5 * row);
  assert.equal(await page.evaluate("page.kinds.join()"), shown);
});

test("texts of a trace are texts, whatever they hold", async () => {
  const { page, wrong } = await open("boot.html");
  const found = await page.evaluate(() => {
    const hostile = '<img src=x onerror="window.hurt = 1">&lt;';
    const event = page.run.events[0];
    Object.assign(event, { text: hostile, note: hostile, record: hostile, actor: hostile, why: hostile, problems: [{ rule: hostile, what: hostile, event: 0 }] });
    page.run.problems.push(event.problems[0]);
    page.heading();
    page.filter();
    page.select(0, true);
    page.table(true);
    return [document.querySelectorAll("img").length, document.getElementById("event").textContent.split(hostile).length - 1];
  });
  assert.equal(found[0], 0);
  assert.ok(found[1] >= 4, String(found[1]));
  assert.equal(await page.evaluate("window.hurt"), undefined);
  assert.deepEqual(wrong, []);
});

test("p goes to the problem, and a kind that is switched off still shows what is wrong", async () => {
  const { page, text } = await open("failing.html");
  await page.keyboard.press("Home");
  assert.doesNotMatch(await text("#event"), /Rule broken/);
  await page.locator('[data-kind="return"]').click();
  assert.ok(await page.evaluate('page.shown.some((event) => event.problems.length > 0)'));
  await page.locator("#scroll").focus();
  await page.keyboard.press("p");
  assert.match(await text("#event"), /Rule broken: expectation/);
  assert.match(page.url(), /#e\d+$/);
});

test("the table holds the same events for a screen reader", async () => {
  const { page, text } = await open("boot.html");
  await page.keyboard.press("t");
  const table = page.locator("#table table");
  assert.equal(await table.getAttribute("aria-rowcount"), String((await page.evaluate("page.shown.length")) + 1));
  await table.getByRole("button").nth(3).click();
  assert.match(await text("#event"), /Event/);
  assert.equal(await page.locator('#table [aria-current="true"]').count(), 1);
});

test("a failing run opens at the event that shows the problem", async () => {
  const { page, text, wrong } = await open("failing.html");
  assert.match(await text("#verdict"), /1 problem/);
  assert.match(await text("#event"), /read\(4096\) = 3000/);
  assert.match(await text("#event"), /Rule broken: expectation/);
  assert.match(await page.locator("#diagram").textContent(), /✖ expectation/);
  assert.deepEqual(wrong, []);
});

test("a problem stands in full below its event, in as many lines as it needs", async () => {
  const { page } = await open("failing.html");
  const problem = await page.evaluate("`✖ ${page.run.problems[0].rule}: ${page.run.problems[0].what}`");
  const lines = await page.locator("#diagram text.bad").allTextContents();
  assert.ok(lines.length > 1, String(lines));
  assert.equal(lines.join(" ").replace(/\s+/g, " "), problem);
  // No line leaves the diagram, and a click on one selects the event.
  const right = await page.evaluate("Math.max(...[...document.querySelectorAll('#diagram text.bad')].map((text) => text.getBBox().x + text.getBBox().width))");
  assert.ok(right <= await page.evaluate("Math.max(page.diagram.width, page.diagram.scroll.clientWidth)"), String(right));
});

test("what a reader may not know is explained where it stands", async () => {
  const { page } = await open("exhaustion.html");
  assert.deepEqual(await page.locator("#lanes b").allTextContents(), ["management partition", "hypervisor"]);
  const ends = await page.evaluate("[...document.querySelectorAll('#lanes b')].map((one) => [parseFloat(one.style.left), parseFloat(one.style.left) + parseFloat(one.style.width)])");
  const within = (lane, [from, to]) => lane > from && lane < to;
  const places = await page.evaluate("page.diagram.places");
  assert.deepEqual(places.map((place) => ends.map((one) => within(place, one))), [[true, false], [true, false], [false, true], [false, true], [true, false]]);
  // Under the pointer each row says what it means, and a call that failed, why.
  await page.evaluate('page.select(page.run.events.find((event) => event.text === "write(300) = EBUSY").at)');
  await page.evaluate("page.diagram.draw()");
  const titles = await page.evaluate("[...document.querySelectorAll('#diagram rect.row title')].map((title) => title.textContent)");
  assert.ok(titles.some((title) => title.startsWith("No buffer of session a#1 is free")), String(titles));
  assert.ok(titles.some((title) => title.startsWith("A message lies in this buffer.")), String(titles));
  const covered = await page.evaluate("[...document.querySelectorAll('#diagram text, #diagram line')].filter((part) => getComputedStyle(part).pointerEvents !== 'none').length");
  assert.equal(covered, 0);
  assert.match(await page.locator('.sides dt', { hasText: "CRQ" }).first().getAttribute("title"), /Command\/Response Queue/);
  assert.match(await page.locator("#state").innerText(), /a#1\s+2 messages wait for read\(\)/);
  await page.locator("#help-button").click();
  assert.match(await page.locator("#help").innerText(), /Virtual Management Channel[^]*SIGNAL says that one holds a message/);
});

test("buffers at one place stand together, and at every event each stands at its place", async () => {
  const { page } = await open("failing.html");
  const wrong = await page.evaluate(() => {
    const wrong = [];
    let joined = 0;
    for (const { at } of page.run.events) {
      const state = page.run.states.after(at);
      const expected = [...state].filter(([key]) => key.startsWith("buffer ")).map(([key, place]) => `${key.split(" ")[2]} ${placeText(place)}`);
      const got = [...buffers(state, () => "").querySelectorAll("dt")].flatMap((dt) => {
        const [, first, last] = /\(ids? (\d+)(?: to (\d+))?\)/.exec(dt.textContent);
        if (last) joined++;
        const ids = Array.from({ length: Number(last ?? first) - Number(first) + 1 }, (_, i) => Number(first) + i);
        return ids.map((id) => `${id} ${dt.nextElementSibling.textContent}`);
      });
      if (JSON.stringify(got) !== JSON.stringify(expected)) wrong.push([at, got, expected]);
    }
    return joined > 100 ? wrong : [joined];
  });
  assert.deepEqual(wrong, []);
});

test("a difference opens at the first line that differs", async () => {
  const { page, text, wrong } = await open("difference.html");
  assert.match(await text("#matches"), /lines differ/);
  assert.deepEqual(await page.locator(".heads span").allInnerTexts(), ["messages/echo", "buffers/unread-echoes"]);
  assert.match(await text(".line.selected .old"), /CAPABILITIES|write|ADD BUFFER|RDMA/);
  const at = () => page.evaluate("page.difference.at");
  const first = await at();
  assert.ok(first > 20, "the first difference is not the first line");
  await page.keyboard.press("n");
  assert.ok((await at()) > first);
  await page.keyboard.press("N");
  assert.equal(await at(), first);
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowDown");
  assert.equal(await at(), 1);
  assert.deepEqual(wrong, []);
});

test("a hundred thousand events are drawn as far as they are in sight", async () => {
  const { page, text, wrong } = await open("long.html");
  assert.ok((await page.evaluate("page.run.events.length")) >= 100000);
  assert.ok((await page.locator("#diagram *").count()) < 1500);
  await page.keyboard.press("End");
  assert.match(await text("#state"), /channel\s+ready/);
  assert.ok((await page.locator("#diagram *").count()) < 1500);
  await page.evaluate("document.getElementById('scroll').scrollTop = 500000");
  await page.waitForFunction("page.diagram.first > 19000");
  assert.match(await page.locator("#diagram").textContent(), /SIGNAL/);
  assert.deepEqual(wrong, []);
});

/** Contrast of two colours, by WCAG 2. */
function contrast(one, other) {
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/[\d.]+/g).slice(0, 3).map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

test("light and dark differ, and every text can be read in both", async () => {
  const backs = [];
  for (const colorScheme of ["light", "dark"]) {
    const { page } = await open("failing.html", { colorScheme });
    const colours = await page.evaluate(() => {
      // As the browser resolves them: rgb(…).
      const probe = document.createElement("i");
      document.body.append(probe);
      const of = (name) => {
        probe.style.color = `var(--${name})`;
        return getComputedStyle(probe).color;
      };
      const names = ["ink", "dim", "message", "rdma", "call", "state", "event", "bad", "back", "panel", "select", "chain", "badback", "faultback"];
      return Object.fromEntries(names.map((name) => [name, of(name)]));
    });
    backs.push(colours.back);
    for (const text of ["ink", "dim", "message", "rdma", "call", "state", "event", "bad"]) {
      for (const back of ["back", "panel", "select", "chain"]) {
        const got = contrast(colours[text], colours[back]);
        assert.ok(got >= 4.5 || (back !== "back" && got >= 3), `${colorScheme}: ${text} on ${back} has a contrast of ${got.toFixed(2)}`);
      }
    }
    for (const [text, back] of [["bad", "badback"], ["ink", "badback"], ["ink", "faultback"]]) {
      const got = contrast(colours[text], colours[back]);
      assert.ok(got >= 4.5, `${colorScheme}: ${text} on ${back} has a contrast of ${got.toFixed(2)}`);
    }
  }
  assert.notEqual(backs[0], backs[1]);
});

test("without colour every kind of event still has a sign or words of its own", async () => {
  const { page } = await open("crash.html");
  const signs = await page.evaluate(() => {
    const found = {};
    for (const event of page.run.events) {
      const parts = document.createDocumentFragment();
      const kind = page.data.kinds[event.kind].id;
      page.diagram.drawEvent(parts, event, kind, 10);
      const shape = [...parts.children].map((part) => [part.tagName, part.getAttribute("stroke-dasharray") ?? "", part.getAttribute("stroke-width") ?? "", part.getAttribute("font-style") ?? ""].join()).join(";");
      found[kind] ??= `${shape} ${/^[▸◂⚡⚙✖]/u.exec(event.text)?.[0] ?? ""}${parts.textContent.slice(0, 1)}`;
    }
    return found;
  });
  for (const kinds of [["message", "taken", "transport", "rdma"], ["call", "return", "fault", "state", "hcall"]]) {
    const shown = kinds.map((kind) => signs[kind]);
    assert.ok(shown.every(Boolean), JSON.stringify(signs));
    assert.equal(new Set(shown).size, kinds.length, JSON.stringify(signs));
  }
});

test("everything can be reached and worked by keyboard, and says what it is", async () => {
  const { page, wrong } = await open("exhaustion.html");
  const unnamed = await page.evaluate(() => [...document.querySelectorAll("button, input, select, [tabindex]")]
    .filter((element) => element.offsetParent !== null)
    .filter((element) => !(element.textContent.trim() || element.getAttribute("aria-label") || element.closest("label")))
    .map((element) => element.outerHTML));
  assert.deepEqual(unnamed, []);
  const reached = new Set();
  await page.evaluate("document.activeElement.blur()");
  for (let i = 0; i < 80; i++) {
    await page.keyboard.press("Tab");
    reached.add(await page.evaluate('document.activeElement.id || document.activeElement.dataset.kind || ""'));
  }
  for (const id of ["search", "only", "message", "rdma", "lane", "session", "channel", "as-table", "help-button", "scroll"]) assert.ok(reached.has(id), `${id} is not reached by Tab`);
  // A filter, the table and the help by keys alone.
  await page.locator('[data-kind="message"]').focus();
  await page.keyboard.press("Enter");
  assert.equal(await page.locator('[data-kind="message"]').getAttribute("aria-pressed"), "false");
  await page.keyboard.press("?");
  assert.equal(await page.locator("#help-button").getAttribute("aria-expanded"), "true");
  assert.ok(await page.locator("#help").isVisible());
  await page.keyboard.press("t");
  assert.ok(await page.locator("#table").isVisible());
  assert.ok(await page.locator("#scroll").isHidden());
  assert.deepEqual(wrong, []);
});

test("a screen reader hears the verdict, the selected event and a table of the events", async () => {
  const { page } = await open("failing.html");
  const tree = await page.locator("body").ariaSnapshot();
  for (const part of [/heading "A read that expects what does not come" \[level=1\]/, /status: ✖ 1 problem|status:[^]*1 problem/, /toolbar "Search and filters"/, /application "Sequence diagram/, /region "Where each buffer is over the run"/, /complementary "The selected event/, /Rule broken: expectation/]) assert.match(tree, part);
  assert.equal(await page.locator("#event").getAttribute("aria-live"), "polite");
  await page.keyboard.press("t");
  const table = await page.locator("#table").ariaSnapshot();
  assert.match(table, /columnheader "event"[^]*columnheader "outcome"/);
  assert.match(table, /rowheader[^]*read\(4096\) = 3000[^]*expectation: /);
});

test("a run that differs from what it should be stands beside it, with the rule that it breaks", async () => {
  const report = readdirSync(new URL("report/", FOLDER));
  assert.ok(report.includes("index.html"));
  // One whose first difference is an event of the run, and not only a line that it lacks.
  let name, shown;
  for (name of report.filter((one) => one.endsWith("-difference.html"))) {
    shown = await open(`report/${name}`);
    if (/Event \d+/.test(await shown.text("#event"))) break;
  }
  const { page: index } = await open("report/index.html");
  assert.ok((await index.locator(`a[href="${name}"]`).count()) > 0);
  const { page, wrong, text } = shown;
  assert.match(await text("#matches"), /lines? differ/);
  assert.match(await text(".line.selected .old"), /write\(10\)|SIGNAL|RDMA/);
  assert.match(await text("#event"), /Event \d+/);
  // What a line shows at the right is an event of the run, whatever was folded.
  const wrongLines = await page.evaluate(() => page.difference.rows.filter(([, , line, seq]) => line && seq !== null && !line.startsWith("✖"))
    .map(([, , line, seq]) => [line, page.runs[1].events[page.runs[1].bySeq.get(seq)].text])
    .filter(([line, words]) => !line.includes(words.split(" ")[0].replace(/\(.*/, ""))));
  assert.deepEqual(wrongLines, []);
  await page.locator("#verdict button", { hasText: "expectation" }).click();
  await page.keyboard.press("ArrowDown");
  assert.match(await text(".line.selected .broken"), /✖ expectation: [^]*expected EIO/);
  assert.match(await text("#event"), /Rule broken: expectation/);
  assert.deepEqual(wrong, []);
});

/** Starts a program, and waits for what it says. */
async function start(program, args, until) {
  const child = spawn(new URL(`../debug/${program}`, import.meta.url).pathname, args, { cwd: new URL("../..", import.meta.url).pathname });
  let said = "";
  const heard = new Promise((resolve, reject) => {
    const hear = (data) => {
      said += data;
      const found = until.exec(said);
      if (found) resolve(found);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("error", reject);
    child.on("exit", () => reject(new Error(`it ended: ${said}`)));
  });
  return { child, heard: await heard };
}

test("a watched scenario is run again in place when its file changes", async () => {
  const path = new URL("watched.toml", FOLDER).pathname;
  const scenario = (title, bytes) => `title = "${title}"\n[[app]]\nsteps = [{ open = {} }, { set-hmc-id = "HMC-A" }, { wait = "session-ready" }, { write = { bytes = ${bytes} } }, { read = { expect = "echo" } }]\n`;
  writeFileSync(path, scenario("First", 100));
  const { child, heard } = await start("xtask", ["sim", path, "--watch"], /(http:\S+)[^]*: ok/);
  try {
    const page = await browser.newPage({ viewport: { width: 1500, height: 900 } });
    const wrong = [];
    page.on("pageerror", (error) => wrong.push(error.message));
    page.on("request", (request) => !request.url().startsWith(heard[1]) && wrong.push(request.url()));
    await page.goto(heard[1]);
    await page.waitForFunction('document.getElementById("notice").textContent === "● live"');
    await page.locator("#search").fill("write(100)");
    await page.locator("#lane").selectOption({ label: "a" });
    writeFileSync(path, scenario("Second", 200));
    await page.waitForFunction('document.getElementById("title").textContent === "Second"');
    assert.match(await page.locator("#diagram").textContent(), /write\(200\)/);
    // What was chosen still is, and where the focus was it is.
    assert.equal(await page.locator("#search").inputValue(), "write(100)");
    assert.equal(await page.evaluate("document.activeElement.id"), "search");
    assert.ok(await page.evaluate("page.shown.every((event) => event.from === 4 || event.to === 4)"));
    // A mistake stands above the run that was there.
    writeFileSync(path, scenario("Third", -1));
    await page.waitForFunction('document.getElementById("notice").textContent.includes("bytes is 0 to")');
    assert.equal(await page.locator("#title").innerText(), "Second");
    // And a run that fails shows its verdict.
    writeFileSync(path, scenario("Fourth", 300).replace('"echo"', '"EIO"'));
    await page.waitForFunction('document.getElementById("title").textContent === "Fourth"');
    assert.match(await page.locator("#verdict").innerText(), /✖ 1 problem[^]*expected EIO/);
    assert.equal(await page.locator("#notice").innerText(), "● live");
    assert.deepEqual(wrong, []);
    child.kill();
    await page.waitForFunction('document.getElementById("notice").textContent.startsWith("○")');
  } finally {
    child.kill();
  }
});

test("the page of a device follows its programs, and has the verdict at the end", { skip: !existsSync("/dev/fuse") && "/dev/fuse is not there" }, async () => {
  const at = `/tmp/vmc-browser-${process.pid}`;
  const { child, heard } = await start("vmc-device", ["--at", at, "--serve", "0", "--trace", "none"], /(http:\S+) follows/);
  const program = async () => {
    const python = spawn("python3", [new URL("../../crates/vmc-device/examples/echo.py", import.meta.url).pathname, at, "3"]);
    assert.equal(await new Promise((resolve) => python.on("exit", resolve)), 0);
  };
  try {
    const page = await browser.newPage({ viewport: { width: 1500, height: 900 } });
    const wrong = [];
    page.on("pageerror", (error) => wrong.push(error.message));
    page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
    await page.goto(heard[1]);
    await page.waitForFunction('document.getElementById("notice").textContent === "● live"');
    assert.doesNotMatch(await page.locator("#verdict").innerText(), /✔|✖/);
    // The last event is selected from the beginning on, so what comes is in sight.
    await program();
    await page.waitForFunction('document.getElementById("diagram").textContent.includes("close() = 0")');
    // The program stands there by its name, and so do its sessions.
    assert.match(await page.locator("#lane").innerText(), /python3/);
    const names = await page.evaluate("page.strip.buffers.map((buffer) => buffer.name)");
    assert.ok(names.length && names.every((name) => /^python3#1|^slot/.test(name)), names.join());
    // A machine of threads has no virtual time.
    assert.doesNotMatch(await page.locator("body").innerText(), /virtual time|nothing happens|\d ms/);
    // Where the reader has gone back, it stays.
    await page.keyboard.press("Home");
    const before = await page.evaluate("[page.at, page.run.events.length]");
    await program();
    await page.waitForFunction(`page.run.events.filter((event) => event.text === "close() = 0").length === 2 && page.shown.length && page.shown.at(-1).at > ${before[1]}`);
    assert.equal(await page.evaluate("page.at"), before[0]);
    child.kill("SIGINT");
    await page.waitForFunction('document.getElementById("verdict").textContent.includes("✔")');
    await page.waitForFunction('document.getElementById("notice").textContent.startsWith("○")');
    // The server is gone, of which Chromium tells, and of nothing else.
    assert.deepEqual(wrong.filter((text) => !text.includes("ERR_CONNECTION_REFUSED") && !text.includes("ERR_INCOMPLETE_CHUNKED_ENCODING")), []);
  } finally {
    child.kill("SIGINT");
  }
});

test("the picture is an SVG that a browser draws", async () => {
  const { page, wrong } = await open("echo.svg");
  assert.equal(await page.evaluate("document.documentElement.tagName"), "svg");
  assert.match(await page.evaluate("document.documentElement.textContent"), /INTERFACE OPEN RESPONSE/);
  assert.deepEqual(wrong, []);
});
