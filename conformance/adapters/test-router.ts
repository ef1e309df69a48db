/**
 * A router that is no good at routing but starts, stops and changes its pods in every way an adapter can ask for. Run by
 * Node itself: `node test-router.ts --port 8080 --pods http://127.0.0.1:9001,...`.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, request as forward } from "node:http";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    port: { type: "string" },
    host: { type: "string", default: "127.0.0.1" },
    pods: { type: "string", default: "" },
    file: { type: "string" },
    /** Writes this to stderr and ends with exit code 3 instead of starting. */
    fail: { type: "string" },
    /** Starts a child that outlives a plain kill of this process. */
    child: { type: "boolean", default: false },
    /** Ends when asked to route. */
    fragile: { type: "boolean", default: false },
    version: { type: "boolean", default: false },
  },
});

if (values.version) {
  process.stderr.write("a warning that is no version\n");
  process.stdout.write("test-router 4.5.6\n");
  process.exit(0);
}
if (values.fail !== undefined) {
  process.stderr.write(`${values.fail}\n`);
  process.exit(3);
}
if (values.child) {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  process.stderr.write(`child ${child.pid}\n`);
}

let nextId = 0;
const pods = new Map<string, string>();
const add = (url: string): string => {
  const id = `worker-${nextId++}`;
  pods.set(id, url);
  return id;
};
for (const url of values.pods.split(",")) if (url !== "") add(url);

function readPodsFile(): void {
  if (values.file === undefined) return;
  pods.clear();
  for (const url of (JSON.parse(readFileSync(values.file, "utf8")) as { urls: string[] }).urls) add(url);
}
readPodsFile();
process.on("SIGHUP", readPodsFile);

let turn = 0;
const server = createServer((request, response) => {
  const path = request.url ?? "/";
  const answer = (status: number, body: unknown): void => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
  if (path === "/healthz") return answer(200, {});
  if (path === "/readyz") return answer(pods.size === 0 ? 503 : 200, {});
  if (path === "/pods" && request.method === "GET") return answer(200, { pods: Object.fromEntries(pods) });
  if (path === "/pods") {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => answer(202, { worker: { id: add((JSON.parse(body) as { url: string }).url) } }));
    return;
  }
  if (path.startsWith("/pods/")) {
    const id = path.slice("/pods/".length);
    if (request.method === "DELETE") return answer(pods.delete(id) ? 200 : 404, {});
    return pods.has(id) ? answer(200, { healthy: true }) : answer(404, {});
  }
  if (values.fragile) {
    process.stderr.write("panic: index out of range\n");
    process.exit(101);
  }
  const urls = [...pods.values()];
  const target = urls[turn++ % urls.length];
  if (target === undefined) return answer(503, { error: { message: "no pods", type: "unavailable", code: 503 } });
  const upstream = forward(new URL(path, target), { method: request.method, headers: request.headers }, (reply) => {
    response.writeHead(reply.statusCode ?? 502, reply.rawHeaders);
    reply.pipe(response);
    reply.on("error", () => response.destroy());
  });
  upstream.on("error", () => (response.headersSent ? response.destroy() : answer(502, {})));
  response.on("close", () => upstream.destroy());
  request.pipe(upstream);
});
server.listen(Number(values.port), values.host);
