import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { request } from "undici";
import { expect, it } from "vitest";
import { completion, startTestPod } from "./server/test-pod.ts";

function routeproof(...argv: string[]): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, ["--import", "tsx", "ci/routeproof.ts", "router", ...argv]);
}

async function refusal(...argv: string[]): Promise<{ code: unknown; stderr: string }> {
  const child = routeproof(...argv);
  let stderr = "";
  child.stderr.on("data", (chunk) => (stderr += String(chunk)));
  const [code] = await once(child, "close");
  return { code, stderr };
}

it("prints one JSON line when ready, routes, and finishes an open stream on SIGTERM", async () => {
  await using pod = await startTestPod();
  let finish = (): void => {};
  pod.answer = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
    finish = () => void response.end("data: [DONE]\n\n");
  };
  const child = routeproof("--backends", `${pod.url}=a6000`, "--port", "0");
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const { url, adminUrl } = JSON.parse(line) as { url: string; adminUrl: string };
  const listed = await request(`${adminUrl}/admin/pods`);
  expect(await listed.body.json()).toMatchObject({ pods: [{ url: pod.url, gpu: "a6000-monotone", state: "healthy" }] });
  const { body } = await request(`${url}/v1/completions`, { method: "POST", body: completion("hi", { stream: true }) });
  const draining = once(child.stderr, "data");
  child.kill("SIGTERM");
  await draining;
  finish();
  expect(await body.text()).toBe("data: 1\n\ndata: [DONE]\n\n");
  expect(await once(child, "close")).toEqual([0, null]);
});

it.each([
  [["--strategy", "fastest"], /round-robin/],
  [["--mode", "fast"], /corrected/],
  [["--backends", "ftp://pod"], /http:\/\/host:port/],
  [["--backends", "http://pod:1=h100"], /a6000/],
  [["--threshold", "1.5"], /0 to 1/],
  [["--port", "http"], /65535/],
  [["--bakcends", "x"], /--backends/],
])("refuses %j with exit code 4 and one line", async (argv, says) => {
  const { code, stderr } = await refusal(...argv);
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
