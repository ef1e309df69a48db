import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setupServer } from "msw/node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createPod } from "./in-process.ts";
import { mockVllm } from "./msw.ts";

const { pod, handlers } = mockVllm("http://vllm.test", { profile: "v100" });
const server = setupServer(...handlers);
beforeAll(() => server.listen({ onUnhandledFrame: "error" }));
afterAll(() => server.close());

it("answers the global fetch without a socket", async () => {
  const response = await fetch("http://vllm.test/metrics");
  expect(response.headers.get("x-inference-pod")).toBe("v100");
  expect(await response.text()).toContain("vllm:num_requests_running");
  expect(pod.journal()).toMatchObject([{ path: "/metrics", status: 200, ended: { how: "finished" } }]);
});

it("takes a Request and gives a Response", async () => {
  const alone = createPod();
  const response = await alone.fetch(new Request("http://any.host/__pod/holds-prefix", { method: "POST", body: "{" }));
  expect([response.status, response.headers.get("content-type")]).toEqual([400, "application/json"]);
});

it("rejects a request that was aborted", async () => {
  const alone = createPod();
  const request = new Request("http://any.host/health", { signal: AbortSignal.abort(new Error("changed my mind")) });
  await expect(alone.fetch(request)).rejects.toThrow("changed my mind");
});

it("reaches no module of Node's, so that a bundler can take it to a browser", () => {
  const reached = new Set<string>();
  const nodeImports: string[] = [];
  const visit = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    const imports = /^(?:import|export)\s(?:[^"();]*\sfrom\s)?"([^"]+)"/gm;
    for (const [statement, target = ""] of readFileSync(file, "utf8").matchAll(imports)) {
      if (/^(import|export) type/.test(statement)) continue;
      if (target.startsWith("node:")) nodeImports.push(`${file} -> ${target}`);
      else if (target.startsWith(".") && target.endsWith(".ts")) visit(join(dirname(file), target));
    }
  };
  visit("mock-pods/msw.ts");
  expect([...reached]).toContain("mock-pods/engine/scheduler.ts");
  expect(nodeImports).toEqual([]);
});
