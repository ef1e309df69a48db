import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { request } from "undici";
import { expect, it, onTestFinished } from "vitest";
import { EventParser } from "../../fixtures/wire/server-sent-events.ts";

function pods(...words: string[]): ChildProcess {
  const child = spawn(process.execPath, ["--import", "tsx", "ci/routeproof.ts", "pods", ...words], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function ready(child: ChildProcess): Promise<readonly string[]> {
  if (child.stdout === null) throw new Error("no stdout");
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  return (JSON.parse(line) as { urls: string[] }).urls;
}

async function outcome(child: ChildProcess): Promise<{ code: number | null; errors: string }> {
  let errors = "";
  child.stderr?.on("data", (part: Buffer) => (errors += part.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, errors };
}

/** Reads a long stream to its end; resolves `begun` with the first event. */
function longStream(url: string): { begun: Promise<void>; ended: Promise<string[]> } {
  const begun = Promise.withResolvers<void>();
  const read = async () => {
    const { body } = await request(`${url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt: "hello", max_tokens: 60, ignore_eos: true, stream: true }),
    });
    const parser = new EventParser();
    const events: string[] = [];
    for await (const part of body) {
      events.push(...parser.push(part as Uint8Array));
      begun.resolve();
    }
    return events;
  };
  return { begun: begun.promise, ended: read() };
}

function finishReasons(events: readonly string[]): (string | null)[] {
  return events
    .filter((data) => data !== "[DONE]")
    .map(
      (data) => (JSON.parse(data) as { choices: { finish_reason: string | null }[] }).choices[0]?.finish_reason ?? null,
    );
}

it("prints one line when all pods listen, and ends running streams with `abort` on SIGTERM", async () => {
  const child = pods("--pods", "a6000:2", "--speed", "0.2", "--enable-lora", "--unheard-of", "5");
  const urls = await ready(child);
  const ended = outcome(child);
  expect(urls).toHaveLength(2);
  const stream = longStream(urls[1] as string);
  await stream.begun;
  child.kill("SIGTERM");
  const events = await stream.ended;
  expect(events.at(-1)).toBe("[DONE]");
  expect(finishReasons(events).at(-1)).toBe("abort");
  expect(await ended).toEqual({ code: 0, errors: "routeproof: vLLM has no flag --unheard-of; it is ignored\n" });
});

it("ends in good order on a signal that comes with the line", async () => {
  const child = pods("--pods", "a6000:1");
  child.stdout?.once("data", () => child.kill("SIGINT"));
  expect(await outcome(child)).toEqual({ code: 0, errors: "" });
});

it("lets running streams finish within --shutdown-timeout, answering new requests with 500 and health with 200", async () => {
  const child = pods("--pods", "a6000:1", "--shutdown-timeout", "20");
  const [url = ""] = await ready(child);
  const ended = outcome(child);
  const stream = longStream(url);
  await stream.begun;
  child.kill("SIGTERM");
  const refused = async () => {
    const answer = await request(`${url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt: "x", max_tokens: 1 }),
    });
    return [answer.statusCode, await answer.body.text()];
  };
  await expect
    .poll(refused)
    .toEqual([
      500,
      expect.stringContaining('"cannot schedule new futures after shutdown","type":"InternalServerError"'),
    ]);
  expect((await request(`${url}/health`)).statusCode).toBe(200);
  expect(finishReasons(await stream.ended).at(-1)).toBe("length");
  expect(await ended).toEqual({ code: 0, errors: "" });
});

it("ends at once on a second signal", async () => {
  const child = pods("--pods", "a6000:1", "--shutdown-timeout", "600", "--speed", "0.01");
  const [url = ""] = await ready(child);
  const ended = outcome(child);
  const stream = longStream(url);
  await stream.begun;
  child.kill("SIGTERM");
  child.kill("SIGINT");
  await expect(stream.ended).rejects.toThrow(/socket|reset|terminated|other side/i);
  expect((await ended).code).toBe(0);
});

it("takes from --config what the command line does not say", async () => {
  const file = writtenFile(
    "config.yaml",
    "model: filed\nserved-model-name: [one, two]\nhost: localhost\ntokenizer: no/folder\n",
  );
  const child = pods("--pods", "a6000:1", "--tokenizer", "fixtures/tokenizer/small", "--config", file);
  const [url = ""] = await ready(child);
  expect(new URL(url).hostname).toBe("localhost");
  const { data } = (await (await request(`${url}/v1/models`)).body.json()) as { data: { id: string; root: string }[] };
  expect(data.map(({ id, root }) => [id, root])).toEqual([
    ["one", "filed"],
    ["two", "filed"],
  ]);
});

function writtenFile(name: string, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "routeproof-pods-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const faultFile = (text: string): string => writtenFile("faults.json", text);

it("lets go wrong what --faults says, in the pod that it names", async () => {
  const file = faultFile('{"faults":[{"pod":"a6000-1","fault":{"kind":"error","status":503,"path":"/health"}}]}');
  const urls = await ready(pods("--pods", "a6000:2", "--faults", file));
  const statuses = urls.map(async (url) => (await request(`${url}/health`)).statusCode);
  expect(await Promise.all(statuses)).toEqual([200, 503]);
});

it.each([
  ["{", /faults\.json: not JSON/],
  [
    '{"faults":[{"pod":"*","fault":{"kind":"hung"}}]}',
    /faults\.json: \/faults\/0\/fault\/kind: "hung" is not one of .*"hang"/,
  ],
  [
    '{"faults":[{"pod":"*","fault":{"kind":"hang","shar":0.5}}]}',
    /\/faults\/0\/fault: unknown key "shar"; allowed: .*share/,
  ],
  ['{"faults":[{"pod":"v100-7","fault":{"kind":"hang"}}]}', /no pod "v100-7" in this fleet; it has a6000-0/],
])("refuses the faults %s in one line", async (text, message) => {
  const { code, errors } = await outcome(pods("--pods", "a6000:1", "--faults", faultFile(text)));
  expect([code, errors.trimEnd().split("\n")]).toEqual([4, [expect.stringMatching(message)]]);
});

it.each([
  [["--pods", "h100:2"], 4, /"h100".*a6000/],
  [["--pods", "a6000:1", "--speed", "fast"], 4, /--speed "fast"/],
  [["--pods", "a6000:1", "--tokenizer", "/no/such/folder"], 4, /cannot read .*tokenizer.json/],
  [["--pods", "a6000:1", "--tokenizer", "org/model"], 4, /a hub's names are not fetched, so download it first/],
  [["--pods", "a6000:1", "--config", "/no/such/file.yaml"], 4, /cannot read \/no\/such\/file.yaml: no such file/],
  [["--pods", "a6000:1", "--faults", "/no/such/file"], 4, /cannot read \/no\/such\/file: no such file/],
  [[], 4, /--pods/],
])("refuses %j with exit code %i and one line", async (words, code, message) => {
  const { code: exitCode, errors } = await outcome(pods(...words));
  expect(exitCode).toBe(code);
  expect(errors).toMatch(message);
  expect(errors.trimEnd().split("\n")).toHaveLength(1);
});

it("refuses a port in use with exit code 3 and one line", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  onTestFinished(() => void taken.close());
  const { port } = taken.address() as AddressInfo;
  const { code, errors } = await outcome(pods("--pods", "a6000:1", "--base-port", String(port)));
  expect(code).toBe(3);
  expect(errors).toMatch(new RegExp(`^routeproof: port ${port} on 127.0.0.1 is in use; .*\n$`));
});
