import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { nodeReply } from "./node-reply.ts";

const BEFORE = `data: {"padding":"${"x".repeat(8_000)}","text":`;
const AFTER = "}\n\n";
const TEXTS = [" a", " longer", " é"];
/** More than a system keeps for a reader that does not read. */
const EVENTS = 4_000;

/** One event a turn of the event loop, and at first, while all is taken at once, two in some. Returns the body. */
async function tell(response: ServerResponse): Promise<string> {
  const stream = nodeReply(response).open(200, [["transfer-encoding", "chunked"]]);
  const event = stream.textEvent(BEFORE, AFTER);
  let body = "";
  const said = (text: string): void => {
    const whole = BEFORE + JSON.stringify(text) + AFTER;
    body += `${Buffer.byteLength(whole).toString(16)}\r\n${whole}\r\n`;
  };
  for (let index = 0; index < EVENTS; index++) {
    const text = TEXTS[index % TEXTS.length] as string;
    event.write(text);
    said(text);
    if (index < 50 && index % 5 === 0) {
      event.write(text);
      said(text);
    }
    await setImmediate();
  }
  stream.end();
  return `${body}0\r\n\r\n`;
}

it("brings every byte in order to a reader that reads late", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  client.pause().write("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  const [, response] = (await once(server, "request")) as [unknown, ServerResponse];
  const body = await tell(response);
  expect(response.socket?.writableLength).toBeGreaterThan(0);
  const parts: Buffer[] = [];
  client.on("data", (part: Buffer) => parts.push(part)).resume();
  await once(client, "close");
  const whole = Buffer.concat(parts).toString();
  expect(whole.slice(whole.indexOf("\r\n\r\n") + 4) === body).toBe(true);
  server.close();
});
