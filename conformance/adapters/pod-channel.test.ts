import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { podsValues, writePodsFile } from "./pod-channel.ts";

const pods = [
  { url: "http://127.0.0.1:9001", name: "pod-0" },
  { url: "http://127.0.0.1:9002", name: "{{port}}" },
];

async function written(template: unknown, present = pods): Promise<string> {
  const tmp = mkdtempSync(join(tmpdir(), "routeproof-"));
  onTestFinished(() => rmSync(tmp, { recursive: true }));
  const values = { tmp, port: "8080", ...podsValues(present) };
  await writePodsFile({ channel: "file", path: "{{tmp}}/pods", template }, values, present);
  return readFileSync(join(tmp, "pods"), "utf8");
}

it("writes what stands between {{#pods}} and {{/pods}} once for each pod, and nothing where there is none", async () => {
  const template = "bind {{port}}\n{{#pods}}server {{pod.name}} {{pod.hostport}} # of {{pods.names| }}\n{{/pods}}end";
  expect(await written(template)).toBe(
    "bind 8080\nserver pod-0 127.0.0.1:9001 # of pod-0 {{port}}\nserver {{port}} 127.0.0.1:9002 # of pod-0 {{port}}\nend",
  );
  expect(await written(template, [])).toBe("bind 8080\nend");
});

it("writes JSON where the template is no text", async () => {
  expect(JSON.parse(await written({ urls: "{{pods.urls}}" }))).toEqual({ urls: pods.map(({ url }) => url) });
});
