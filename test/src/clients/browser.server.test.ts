// Needs chromium: plays the MP4 of a real job in a browser and looks at its pixels.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Browser, chromium } from "playwright-core";
import { runCommand } from "../cli/command.js";
import { findTool } from "./tool.js";

const PAGE = `<!doctype html><video muted src="/video.mp4"></video>`;

describe("the video in a browser", () => {
  const folder = mkdtempSync(join(tmpdir(), "cogfleet-browser-"));
  const file = join(folder, "video.mp4");
  const server = createServer((request, response) => {
    const isVideo = request.url === "/video.mp4";
    response.setHeader("content-type", isVideo ? "video/mp4" : "text/html");
    response.end(isVideo ? readFileSync(file) : PAGE);
  });
  let browser: Browser;
  let address: string;

  before(async () => {
    const prompt = ["--prompt", "a red circle moves right on a black background"];
    const flags = ["--guidance-scale", "2", "--steps", "20", "--seed", "42", "--output", file];
    const made = await runCommand("generate", "--local", ...prompt, ...flags);
    assert.equal(made.code, 0, made.err.join("\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const bound = server.address();
    assert.ok(typeof bound === "object" && bound !== null);
    address = `http://127.0.0.1:${bound.port}/`;
    browser = await chromium.launch({
      executablePath: findTool("chromium"),
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
    });
  });

  after(async () => {
    await browser?.close();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });

  it("plays to its end, and shows a red circle that moves right", async () => {
    const page = await browser.newPage();
    await page.goto(address);
    // Runs in the page: the centre and colour of what is bright, at the first frame and after the last.
    const seen = await page.evaluate(`(async () => {
      const video = document.querySelector("video");
      const until = (name) => new Promise((resolve, reject) => {
        video.addEventListener(name, resolve, { once: true });
        video.addEventListener("error", () => reject(new Error(video.error.message)), { once: true });
      });
      const look = () => {
        const { videoWidth: width, videoHeight: height } = video;
        const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
        context.drawImage(video, 0, 0);
        const { data } = context.getImageData(0, 0, width, height);
        let [count, x, red, green, blue] = [0, 0, 0, 0, 0];
        for (let i = 0; i < data.length; i += 4) {
          if (data[i] < 128) continue;
          count++;
          x += (i / 4) % width;
          red += data[i];
          green += data[i + 1];
          blue += data[i + 2];
        }
        return { width, height, count, x: x / count, red: red / count, green: green / count, blue: blue / count };
      };
      if (video.readyState < 2) await until("loadeddata");
      const first = look();
      const ended = until("ended");
      await video.play();
      await ended;
      return { duration: video.duration, first, last: look() };
    })()`);
    const { duration, first, last } = seen as {
      duration: number;
      first: Record<"width" | "height" | "count" | "x" | "red" | "green" | "blue", number>;
      last: { x: number };
    };
    assert.equal(duration, 17 / 8);
    assert.deepEqual([first.width, first.height], [64, 64]);
    assert.ok(first.count > 100, `${first.count} bright pixels`);
    assert.ok(first.red > 180 && first.green < 100 && first.blue < 100, JSON.stringify(first));
    assert.ok(last.x > first.x + 10, `the circle went from ${first.x} to ${last.x}`);
  });
});
