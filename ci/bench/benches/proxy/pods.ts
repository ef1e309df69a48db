/** Four pods that cost as little as possible: fixed bytes, 10 ms a token, so that the proxy under test is what is measured. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const TOKEN_MS = 10;

const choice = { index: 0, logprobs: null, finish_reason: null, stop_reason: null, token_ids: null };
const envelope = { id: "cmpl-1", object: "text_completion", created: 1, model: "m" };
const whole = JSON.stringify({
  ...envelope,
  choices: [{ ...choice, text: " a b c d", finish_reason: "length" }],
  usage: { prompt_tokens: 100, total_tokens: 104, completion_tokens: 4, prompt_tokens_details: null },
});
const frame = `data: ${JSON.stringify({ ...envelope, choices: [{ ...choice, text: " token" }] })}\n\n`;
const models = JSON.stringify({ object: "list", data: [{ id: "m", object: "model", owned_by: "vllm" }] });

const servers = Array.from({ length: 4 }, () =>
  createServer((request, response) => {
    if (request.method !== "POST") return void response.end(request.url === "/v1/models" ? models : "");
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(pieces).toString()) as { stream?: boolean; max_tokens: number };
      if (body.stream !== true) {
        response.writeHead(200, { "content-type": "application/json", "content-length": whole.length });
        return void response.end(whole);
      }
      response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
      let sent = 0;
      const timer = setInterval(() => {
        if (sent++ < body.max_tokens) return void response.write(frame);
        clearInterval(timer);
        response.end("data: [DONE]\n\n");
      }, TOKEN_MS);
      response.once("close", () => clearInterval(timer));
    });
  }),
);
await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))));
const urls = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
process.stdout.write(`${JSON.stringify({ urls })}\n`);
