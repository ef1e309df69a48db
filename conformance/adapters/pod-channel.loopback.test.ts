import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent } from "undici";
import { expect, it, onTestFinished } from "vitest";
import { HttpPodChannel } from "./pod-channel.ts";

/** A router that takes changes and works on them later: every call that it gets, and a job that ends at the second look. */
async function slowRouter(): Promise<{ readonly url: string; readonly calls: string[] }> {
  const calls: string[] = [];
  const server = createServer((request, response) => {
    calls.push(`${request.method} ${request.url}`);
    const looks = calls.filter((call) => call === `GET ${request.url}`).length;
    response.writeHead(202, { "content-type": "application/json" });
    response.end(JSON.stringify({ id: "job-1", state: looks < 2 ? "pending" : "done" }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls };
}

const POD = { name: "pod-0", url: "http://127.0.0.1:9001", models: ["m"] };

async function removeThePod(removed: string): Promise<readonly string[]> {
  const { url, calls } = await slowRouter();
  const dispatcher = new Agent();
  onTestFinished(() => dispatcher.close());
  const target = { values: { url }, dispatcher, alive: () => undefined, signal: async () => undefined };
  const channel = new HttpPodChannel(
    {
      channel: "http",
      add: { method: "POST", url: "{{url}}/pods", status: [202], capture: { job: "/id" } },
      remove: { method: "DELETE", url: removed, status: [202] },
      settled: {
        add: { url: "{{url}}/jobs/{{pod.job}}", status: [202], pointer: "/state", equals: "done", everyMs: 1 },
      },
    },
    target,
    [POD],
  );
  await channel.setPods([]);
  return calls;
}

it("does not add a pod once more for an id that only its addition needs", async () => {
  expect(await removeThePod("{{url}}/pods/{{pod.name}}")).toEqual(["DELETE /pods/pod-0"]);
});

it("waits until a pod that was added once more is there before it removes it", async () => {
  const calls = ["POST /pods", "GET /jobs/job-1", "GET /jobs/job-1", "DELETE /pods/job-1"];
  expect(await removeThePod("{{url}}/pods/{{pod.job}}")).toEqual(calls);
});
