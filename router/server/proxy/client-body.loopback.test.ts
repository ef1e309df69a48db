import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { array, assert, asyncProperty, uint8Array } from "fast-check";
import { expect, it } from "vitest";
import { ClientBody } from "./client-body.ts";

/** Answers every request by `answer`; closes with the test. */
async function serve(answer: (response: ServerResponse) => void) {
  const server = createServer((request, response) => {
    request.resume();
    answer(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    connect: () => connect(port, "127.0.0.1"),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function readToEnd(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function bodyOf(answer: Buffer): Buffer {
  return answer.subarray(answer.indexOf("\r\n\r\n") + 4);
}

const GET = "GET / HTTP/1.1\r\nhost: x\r\n";
const pieces = array(uint8Array({ maxLength: 600 }), { maxLength: 12 });

it("sends each piece as one chunk, byte for byte, whatever it is", async () => {
  let sent: readonly Uint8Array[] = [];
  await using server = await serve((response) => {
    response.writeHead(200);
    const body = new ClientBody(response);
    for (const piece of sent) body.write(Buffer.from(piece), () => undefined);
    body.end();
  });
  await assert(
    asyncProperty(pieces, async (written) => {
      sent = written;
      const socket = server.connect();
      socket.write(`${GET}connection: close\r\n\r\n`);
      const expected = written
        .filter(({ length }) => length > 0)
        .flatMap((piece) => [Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")]);
      expect(bodyOf(await readToEnd(socket))).toEqual(Buffer.concat([...expected, Buffer.from("0\r\n\r\n")]));
    }),
    { numRuns: 50 },
  );
});

it("sends bodies with a length, and those for HTTP/1.0, without chunks", async () => {
  const text = Buffer.from("one two three");
  let headers: Record<string, number> = {};
  await using server = await serve((response) => {
    response.writeHead(200, headers);
    const body = new ClientBody(response);
    body.write(text.subarray(0, 4), () => undefined);
    body.write(text.subarray(4), () => undefined);
    body.end();
  });
  const old = server.connect();
  old.write("GET / HTTP/1.0\r\n\r\n");
  expect(bodyOf(await readToEnd(old))).toEqual(text);
  headers = { "content-length": text.length };
  const sized = server.connect();
  sized.write(`${GET}connection: close\r\n\r\n`);
  expect(bodyOf(await readToEnd(sized))).toEqual(text);
});

it("answers pipelined requests in their order, though the second is ready first", async () => {
  const open: ClientBody[] = [];
  await using server = await serve((response) => {
    response.writeHead(200);
    const body = new ClientBody(response);
    open.push(body);
    const name = String(open.length);
    body.write(Buffer.from(`${name}a`), () => undefined);
    if (open.length < 2) return;
    body.write(Buffer.from(`${name}b`), () => undefined);
    body.end();
    open[0]?.write(Buffer.from("1b"), () => undefined);
    open[0]?.end();
  });
  const socket = server.connect();
  socket.write(`${GET}\r\n${GET}connection: close\r\n\r\n`);
  const answers = (await readToEnd(socket)).toString("latin1").split(/(?=HTTP\/1\.1)/);
  expect(answers.map((answer) => answer.split("\r\n\r\n").slice(1).join("|"))).toEqual([
    "2\r\n1a\r\n2\r\n1b\r\n0|",
    "2\r\n2a\r\n2\r\n2b\r\n0|",
  ]);
});

it("says when a slow client can take no more, and when it can again", async () => {
  const piece = Buffer.alloc(65_536, 7);
  const full = Promise.withResolvers<void>();
  let written = 0;
  await using server = await serve((response) => {
    response.writeHead(200);
    const body = new ClientBody(response);
    const goOn = (): void => {
      while (written < 400) {
        written += 1;
        if (!body.write(piece, goOn)) return full.resolve();
      }
      body.end();
    };
    goOn();
  });
  const socket = server.connect();
  socket.pause();
  socket.write(`${GET}connection: close\r\n\r\n`);
  await full.promise;
  expect(written).toBeLessThan(400);
  const frameBytes = piece.length + "10000\r\n\r\n".length;
  expect(bodyOf(await readToEnd(socket))).toHaveLength(400 * frameBytes + "0\r\n\r\n".length);
});

it("takes what is written for a client that has left", async () => {
  const left = Promise.withResolvers<boolean[]>();
  await using server = await serve((response) => {
    response.writeHead(200);
    const body = new ClientBody(response);
    body.write(Buffer.from("a"), () => undefined);
    response.once("close", () => left.resolve([1, 2].map(() => body.write(Buffer.from("b"), () => undefined))));
  });
  const socket = server.connect();
  socket.write(`${GET}\r\n`);
  await once(socket, "data");
  socket.resetAndDestroy();
  expect(await left.promise).toEqual([true, true]);
});
