import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { expect, it } from "vitest";
import type { PageReport } from "./msw-page.ts";

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

it("answers the openai client in a real browser, chunk by chunk", async ({ skip, onTestFinished }) => {
  if (!existsSync(CHROMIUM)) skip(`no browser at ${CHROMIUM}; install chromium, or set CHROMIUM`);
  const bundle = await build({
    entryPoints: [new URL("msw-page.ts", import.meta.url).pathname],
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
    logLevel: "silent",
  });
  const files: Readonly<Record<string, [type: string, content: string | Uint8Array]>> = {
    "/": ["text/html", "<!doctype html><script type=module src=/page.js></script>"],
    "/page.js": ["text/javascript", bundle.outputFiles[0]?.contents ?? ""],
    "/mockServiceWorker.js": [
      "text/javascript",
      readFileSync(createRequire(import.meta.url).resolve("msw/mockServiceWorker.js")),
    ],
  };
  // A service worker needs a secure context, which loopback is and a file is not.
  const site = createServer(({ url = "/" }, response) => {
    const file = files[url];
    if (file === undefined) response.writeHead(404).end();
    else response.writeHead(200, { "content-type": file[0] }).end(file[1]);
  });
  await new Promise<void>((listening) => site.listen(0, "127.0.0.1", listening));
  onTestFinished(() => void site.close());
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  });
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
  const report = await page.evaluate<PageReport>("globalThis.report");
  expect(report.texts.length).toBe(8);
  expect(report.status).toBe(200);
  // A body that is handed over whole would come when all is done.
  expect(report.runningAtFirstToken).toBe(1);
  expect(report.runningAfterAbort).toBe(0);
  expect(report.journal).toEqual(["finished", "finished", "disconnected"]);
});
