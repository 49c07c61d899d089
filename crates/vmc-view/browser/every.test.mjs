// Chromium draws the page and the picture of every scenario's run, which every.sh has made.
// It runs in target/browser, a copy of this folder: .ci/run says how.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
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
    const found = await page.evaluate("[page.shown.length, document.querySelectorAll('#diagram text').length, get('event').textContent]");
    if (!found[0] || !found[1] || !found[2]) wrong.push(`${name}: nothing is shown`);
  }
  for (name of names.filter((one) => one.endsWith(".svg"))) {
    await page.goto(new URL(name, FOLDER).href);
    if ((await page.evaluate("document.documentElement.tagName")) !== "svg") wrong.push(`${name}: no picture`);
  }
  await browser.close();
  assert.deepEqual(wrong, []);
});
