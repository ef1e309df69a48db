/**
 * A front that reads `content-length` where chunks are announced as well, and passes the bytes on under the chunks alone:
 * what it took for one body, its pod takes for the end of one request and the beginning of another (RFC 9112 §6.3).
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

const AMBIGUOUS = /^content-length: *\d+\r$/im;
const CHUNKED = /^transfer-encoding: *chunked\r$/im;

/** Everything else goes to `proxy` as it is. Resolves to the server, already listening. */
export async function smugglingFront(proxy: URL, somePod: () => URL): Promise<Server> {
  const server = createServer((client) => {
    client.once("data", (first: Buffer) => {
      const text = first.toString("latin1");
      const head = text.slice(0, text.indexOf("\r\n\r\n") + 2);
      const smuggles = AMBIGUOUS.test(head) && CHUNKED.test(head);
      const upstream = connectTo(smuggles ? somePod() : proxy, client);
      upstream.write(smuggles ? Buffer.from(text.replace(/^content-length: *\d+\r\n/im, ""), "latin1") : first);
      client.pipe(upstream);
      if (!smuggles) return void upstream.pipe(client);
      // One request went in, so it passes one answer on.
      upstream.once("data", (answer: Buffer) => client.end(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

export const addressOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

function connectTo({ hostname, port }: URL, client: Socket): Socket {
  const upstream = connect(Number(port), hostname);
  client.once("error", () => upstream.destroy()).once("close", () => upstream.destroy());
  upstream.once("error", () => client.destroy()).once("close", () => client.destroySoon());
  return upstream;
}
