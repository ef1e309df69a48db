/**
 * Requests that two parsers could read differently, or that never end: refused, or made one meaning before a pod sees
 * them.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { request } from "undici";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { LedgerRouter } from "../test-ledger-router.ts";
import { startRouter, type RunningRouter } from "../start-router.ts";
import { completion, ok, startTestPod, type TestPod } from "../test-pod.ts";

let pod: TestPod;
let router: RunningRouter;
beforeAll(async () => {
  pod = await startTestPod();
  router = await startRouter({ router: new LedgerRouter(), pods: [{ url: pod.url }] });
});
afterAll(async () => {
  await router.close();
  await pod[Symbol.asyncDispose]();
});
beforeEach(() => void pod.seen.splice(0));

/** Writes the bytes, closes its side once answered, and returns everything that came back. */
async function raw(text: string): Promise<string> {
  const socket = connect(Number(new URL(router.url).port), "127.0.0.1");
  socket.write(text, "latin1");
  let answer = "";
  socket.setEncoding("latin1");
  socket.on("data", (chunk) => {
    answer += String(chunk);
    // What is complete needs no more; a smuggled second request would have been answered in the same breath.
    setTimeout(() => socket.end(), 50);
  });
  socket.on("error", () => {});
  await once(socket, "close");
  return answer;
}

const body = completion("hi");
const head = (...lines: string[]): string =>
  ["POST /v1/completions HTTP/1.1", "host: r", ...lines, "", ""].join("\r\n");
const length = `content-length: ${body.length}`;
const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
const smuggled = `POST /v1/completions HTTP/1.1\r\nhost: r\r\ncontent-length: 2\r\n\r\n{}`;

it.each([
  ["both lengths", head(length, "transfer-encoding: chunked") + chunked],
  ["both lengths the other way", head("transfer-encoding: chunked", "content-length: 3") + chunked + smuggled],
  ["two different lengths", head(length, "content-length: 3") + body],
  ["two lengths that agree", head(length, length) + body],
  ["a list of lengths", head(`content-length: ${body.length}, ${body.length}`) + body],
  ["a signed length", head(`content-length: +${body.length}`) + body],
  ["a hexadecimal length", head(`content-length: 0x${body.length.toString(16)}`) + body],
  ["an unknown transfer coding", head("transfer-encoding: xchunked") + chunked],
  ["chunked before another coding", head("transfer-encoding: chunked, identity") + chunked],
  ["chunked twice", head("transfer-encoding: chunked", "transfer-encoding: chunked") + chunked],
  ["a space before the colon", head(`content-length : ${body.length}`) + body],
  ["a folded header", head("x-a: 1", " folded", length) + body],
  ["NUL in a header", head("x-a: a\0b", length) + body],
  ["a bare CR in a header", head("x-a: a\rb", length) + body],
  ["bare line feeds", head(length).replaceAll("\r\n", "\n") + body],
  ["a negative chunk size", head("transfer-encoding: chunked") + `-5\r\n${body}\r\n0\r\n\r\n`],
  ["an overflowing chunk size", head("transfer-encoding: chunked") + `ffffffffffffffff1\r\n${body}\r\n0\r\n\r\n`],
  ["a chunk without its end", head("transfer-encoding: chunked") + `3\r\n${body}\r\n0\r\n\r\n`],
  ["two hosts", head("Host: r", length) + body],
  ["no host", `POST /v1/completions HTTP/1.1\r\n${length}\r\n\r\n${body}`],
  ["no HTTP at all", "\x16\x03\x01\x02\x00\x01\r\n\r\n"],
])("refuses %s without calling a pod", async (_, text) => {
  const answer = await raw(text);
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  expect(pod.seen).toHaveLength(0);
});

it.each([
  [
    "chunked with extensions",
    head("transfer-encoding: chunked") + `${body.length.toString(16)};a=b\r\n${body}\r\n0\r\n\r\n`,
  ],
  [
    "chunked with trailers",
    head("transfer-encoding: chunked") + `${body.length.toString(16)}\r\n${body}\r\n0\r\nx-t: 1\r\n\r\n`,
  ],
  ["a capital Chunked", head("transfer-encoding: Chunked") + chunked],
])("sends %s on as one request with one length", async (_, text) => {
  expect(await raw(text)).toMatch(/^HTTP\/1\.1 200 /);
  expect(pod.seen).toHaveLength(1);
  const [only] = pod.seen as [TestPod["seen"][number]];
  expect(only.body.toString()).toBe(body);
  expect(only.headers["content-length"]).toBe(String(body.length));
  expect(only.headers).not.toHaveProperty("transfer-encoding");
  expect(only.headers).not.toHaveProperty("trailer");
});

it("answers two pipelined requests in order, each once", async () => {
  const answer = await raw(head(length) + body + head(length) + body);
  expect(answer.match(/HTTP\/1\.1 200 /g)).toHaveLength(2);
  expect(pod.seen).toHaveLength(2);
});

it("answers a header section that is too large with 431, and says how large it may be", async () => {
  const answer = await raw(head(`x-a: ${"a".repeat(20_000)}`, length) + body);
  expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  expect(answer).toContain('"message":"The header section is larger than 16384 bytes."');
});

it.each([
  ["http://r/v1/completions", "/v1/completions"],
  ["HTTP://elsewhere:1/v1/completions?a=1", "/v1/completions?a=1"],
])("serves the target %s by its path", async (target, path) => {
  expect(await raw((head(length) + body).replace("/v1/completions", target))).toMatch(/^HTTP\/1\.1 200 /);
  expect(pod.seen).toMatchObject([{ path, headers: { host: pod.name } }]);
});

it.each([
  "*",
  "http://r",
  "http://r?/v1/completions",
  "//r/v1/completions",
  "ftp://r/v1/completions",
  "/v1/./completions",
])("finds nothing at the target %s", async (target) => {
  expect(await raw((head(length) + body).replace("/v1/completions", target))).toMatch(/^HTTP\/1\.1 404 /);
  expect(pod.seen).toHaveLength(0);
});

it("ends a stream to a client of HTTP/1.0 by closing, without chunks", async () => {
  pod.answer = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
    response.end("data: [DONE]\n\n");
  };
  const answer = await raw((head(length) + body).replace("HTTP/1.1", "HTTP/1.0"));
  pod.answer = ok;
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(answer).not.toMatch(/transfer-encoding/i);
  expect(answer).toMatch(/\r\nConnection: close\r\n/i);
  expect(answer.split("\r\n\r\n").slice(1)).toEqual(["data: 1\n\ndata: [DONE]\n\n"]);
});

it.each([
  ["a header section", `POST /v1/completions HTTP/1.1\r\nhost: r\r\nx-slow: `, "a"],
  ["a body", head("content-length: 1000000"), " "],
  ["a chunked body", head("transfer-encoding: chunked"), "1\r\n \r\n"],
])("gives up on %s that trickles in", async (_, begin, drop) => {
  const slow = await startRouter({ router: new LedgerRouter(), pods: [{ url: pod.url }], receiveMs: 300 });
  const socket = connect(Number(new URL(slow.url).port), "127.0.0.1");
  socket.on("error", () => {});
  socket.setEncoding("latin1");
  let answer = "";
  socket.on("data", (chunk) => (answer += String(chunk)));
  socket.write(begin);
  const trickle = setInterval(() => socket.write(drop), 20);
  await once(socket, "close");
  clearInterval(trickle);
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(answer).toContain('"message":"The request did not arrive in time."');
  expect(pod.seen).toHaveLength(0);
  await slow.close();
});

it("leaves a stream alone that lasts longer than any request may take to arrive", async () => {
  const slow = await startRouter({ router: new LedgerRouter(), pods: [{ url: pod.url }], receiveMs: 100 });
  let next = (): void => {};
  pod.answer = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const timer = setInterval(() => response.write("data: 1\n\n"), 20);
    next = () => {
      clearInterval(timer);
      response.end("data: [DONE]\n\n");
    };
  };
  const answer = await request(`${slow.url}/v1/completions`, { method: "POST", body });
  const startedMs = performance.now();
  let got = "";
  for await (const chunk of answer.body) {
    got += String(chunk);
    if (performance.now() - startedMs > 500) next();
  }
  pod.answer = ok;
  expect(got).toMatch(/data: \[DONE\]\n\n$/);
  await slow.close();
});

it("tells a client that expects it to go on", async () => {
  const answer = await raw(head("expect: 100-continue", length) + body);
  expect(answer).toMatch(/^HTTP\/1\.1 100 Continue/);
  expect(answer).toMatch(/HTTP\/1\.1 200 /);
  expect(pod.seen[0]?.headers).not.toHaveProperty("expect");
});
