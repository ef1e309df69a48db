import { expect, it } from "vitest";
import { checkAdapterFile } from "./adapter-file.ts";

const complete = {
  name: "example-router",
  version: "1.2.3",
  kind: "command",
  command: ["example-router", "--port", "{{port}}", "--backends", "{{pods.urls|,}}"],
  env: { LOG_LEVEL: "warn" },
  versionCommand: ["example-router", "--version"],
  url: "http://127.0.0.1:{{port}}",
  ready: { method: "GET", url: "{{url}}/readiness", status: [200], maxMs: 30_000 },
  settle: { afterStartMs: 0, afterAddMs: 0, why: "polls each pod's load every 10 s" },
  stop: { signal: "SIGTERM", graceMs: 5000 },
  pods: {
    channel: "http",
    add: {
      method: "POST",
      url: "{{url}}/workers",
      body: { url: "{{pod.url}}" },
      status: [200, 202],
      retryOn: [409],
      capture: { id: "/worker_id" },
    },
    remove: { method: "DELETE", url: "{{url}}/workers/{{pod.id}}", status: [200, 202] },
    settled: {
      method: "GET",
      url: "{{url}}/workers/{{pod.id}}",
      pointer: "/is_healthy",
      equals: true,
      everyMs: 50,
      maxMs: 10_000,
    },
  },
  podSeenBy: { header: "x-example-worker-url", value: "url" },
  requests: {
    paths: ["/v1/completions", "/v1/chat/completions"],
    headers: {},
    promptForms: ["string", "strings", "ids"],
  },
  profile: "./example-router.profile.json",
};

it("takes the whole format", () => {
  expect(checkAdapterFile(complete, "adapter.json")).toEqual(complete);
  expect(
    checkAdapterFile(
      { ...complete, pods: { ...complete.pods, settled: { add: complete.pods.settled, remove: { url: "{{url}}" } } } },
      "adapter.json",
    ),
  ).toBeDefined();
});

it.each([
  [{ ...complete, comand: [] }, `/: unknown key "comand"; allowed: kind, name,`],
  [{ ...complete, kind: "comand" }, `/kind: "comand" is not one of "command", "url", "container"`],
  [{ ...complete, kind: "function" }, `/kind: "function" routers are TypeScript`],
  [{ ...complete, ready: { url: "u", statuses: [200] } }, `/ready: unknown key "statuses"; allowed: method, url,`],
  [{ ...complete, settle: { afterStartMs: 5 } }, `/settle: missing key "why"`],
  [
    { ...complete, pods: { channel: "https" } },
    `/pods/channel: "https" is not one of "http", "file", "restart", "none"`,
  ],
  [
    { ...complete, pods: { ...complete.pods, ad: {} } },
    `/pods: unknown key "ad"; allowed: channel, add, remove, settled`,
  ],
  [
    { ...complete, pods: { ...complete.pods, add: { ...complete.pods.add, method: "post" } } },
    `/pods/add/method: "post" is not one of "GET", "POST", "PUT", "PATCH", "DELETE"`,
  ],
  [
    { ...complete, podSeenBy: { header: "x", value: "pod" } },
    `/podSeenBy/value: "pod" is not one of "url", "hostport", "name"`,
  ],
  [
    { kind: "url", name: "r", url: "http://h:1", podsListen: ["9001"] },
    `/podsListen/0: "9001" is not written like "127.0.0.1:9001"`,
  ],
  [{ kind: "url", name: "r", url: "http://h:1" }, `/: missing key "podsListen"`],
  [{ kind: "container", name: "r", url: "u" }, `/: exactly one of the keys "image" and "build" is needed`],
  [
    { kind: "container", name: "r", url: "{{port}}", image: "i", ports: { "port.admin": 1 } },
    `/ports: {{port.admin}} is used nowhere; used are port`,
  ],
  [
    { kind: "container", name: "r", url: "{{port}}", image: "i", ports: { port: 1 }, network: "host" },
    `/ports: with "network": "host" nothing is mapped`,
  ],
  [{ ...complete, stop: { signal: "TERM" } }, `/stop/signal: "TERM" is not written like "SIGTERM"`],
  [
    { ...complete, pods: { ...complete.pods, settled: { ad: { url: "u" } } } },
    `/pods/settled: unknown key "ad"; allowed: add, remove`,
  ],
  [{ ...complete, command: ["r", "{{prot}}"] }, `/command/1: nothing is called {{prot}}; there is {{port}}, {{url}},`],
  [{ ...complete, url: "{{pod.url}}" }, `/url: nothing is called {{pod.url}}; there is {{port}}`],
  [
    { ...complete, pods: { ...complete.pods, remove: { method: "DELETE", url: "{{url}}/{{pod.uid}}" } } },
    `/pods/remove/url: nothing is called {{pod.uid}}; there is`,
  ],
  [
    { ...complete, pods: { channel: "file", path: "p", template: "{{#pods}}{{pod.url}}{{/pods}} {{pod.name}}" } },
    `/pods/template: nothing is called {{pod.name}}; there is {{port}}`,
  ],
  [
    { ...complete, pods: { channel: "file", path: "p", template: "{{#pods}}{{pod.url}}" } },
    `/pods/template: nothing is called {{#pods}}; there is {{port}}`,
  ],
  [
    { ...complete, pods: { channel: "file", path: "{{pod.name}}", template: "" } },
    `/pods/path: nothing is called {{pod.name}}; there is {{port}}`,
  ],
  [[], `/: [] is not one of object`],
])("names pointer, value and what is allowed: %#", (value, message) => {
  expect(() => checkAdapterFile(value, "adapter.json")).toThrow(`adapter.json: ${message}`);
});
