// Chromium draws the page and the picture of every scenario's run, which every.sh has made, and Mermaid reads its text.
// It runs in target/browser, a copy of this folder: .ci/run says how.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { chromium } from "playwright-core";

const FOLDER = new URL("../every/", import.meta.url);
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

test("every page and every picture is drawn", async () => {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGS });
  const page = await browser.newPage({ viewport: { width: 1500, height: 900 } });
  const wrong = [];
  let name = "";
  page.on("pageerror", (error) => wrong.push(`${name}: ${error.message}`));
  page.on("request", (request) => !request.url().startsWith("file:") && wrong.push(`${name}: ${request.url()}`));
  const names = readdirSync(FOLDER);
  const pages = names.filter((one) => one.endsWith(".html"));
  assert.ok(pages.length > 300, `${pages.length} pages`);
  for (name of pages) {
    await page.goto(new URL(name, FOLDER).href);
    await page.keyboard.press("End");
    // A frame draws what the key has shown.
    const drawn = "page.shown.length > 0 && document.querySelectorAll('#diagram text').length > 0 && get('event').textContent !== ''";
    await page.waitForFunction(drawn, null, { timeout: 10_000 }).catch(() => wrong.push(`${name}: nothing is shown`));
  }
  for (name of names.filter((one) => one.endsWith(".svg"))) {
    await page.goto(new URL(name, FOLDER).href);
    if ((await page.evaluate("document.documentElement.tagName")) !== "svg") wrong.push(`${name}: no picture`);
  }
  await browser.close();
  assert.deepEqual(wrong, []);
});

test("Mermaid reads every sequence, with each of its steps", async () => {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGS });
  const page = await browser.newPage();
  await page.addScriptTag({ path: new URL("node_modules/mermaid/dist/mermaid.min.js", import.meta.url).pathname });
  const wrong = [];
  const names = readdirSync(FOLDER).filter((one) => one.endsWith(".mermaid"));
  assert.ok(names.length > 300, `${names.length} sequences`);
  for (const name of names) {
    const text = readFileSync(new URL(name, FOLDER), "utf8");
    // All but the heading and the participants: a loop has two lines, as it has two signs in Mermaid's reading.
    const expected = text.trim().split("\n").filter((line, at) => at > 0 && !line.startsWith("  participant ")).length;
    const got = await page.evaluate(async (text) => {
      try {
        await mermaid.parse(text);
        const diagram = await mermaid.mermaidAPI.getDiagramFromText(text);
        return diagram.db.getMessages().length;
      } catch (error) {
        return String(error);
      }
    }, text);
    if (got !== expected) wrong.push(`${name}: expected ${expected} steps, got ${got}`);
  }
  await browser.close();
  assert.deepEqual(wrong, []);
});
