// The page as a person uses it: in headless Chromium, on pages that pages.sh has made.
// It runs in target/browser, a copy of this folder: .ci/run says how.

import assert from "node:assert/strict";
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
  assert.match(event, /Why: write\(\) needs a buffer that the management partition owns/);
  assert.match(event, /2 hold messages that nothing has read yet/);
  assert.match(await text("#state"), /0 of 4 free for write\(\)/);
  assert.match(await page.locator("#diagram").textContent(), /no free buffer: of 4/);
  assert.deepEqual(wrong, []);
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
});

test("filters leave what they say", async () => {
  const { page } = await open("exhaustion.html");
  const rows = () => page.evaluate("page.shown.length");
  const all = await rows();
  await page.locator('[data-kind="message"]').click();
  assert.ok((await rows()) < all);
  await page.locator('[data-kind="message"]').click();
  assert.equal(await rows(), all);
  await page.locator("#lane").selectOption({ label: "hypervisor" });
  assert.ok((await rows()) < all && (await rows()) > 0);
  await page.locator("#lane").selectOption("");
  await page.locator("#session").selectOption("a#1");
  assert.ok(await page.evaluate('page.shown.every((event) => event.session === "a#1")'));
  await page.locator("#session").selectOption("");
  await page.locator("#channel").selectOption("capabilities");
  assert.ok((await rows()) < 10 && (await rows()) > 0);
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

test("a difference opens at the first line that differs", async () => {
  const { page, text, wrong } = await open("difference.html");
  assert.match(await text("#matches"), /lines differ/);
  assert.match(await text(".line.selected .old"), /CAPABILITIES|write|ADD BUFFER|RDMA/);
  const at = () => page.evaluate("page.difference.at");
  const first = await at();
  await page.keyboard.press("n");
  assert.ok((await at()) > first);
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

test("light and dark differ, and both can be read", async () => {
  const colours = [];
  for (const colorScheme of ["light", "dark"]) {
    const { page } = await open("crash.html", { colorScheme });
    colours.push(await page.evaluate("getComputedStyle(document.documentElement).backgroundColor + getComputedStyle(document.documentElement).color"));
  }
  assert.notEqual(colours[0], colours[1]);
});

test("the picture is an SVG that a browser draws", async () => {
  const { page, wrong } = await open("echo.svg");
  assert.equal(await page.evaluate("document.documentElement.tagName"), "svg");
  assert.match(await page.evaluate("document.documentElement.textContent"), /INTERFACE OPEN RESPONSE/);
  assert.deepEqual(wrong, []);
});
