// The console as a person uses it: in headless Chromium, on systems that `vmc-mgmt serve` serves.
// It runs in a copy of this folder below target.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const PROGRAM = process.env.VMC_MGMT ?? "../debug/vmc-mgmt";
const PASSWORD = "secret";
const SHOTS = process.env.SHOTS;

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGS });
  if (SHOTS) mkdirSync(SHOTS, { recursive: true });
});
after(() => browser.close());

/** Serves a system; it goes with `close`. */
async function serve(file, port = 0) {
  writeFileSync("password", `${PASSWORD}\n`);
  const ports = ["--http-port", String(port), "--https-port", "0", "--password-file", "password"];
  const child = spawn(PROGRAM, ["serve", ...ports, ...(file ? [file] : [])], { stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => line.startsWith("console: ") && resolve(line.slice("console: ".length)));
    child.once("exit", (code) => reject(new Error(`the application has ended: ${code}`)));
  });
  return { url, close: () => new Promise((resolve) => { child.once("exit", resolve); child.kill("SIGINT"); }) };
}

/** Opens the console and logs on; what the page complains of, or asks another place for, fails the test. */
async function open(url, options = {}) {
  const page = await browser.newPage({ viewport: { width: 1500, height: 900 }, ...options });
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(error.message));
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
  page.on("request", (request) => !request.url().startsWith(new URL(url).origin) && !request.url().startsWith("data:") && wrong.push(request.url()));
  await page.goto(url);
  await page.locator("#user").fill("admin");
  await page.locator("#password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.locator("#partitions tbody tr").first().waitFor();
  return { page, wrong };
}

const row = (page, name) => page.locator("#partitions tbody tr", { has: page.locator(`td:first-child b:text-is("${name}")`) });
const shot = async (page, name) => SHOTS && page.screenshot({ path: `${SHOTS}/${name}.png` });

async function create(page, name, change = async () => {}) {
  await page.keyboard.press("n");
  await page.locator("dialog input[name=name]").fill(name);
  await change();
  await page.locator("dialog button[value=yes]").click();
  await row(page, name).waitFor();
}

test("a partition is created, started, given an adapter and a disk, stopped and deleted", async () => {
  const { url, close } = await serve();
  const { page, wrong } = await open(url);
  await create(page, "web1", () => shot(page, "create"));
  // It is chosen, and shown in detail.
  const detail = page.locator("#detail");
  await detail.locator("h2", { hasText: "web1" }).waitFor();
  await detail.getByRole("button", { name: "Start", exact: true }).click();
  await row(page, "web1").locator(".state.good", { hasText: "running" }).waitFor();
  await row(page, "web1").locator("td.code", { hasText: "Linux ppc64le" }).waitFor({ timeout: 60_000 });
  // An adapter and a disk are for a partition whose operating system can be told; RMC takes its time.
  await row(page, "web1").locator("td", { hasText: /^active$/ }).waitFor({ timeout: 60_000 });
  await detail.locator("#add-ethernet input[name=vlan]").fill("42");
  await detail.getByRole("button", { name: "Add adapter" }).click();
  await detail.locator("li", { hasText: "slot 2: VLAN 42 of ETHERNET0" }).waitFor();
  await row(page, "vios1").click();
  await detail.getByRole("button", { name: "Make volume group" }).click();
  await detail.locator("li", { hasText: "group rootvg: 100 GB of 100 GB free" }).waitFor();
  await row(page, "web1").click();
  await detail.locator("#add-disk input[name=size]").fill("20");
  await detail.getByRole("button", { name: "Add disk" }).click();
  await detail.locator("li", { hasText: "web1_1 (disk) of vios1, vtscsi0, slot" }).waitFor();
  await shot(page, "running-day");
  // It is resized while it runs.
  await detail.locator("input[name=mem]").fill("3072");
  await detail.getByRole("button", { name: "Resize" }).click();
  await row(page, "web1").locator("td", { hasText: "3 GB" }).waitFor();
  // Jobs and events tell of it, and the commands can be typed elsewhere.
  await page.getByRole("tab", { name: "Jobs" }).click();
  await page.locator("#jobs tr", { hasText: "power on" }).locator(".state", { hasText: "done" }).waitFor();
  await page.getByRole("tab", { name: "Events" }).click();
  await page.locator("#events tr", { hasText: "starting → running" }).first().waitFor();
  await page.getByRole("tab", { name: "Commands" }).click();
  await page.locator("#commands code", { hasText: "hmc chhwres -r mem -m vmcsim -o s --id 3 -q 3072" }).waitFor();
  await shot(page, "commands");
  // A refusal is shown with its code.
  await detail.locator("#add-ethernet input[name=vlan]").fill("42");
  await detail.locator("input[name=mem]").fill("65536");
  await detail.getByRole("button", { name: "Resize" }).click();
  await page.locator(".toast.bad", { hasText: /HSCL/ }).waitFor();
  await page.locator(".toast.bad button").click();
  await detail.getByRole("button", { name: "Stop at once" }).click();
  await row(page, "web1").locator(".state", { hasText: "not activated" }).waitFor();
  await page.locator("#scroll").focus();
  await page.keyboard.press("Delete");
  await page.locator("dialog input[name=disks]").check();
  await page.locator("dialog button[value=yes]").click();
  await row(page, "web1").waitFor({ state: "detached" });
  await row(page, "vios1").click();
  await detail.locator("li", { hasText: "group rootvg: 100 GB of 100 GB free" }).waitFor();
  assert.deepEqual(wrong, []);
  await page.close();
  await close();
});

test("everything can be done with the keyboard, by night too", async () => {
  const { url, close } = await serve();
  const { page, wrong } = await open(url, { colorScheme: "dark" });
  await create(page, "night");
  await page.keyboard.press("s");
  await row(page, "night").locator(".state", { hasText: "running" }).waitFor();
  await shot(page, "running-night");
  await page.keyboard.press("ArrowUp");
  await page.locator("#detail h2", { hasText: "vios1" }).waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("night");
  assert.equal(await page.locator("#partitions tbody tr:visible").count(), 1);
  await page.keyboard.press("ArrowDown");
  await page.locator("#search").fill("nothing of this kind");
  await page.locator("#none", { hasText: "No partition is like that." }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator("#count", { hasText: /^3 partitions/ }).waitFor();
  await page.keyboard.press("x");
  await row(page, "night").locator(".state", { hasText: "not activated" }).waitFor({ timeout: 60_000 });
  await page.keyboard.press("r");
  await page.locator("dialog input[name=name]").fill("day");
  await page.keyboard.press("Enter");
  await row(page, "day").waitFor();
  await page.locator("#scroll").focus();
  await page.keyboard.press("?");
  await page.locator("dialog", { hasText: "Virtual Management Channel" }).waitFor();
  await shot(page, "help-night");
  await page.keyboard.press("Escape");
  await page.keyboard.press("2");
  await page.locator("#jobs tr", { hasText: "power off" }).waitFor();
  assert.deepEqual(wrong, []);
  await page.close();
  await close();
});

test("the page lives through a crash of the hypervisor's partition", async () => {
  const { url, close } = await serve("outage.scenario.toml");
  const { page, wrong } = await open(url);
  const session = () => page.locator("#vmc h3", { hasText: "Session" }).first().innerText();
  await create(page, "stays");
  const before = await session();
  // Looks go on by themselves, and one of them meets the crash: the session after it has another number.
  await page.waitForFunction((before) => {
    const heads = [...document.querySelectorAll("#vmc h3")].map((it) => it.innerText);
    const now = heads.find((it) => it.toLowerCase().startsWith("session"));
    return now && now !== before;
  }, before, { timeout: 120_000 });
  await page.locator("#link", { hasText: "Live" }).waitFor({ timeout: 60_000 });
  await page.locator("#trouble").waitFor({ state: "hidden" });
  await shot(page, "after-the-crash");
  // What was defined is there, and work goes on.
  await row(page, "stays").click();
  await page.keyboard.press("s");
  await row(page, "stays").locator(".state", { hasText: "running" }).waitFor({ timeout: 60_000 });
  assert.deepEqual(wrong, []);
  await page.close();
  await close();
});

test("the page says when the application is gone, and asks for the password of the next one", async () => {
  const first = await serve();
  const { page } = await open(first.url);
  await first.close();
  await page.locator("#link.old", { hasText: "The application does not answer" }).waitFor();
  await shot(page, "gone");
  const second = await serve(undefined, Number(new URL(first.url).port));
  await page.locator("#user").waitFor({ timeout: 30_000 });
  await page.locator("#user").fill("admin");
  await page.locator("#password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.locator("#link", { hasText: "Live" }).waitFor();
  await page.close();
  await second.close();
});

test("five hundred partitions are listed, searched and followed", async () => {
  const partitions = Array.from({ length: 500 }, (_, n) => `[[partition]]\nname = "lp${n}"\nmemory-mb = { desired = 256 }\nprocessors = { desired = 1 }\nunits = { desired = 5 }\n${n % 5 ? "" : 'state = "running"\n'}`);
  const management = '[[partition]]\nname = "mgmt"\nmanagement = true\nmemory-mb = { desired = 1024 }\nprocessors = { desired = 1 }\n';
  writeFileSync("many.toml", `name = "many"\n[capacity]\nmax-partitions = 1000\nmemory-mb = 262144\nprocessors = 64\n${management}${partitions.join("")}`);
  const { url, close } = await serve("many.toml");
  const { page, wrong } = await open(url);
  await page.locator("#count", { hasText: "501 partitions, 101 running" }).waitFor();
  await page.locator("#search").fill("lp49 running");
  await page.locator("#count", { hasText: "2 of 501 partitions" }).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.locator("#detail h2", { hasText: "lp490" }).waitFor();
  await page.locator("#search").fill("");
  await page.locator("#state-filter").selectOption("running");
  await page.locator("#count", { hasText: "101 of 501 partitions" }).waitFor();
  await page.locator("#state-filter").selectOption("");
  await row(page, "lp499").click();
  await page.keyboard.press("s");
  await row(page, "lp499").locator(".state", { hasText: "running" }).waitFor({ timeout: 60_000 });
  await shot(page, "many");
  assert.deepEqual(wrong, []);
  await page.close();
  await close();
});

test("who does not log on sees nothing", async () => {
  const { url, close } = await serve();
  const page = await browser.newPage();
  await page.goto(url);
  await page.locator("#user").fill("admin");
  await page.locator("#password").fill("wrong");
  await page.keyboard.press("Enter");
  await page.locator("#logon-error", { hasText: "the user or the password is wrong" }).waitFor();
  for (const [method, path] of [["GET", "/console/follow"], ["POST", "/command"]]) {
    const answer = await page.evaluate(([method, path]) => fetch(path, { method, headers: { "x-api-session": "guess" } }).then((it) => it.status), [method, path]);
    assert.equal(answer, 401, path);
  }
  await shot(page, "logon");
  await page.close();
  await close();
});
