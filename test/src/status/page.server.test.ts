// Needs chromium: looks at the status page of real processes while they work, and after they are gone.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { chromium, type Page } from "playwright-core";
import { type RunningCommand, runCommand, startCommand } from "../cli/command.js";
import { findTool } from "../clients/tool.js";
import { DEMO } from "../parallel-services/fleet.js";

const PATIENCE_MS = 180_000;
const HOSTILE_ID = "<img src=x onerror=document.title='hacked'>";

function start(t: TestContext, ...args: string[]): RunningCommand {
  const command = startCommand(...args);
  t.after(async () => {
    command.child.kill("SIGTERM");
    await command.ended;
  });
  return command;
}

/** Waits until a table shows what it should. */
async function shows(page: Page, table: string, pattern: RegExp): Promise<string> {
  const rows = page.locator(`#${table} tbody tr`, { hasText: pattern });
  await rows.first().waitFor({ timeout: PATIENCE_MS });
  return (await rows.first().textContent()) ?? "";
}

it("shows what runs, what waits, who works, and that nobody answers any more", async (t) => {
  const data = mkdtempSync(join(tmpdir(), "cogfleet-status-"));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  const coordinator = start(t, "coordinator", "--port", "0", "--data", data);
  const [, endpoint = "", http = ""] = await coordinator.line(/gRPC on (\S+?), HTTP on (\S+?),/);
  const browser = await chromium.launch({
    executablePath: findTool("chromium"),
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
  });
  t.after(() => browser.close());
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().includes("ERR_")) problems.push(message.text());
  });

  await page.goto(http);
  await page.getByText("up to date").waitFor({ timeout: PATIENCE_MS });
  assert.match(await shows(page, "workers", /none/), /none/);

  for (const id of [HOSTILE_ID, "w2"])
    start(t, "worker", "--coordinator", endpoint, "--model", DEMO, "--id", id, "--local-workers", "2");
  await shows(page, "workers", /w2.*idle/s);
  await shows(page, "workers", /<img/);

  const flags = ["--endpoint", endpoint, "--output", join(data, "video.mp4")];
  const both = ["--prompt", "a red circle", "--steps", "1000", "--parallel", "context=2"];
  const long = start(t, "generate", ...both, ...flags);
  const running = await shows(page, "running", /denoise, step [1-9]\d* of 1000/);
  assert.match(running, /cfg 1, context 2/);
  assert.match(running, /w2/);
  await shows(page, "workers", /w2.*busy/s);

  const next = startCommand("generate", "--prompt", "a blue square", "--steps", "2", ...flags);
  assert.match(await shows(page, "queued", /demo/), /64x64x17.*default.*0/s);

  const { out, err } = await runCommand(
    ...["generate", "--prompt", "a circle", "--parallel", "context=4", "--detach", "--endpoint", endpoint],
  );
  assert.equal(out.length, 1, err.join("\n"));
  await shows(page, "queued", /waits for 4 workers of demo: 2 are connected/);

  long.child.kill("SIGINT");
  assert.equal((await next.ended).code, 0);
  await shows(page, "ended", /cancelled/);
  await shows(page, "ended", /completed/);
  assert.equal(await page.title(), "Cogfleet");
  assert.deepEqual(problems, []);

  coordinator.child.kill("SIGKILL");
  await page.getByText(/no answer for/).waitFor({ timeout: PATIENCE_MS });
  assert.equal((await runCommand("jobs", "list", "--endpoint", endpoint)).code, 2);
});
