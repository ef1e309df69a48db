/**
 * The least a Node server can do for a stream: a `net` server that writes precomputed chunk-framed events to all sockets
 * from one timer, deadlines absolute. Prints its port, then the CPU time of each run. Started by `npm run bench -- pods`.
 */
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

const [streams = 0, frames = 0, everyMs = 0] = process.argv.slice(2).map(Number);
const event = `data: {"id":"cmpl-0123456789abcdef","object":"text_completion","created":1795397086,"model":"m","choices":[{"index":0,"text":" the","logprobs":null,"finish_reason":null,"stop_reason":null,"token_ids":null}],"usage":null}\n\n`;
const frame = Buffer.from(`${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`);
const head = Buffer.from("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
const tail = Buffer.from("0\r\n\r\n");

const sockets: Socket[] = [];
const server = createServer({ noDelay: true }, (socket) => {
  socket.once("data", () => {
    sockets.push(socket);
    socket.write(head);
    if (sockets.length === streams) play();
  });
  socket.on("error", () => undefined);
});

function play(): void {
  const startMs = performance.now();
  let sent = 0;
  const next = (): void => {
    for (const socket of sockets) socket.write(frame);
    sent += 1;
    if (sent < frames) setTimeout(next, Math.max(0, startMs + sent * everyMs - performance.now()));
    else for (const socket of sockets.splice(0)) socket.end(tail);
  };
  setTimeout(next, everyMs);
}

server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
