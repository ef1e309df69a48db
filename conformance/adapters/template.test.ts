import { expect, it } from "vitest";
import { expandArguments, expandJson, expandText, portNames } from "./template.ts";

const values = {
  port: "8080",
  "port.metrics": "9090",
  "pods.urls": ["http://127.0.0.1:9001", "http://127.0.0.1:9002"],
  "pod.url": "http://127.0.0.1:9001",
};

it("joins a list by any separator, by a comma when none is given, and writes JSON", () => {
  expect(expandText("{{pods.urls|,}}", values)).toBe("http://127.0.0.1:9001,http://127.0.0.1:9002");
  expect(expandText("{{pods.urls| }}", values)).toBe("http://127.0.0.1:9001 http://127.0.0.1:9002");
  expect(expandText("--backends={{pods.urls}}", values)).toBe("--backends=http://127.0.0.1:9001,http://127.0.0.1:9002");
  expect(expandText("{{pods.urls|json}}", values)).toBe('["http://127.0.0.1:9001","http://127.0.0.1:9002"]');
});

it("percent-encodes with |uri", () => {
  expect(expandText("/workers/{{pod.url|uri}}", values)).toBe("/workers/http%3A%2F%2F127.0.0.1%3A9001");
});

it("turns an argument that is exactly one list into one argument per item", () => {
  expect(expandArguments(["--worker-urls", "{{pods.urls}}", "--port", "{{port}}"], values)).toEqual([
    "--worker-urls",
    "http://127.0.0.1:9001",
    "http://127.0.0.1:9002",
    "--port",
    "8080",
  ]);
  expect(expandArguments(["{{pods.urls}}"], { "pods.urls": [] })).toEqual([]);
});

it("fills the strings of a JSON body and leaves the rest as it is", () => {
  expect(expandJson({ url: "{{pod.url}}", urls: "{{pods.urls}}", weight: 1, on: true, of: null }, values)).toEqual({
    url: "http://127.0.0.1:9001",
    urls: ["http://127.0.0.1:9001", "http://127.0.0.1:9002"],
    weight: 1,
    on: true,
    of: null,
  });
});

it("does not fill a value that looks like a template again", () => {
  expect(expandText("{{a}}", { a: "{{b}}", b: "never" })).toBe("{{b}}");
});

it("says which names there are when one is unknown", () => {
  expect(() => expandText("{{prot}}", { port: "1", url: "u" })).toThrow(
    "nothing is called {{prot}} here; there is port, url",
  );
});

it("finds every port that must be found before the router starts", () => {
  expect(portNames({ command: ["{{port}}", "{{port.metrics}}"], env: { A: "{{port.metrics}}" } })).toEqual([
    "port",
    "port.metrics",
  ]);
});
