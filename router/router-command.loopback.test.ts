import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { request } from "undici";
import { expect, it } from "vitest";
import { completion, startTestPod } from "./server/test-pod.ts";

function routeproof(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, ["--import", "tsx", "ci/routeproof.ts", "router", ...argv], {
    env: { ...process.env, ...env },
  });
}

async function refusal(...argv: string[]): Promise<{ code: unknown; stderr: string }> {
  const child = routeproof(argv);
  let stderr = "";
  child.stderr.on("data", (chunk) => (stderr += String(chunk)));
  const [code] = await once(child, "close");
  return { code, stderr };
}

interface Started {
  readonly child: ChildProcessWithoutNullStreams;
  readonly url: string;
  readonly adminUrl: string;
  /** Resolves with the first log line of this event, past or future. */
  logged(event: string): Promise<Record<string, unknown>>;
  pods(): Promise<Record<string, unknown>[]>;
}

async function started(argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<Started> {
  const child = routeproof([...argv, "--port", "0"], env);
  const lines: Record<string, unknown>[] = [];
  const waiting: (() => void)[] = [];
  createInterface(child.stderr).on("line", (line) => {
    lines.push(JSON.parse(line) as Record<string, unknown>);
    for (const wake of waiting.splice(0)) wake();
  });
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const { url, adminUrl } = JSON.parse(line) as { url: string; adminUrl: string };
  return {
    child,
    url,
    adminUrl,
    logged: async (event) => {
      for (;;) {
        const found = lines.findIndex((entry) => entry["event"] === event);
        if (found >= 0) return lines.splice(found, 1)[0] as Record<string, unknown>;
        await new Promise<void>((wake) => waiting.push(wake));
      }
    },
    pods: async () => {
      const { body } = await request(`${adminUrl}/admin/pods`);
      return ((await body.json()) as { pods: Record<string, unknown>[] }).pods;
    },
  };
}

it("prints one JSON line when ready, routes, and finishes an open stream on SIGTERM", async () => {
  await using pod = await startTestPod();
  let finish = (): void => {};
  pod.answer = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
    finish = () => void response.end("data: [DONE]\n\n");
  };
  const router = await started(["--backends", `${pod.url}=a6000`]);
  expect(await router.pods()).toMatchObject([{ url: pod.url, gpu: "a6000-monotone", state: "healthy" }]);
  const { body } = await request(`${router.url}/v1/completions`, { method: "POST", body: completion("hi") });
  router.child.kill("SIGTERM");
  expect(await router.logged("draining")).toMatchObject({ signal: "SIGTERM" });
  finish();
  expect(await body.text()).toBe("data: 1\n\ndata: [DONE]\n\n");
  expect(await router.logged("request")).toMatchObject({ status: 200, outcome: "ok" });
  expect(await once(router.child, "close")).toEqual([0, null]);
});

it("ends at once on a second signal, and outlives a SIGHUP while it drains", async () => {
  await using pod = await startTestPod();
  pod.answer = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
  };
  const router = await started(["--backends", pod.url, "--drain-ms", "600000"]);
  const { body } = await request(`${router.url}/v1/completions`, { method: "POST", body: completion("hi") });
  router.child.kill("SIGTERM");
  await router.logged("draining");
  router.child.kill("SIGHUP");
  expect(await router.logged("reload")).toMatchObject({ level: "warn", error: "the router is draining" });
  router.child.kill("SIGINT");
  expect(await router.logged("cut short")).toMatchObject({ signal: "SIGINT" });
  await expect(body.text()).rejects.toThrow(/terminated|closed|socket/i);
  await pod.seen[0]?.disconnected;
  expect(await once(router.child, "close")).toEqual([0, null]);
});

it("takes settings from a file, the environment and flags, the later over the earlier, and reads them again on SIGHUP", async () => {
  await using pod = await startTestPod();
  const folder = mkdtempSync(join(tmpdir(), "routeproof-"));
  const file = join(folder, "router.yaml");
  const write = (text: string): void => writeFileSync(file, text);
  write(`backends: http://127.0.0.1:1\nstrategy: random\nmode: preble\nseed: 5\n`);
  const router = await started(["--config", file, "--seed", "7"], { ROUTEPROOF_STRATEGY: "least-request" });
  const answer = await request(`${router.url}/v1/completions`, {
    method: "POST",
    headers: { "x-request-id": "r1" },
    body: completion("hi"),
  });
  await answer.body.dump();
  expect(await router.pods()).toMatchObject([{ url: "http://127.0.0.1:1", state: "unhealthy" }]);

  write(`backends: ${pod.url}\nmaxBodyBytes: 10\nport: 1\n`);
  router.child.kill("SIGHUP");
  expect(await router.logged("reloaded")).toMatchObject({ needRestart: ["mode"] });
  expect((await router.pods()).map(({ url }) => url)).toEqual([pod.url]);
  const over = await request(`${router.url}/v1/completions`, { method: "POST", body: completion("hi") });
  await over.body.dump();
  expect(over.statusCode).toBe(413);

  write("maxBodyBytes: lots\n");
  router.child.kill("SIGHUP");
  expect((await router.logged("reload"))["error"]).toMatch(/router\.yaml: \/maxBodyBytes: "lots" must be integer/);
  expect((await router.pods()).map(({ url }) => url)).toEqual([pod.url]);
  router.child.kill("SIGTERM");
  await once(router.child, "close");
  rmSync(folder, { recursive: true });
});

it.each([
  [["--strategy", "fastest"], /round-robin/],
  [["--backends", "ftp://pod"], /http:\/\/host:port/],
  [["--backends", "http://pod:1=h100"], /a6000/],
  [["--backends-file", "nowhere.yaml"], /nowhere.yaml: no such file/],
  [["--backends-dns", "pods"], /host:port/],
  [["--backends-kubernetes", "pods"], /namespace\/label-selector/],
  [["--tokenizer", "nowhere"], /tokenizer.json: no such file/],
  [["--bakcends", "x"], /--backends/],
])("refuses %j with exit code 4 and one line", async (argv, says) => {
  const { code, stderr } = await refusal(...argv, "--port", "0");
  expect(code).toBe(4);
  expect(stderr).toMatch(says);
  expect(stderr.trim().split("\n").length).toBeLessThanOrEqual(2);
  expect(stderr).not.toMatch(/\n\s+at /);
});

it("says in one line that a port is taken", async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  const { port } = holder.address() as AddressInfo;
  const { code, stderr } = await refusal("--port", String(port));
  expect(code).toBe(3);
  expect(stderr).toBe(`routeproof: cannot listen on 127.0.0.1:${port} for clients: it is in use; choose another\n`);
  holder.close();
});
