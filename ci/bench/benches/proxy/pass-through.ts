/** The floor: what a proxy on node:http and undici costs that decides nothing and knows nothing. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";
import { Pool } from "undici";

const pools = process.argv.slice(2).map((url) => new Pool(url, { connections: null, pipelining: 1 }));
let next = 0;
const server = createServer((request, response) => {
  const pool = pools[next++ % pools.length] as Pool;
  const { "content-type": type = "application/json", "content-length": length = "0" } = request.headers;
  pool
    .request({
      path: request.url ?? "/",
      method: "POST",
      headers: { "content-type": type, "content-length": length },
      body: request,
    })
    .then(
      ({ statusCode, headers, body }) => {
        response.writeHead(statusCode, headers);
        pipeline(body, response, () => {});
      },
      () => response.writeHead(502).end(),
    );
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })}\n`);
});
