/** A pod for the shell's tests: answers probes, and completions as the test says. Real sockets, no engine. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface SeenRequest {
  readonly path: string;
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
  /** Resolves when the connection closed before the answer was complete. */
  readonly disconnected: Promise<void>;
}

export type Answer = (seen: SeenRequest, response: ServerResponse) => void;

export interface TestPod extends AsyncDisposable {
  readonly url: string;
  readonly name: string;
  /** Completions received, in order. */
  readonly seen: SeenRequest[];
  /** Replaced by a test at any time. */
  answer: Answer;
  /** Status of `/health`; `silent` never answers. */
  health: number | "silent";
  /** How often `/health` was asked for. */
  healthChecks: number;
  models: readonly string[];
  /** Its metrics page; 404 when empty, no answer at all when `silent`. */
  metrics: string;
  /** How often the metrics page was asked for. */
  metricsReads: number;
  /** Resolves when `count` completions have arrived since the start. */
  arrivals(count: number): Promise<void>;
  /** Closes the port and resets what is open. */
  crash(): Promise<void>;
  restart(): Promise<void>;
}

export const ok: Answer = (_, response) => {
  response.writeHead(200, { "content-type": "application/json" });
  response.end('{"id":"cmpl-1","object":"text_completion"}');
};

export async function startTestPod(
  options: { readonly answer?: Answer; readonly port?: number } = {},
): Promise<TestPod> {
  const seen: SeenRequest[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const server = createServer((request, response) => {
    if (request.method === "GET") return answerProbe(request, response);
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const disconnected = new Promise<void>((resolve) => {
        response.once("close", () => response.writableFinished || resolve());
      });
      const { url = "", rawHeaders, headers } = request;
      const entry = { path: url, rawHeaders, headers, body: Buffer.concat(pieces), disconnected };
      seen.push(entry);
      pod.answer(entry, response);
      for (const { count, resolve } of waiting) if (seen.length >= count) resolve();
    });
  });
  const listen = (port: number): Promise<void> => new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  const crash = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  };
  await listen(options.port ?? 0);
  const { port } = server.address() as AddressInfo;
  const pod: TestPod = {
    url: `http://127.0.0.1:${port}`,
    name: `127.0.0.1:${port}`,
    seen,
    answer: options.answer ?? ok,
    health: 200,
    healthChecks: 0,
    models: ["m"],
    metrics: "",
    metricsReads: 0,
    arrivals: (count) =>
      new Promise((resolve) => (seen.length >= count ? resolve() : void waiting.push({ count, resolve }))),
    crash,
    restart: () => listen(port),
    [Symbol.asyncDispose]: async () => {
      if (server.listening) await crash();
    },
  };
  function answerProbe(request: IncomingMessage, response: ServerResponse): void {
    if (request.url === "/health") pod.healthChecks++;
    if (request.url === "/v1/models") {
      const data = pod.models.map((id) => ({ id, object: "model", owned_by: "vllm", max_model_len: 8192 }));
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ object: "list", data }));
    } else if (request.url === "/metrics") {
      pod.metricsReads++;
      if (pod.metrics !== "silent") response.writeHead(pod.metrics === "" ? 404 : 200).end(pod.metrics);
    } else if (pod.health !== "silent") response.writeHead(pod.health).end();
  }
  return pod;
}

/** A completion request body. */
export function completion(prompt: unknown, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ model: "m", prompt, max_tokens: 4, ...more });
}
