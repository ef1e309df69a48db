import { expect, it } from "vitest";
import { readPlainHead } from "./plain-request.ts";

const read = (text: string) => readPlainHead(Buffer.from(text, "latin1"));

it("reads a head, and how much of the bytes it and the body take", () => {
  const head =
    "POST /v1/completions?a=%20 HTTP/1.1\r\nHost: x\r\nContent-Length:  3 \r\nConnection: Keep-Alive\r\nX:\r\n\r\n";
  expect(read(`${head}abcGET`)).toEqual({
    method: "POST",
    target: "/v1/completions?a=%20",
    pairs: [
      ["Host", "x"],
      ["Content-Length", "3"],
      ["Connection", "Keep-Alive"],
      ["X", ""],
    ],
    headers: { host: "x", "content-length": "3", connection: "Keep-Alive", x: "" },
    headBytes: head.length,
    bodyBytes: 3,
  });
});

it("keeps for the next request what is the same in it", () => {
  const first = read("GET /a HTTP/1.1\r\nhost: x\r\nn: 1\r\n\r\n")?.pairs;
  const second = read("GET /b HTTP/1.1\r\nhost: x\r\nn: 2\r\n\r\n")?.pairs;
  expect(second?.[0]).toBe(first?.[0]);
  expect(second?.[1]).toEqual(["n", "2"]);
});

it.each([
  ["that is not whole", "GET / HTTP/1.1\r\nhost: x\r\n"],
  ["of another version", "GET / HTTP/1.0\r\n\r\n"],
  ["with a method that may have no body in its answer", "HEAD / HTTP/1.1\r\n\r\n"],
  ["for another server", "GET http://x/ HTTP/1.1\r\n\r\n"],
  ["with two spaces", "GET  / HTTP/1.1\r\n\r\n"],
  ["with bytes that no target has", "GET /\u00e9 HTTP/1.1\r\n\r\n"],
  ["with bytes that not every parser takes in a header", "GET / HTTP/1.1\r\nx: \u00e9\r\n\r\n"],
  ["with a name that is none", "GET / HTTP/1.1\r\nx : y\r\n\r\n"],
  ["with a line without a name", "GET / HTTP/1.1\r\nx: y\r\n z\r\n\r\n"],
  ["with a bare line end", "GET / HTTP/1.1\r\nx: y\nz: a\r\n\r\n"],
  ["with a name twice", "GET / HTTP/1.1\r\nx: y\r\nX: z\r\n\r\n"],
  ["with a name that every object has", "GET / HTTP/1.1\r\nconstructor: y\r\n\r\n"],
  ["that ends the connection", "GET / HTTP/1.1\r\nconnection: close\r\n\r\n"],
  ["whose body comes in chunks", "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"],
  ["that waits to be asked for its body", "POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n"],
  ["whose length is no number", "POST / HTTP/1.1\r\ncontent-length: +1\r\n\r\n"],
  ["with a large body", "POST / HTTP/1.1\r\ncontent-length: 1048577\r\n\r\n"],
  ["with a large head", `GET / HTTP/1.1\r\nx: ${"y".repeat(17_000)}\r\n\r\n`],
])("leaves a head %s", (_, text) => expect(read(text)).toBeUndefined());
