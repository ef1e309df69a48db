import { once } from "node:events";
import { connect } from "node:net";
import { array, assert, asyncProperty, constantFrom } from "fast-check";
import { request } from "undici";
import { expect, it } from "vitest";
import { cl100k } from "../../fixtures/tokenizer/cl100k.ts";
import { EventParser } from "../../fixtures/wire/server-sent-events.ts";
import { startFleet } from "../fleet/fleet.ts";

/** Ids that are half a letter, several letters, a quote, a line end, and common words. */
const IDS = cl100k.encode('the of "and"\n\\ é ñ 東京 🦜 👩‍👩‍👧 \u2028 the of and');

interface Told {
  readonly choices: readonly { readonly text?: string; readonly delta?: { readonly content?: string } }[];
}

async function ask(url: string, path: string, body: object): Promise<Buffer> {
  const answer = await request(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return Buffer.from(await answer.body.arrayBuffer());
}

function streamedText(bytes: Uint8Array): string {
  const events = new EventParser().push(bytes);
  expect(events.pop()).toBe("[DONE]");
  return events
    .flatMap((event) => (JSON.parse(event) as Told).choices.map(({ text, delta }) => text ?? delta?.content ?? ""))
    .join("");
}

it.each(["/v1/completions", "/v1/chat/completions"])("begins a stream of %s before its first token", async (path) => {
  await using fleet = await startFleet({ pods: "a6000:1", model: "m", speed: 1000 });
  const pod = fleet.pod(0);
  pod.hold();
  const body = { model: "m", prompt: "p", messages: [{ role: "user", content: "p" }], max_tokens: 2, stream: true };
  const answer = await request(`${pod.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(answer.statusCode).toBe(200);
  expect(pod.journal()[0]?.firstTokenMs).toBeUndefined();
  pod.release();
  expect(await answer.body.text()).toMatch(/\[DONE\]\n\n$/);
});

it("streams the text of the whole answer, whatever the tokens", async () => {
  let said: readonly number[] = [];
  const answers = () => ({ tokenAt: (index: number) => said[index] as number, naturalEndTokens: Infinity });
  await using fleet = await startFleet({ pods: "a6000:1", model: "m", speed: 1000, answers });
  const { url } = fleet.pod(0);
  await assert(
    asyncProperty(array(constantFrom(...IDS), { minLength: 1, maxLength: 60 }), async (ids) => {
      said = ids;
      const body = { model: "m", max_tokens: ids.length, ignore_eos: true };
      for (const [path, asked] of [
        ["/v1/completions", { prompt: "p" }],
        ["/v1/chat/completions", { messages: [{ role: "user", content: "p" }] }],
      ] as const) {
        const whole = JSON.parse((await ask(url, path, { ...body, ...asked })).toString()) as {
          choices: [{ text?: string; message?: { content: string } }];
        };
        const [{ text, message }] = whole.choices;
        const streamed = await ask(url, path, { ...body, ...asked, stream: true });
        expect(streamedText(streamed)).toBe(text ?? message?.content);
      }
    }),
    { numRuns: 40 },
  );
});

it("sends each event as one chunk of whole characters", async () => {
  const answers = () => ({ tokenAt: (index: number) => IDS[index % IDS.length] as number, naturalEndTokens: Infinity });
  await using fleet = await startFleet({ pods: "a6000:1", model: "m", speed: 1000, answers });
  const [{ chunks }] = await pipeline(fleet.pod(0).port, [{ prompt: "p", max_tokens: 200, stream: true }]);
  expect(chunks).toHaveLength(201);
  for (const chunk of chunks ?? []) expect(chunk).toMatch(/^data: .*\n\n$/s);
});

it("answers pipelined requests in their order, streams among them", async () => {
  await using fleet = await startFleet({ pods: "a6000:1", model: "m", speed: 100 });
  // The first takes longest, so that the others have their answers while its stream is open.
  const asked = [
    { prompt: "long", max_tokens: 120, stream: true },
    { prompt: "whole", max_tokens: 3 },
    { prompt: "short", max_tokens: 5, stream: true },
    { prompt: "last", max_tokens: 2 },
  ];
  const answers = await pipeline(fleet.pod(0).port, asked);
  expect(answers.map(({ chunks }) => chunks?.length)).toEqual([121, undefined, 6, undefined]);
  for (const [index, { text, chunks }] of answers.entries()) {
    const alone = await ask(fleet.pod(0).url, "/v1/completions", { model: "m", ignore_eos: true, ...asked[index] });
    const expected = chunks === undefined ? wholeText(alone) : streamedText(alone);
    expect(chunks === undefined ? wholeText(text) : streamedText(Buffer.from(chunks.join("")))).toBe(expected);
  }
});

function wholeText(body: string | Buffer): string {
  return (JSON.parse(body.toString()) as { choices: [{ text: string }] }).choices[0].text;
}

interface Answer {
  readonly text: string;
  readonly chunks: readonly string[] | undefined;
}

/** Sends all at once on one connection and reads as many answers. */
async function pipeline(port: number, bodies: readonly object[]): Promise<[Answer, ...Answer[]]> {
  const socket = connect(port, "127.0.0.1");
  for (const body of bodies) {
    const payload = JSON.stringify({ model: "m", ignore_eos: true, ...body });
    const head = ["POST /v1/completions HTTP/1.1", "host: pod", "content-type: application/json"];
    socket.write(`${head.join("\r\n")}\r\ncontent-length: ${Buffer.byteLength(payload)}\r\n\r\n${payload}`);
  }
  const answers: Answer[] = [];
  let rest = Buffer.alloc(0);
  while (answers.length < bodies.length) {
    const [part] = (await once(socket, "data")) as [Buffer];
    rest = Buffer.concat([rest, part]);
    for (let taken = take(rest); taken !== undefined; taken = take(rest)) {
      answers.push(taken.answer);
      rest = rest.subarray(taken.end);
    }
  }
  expect(rest).toHaveLength(0);
  socket.destroy();
  return answers as [Answer, ...Answer[]];
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The first answer in these bytes, if it is whole; throws for bytes that are not UTF-8 in themselves. */
function take(bytes: Buffer): { readonly answer: Answer; readonly end: number } | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n") + 4;
  if (headEnd < 4) return undefined;
  const length = /^content-length: (\d+)\r$/im.exec(bytes.subarray(0, headEnd).toString("latin1"))?.[1];
  if (length !== undefined) {
    const end = headEnd + Number(length);
    return bytes.length < end
      ? undefined
      : { answer: { text: utf8.decode(bytes.subarray(headEnd, end)), chunks: undefined }, end };
  }
  const chunks: string[] = [];
  for (let at = headEnd; ;) {
    const start = bytes.indexOf("\r\n", at) + 2;
    if (start < 2) return undefined;
    const size = Number.parseInt(bytes.subarray(at, start).toString("latin1"), 16);
    at = start + size + 2;
    if (bytes.length < at) return undefined;
    if (size === 0) return { answer: { text: "", chunks }, end: at };
    chunks.push(utf8.decode(bytes.subarray(start, start + size)));
  }
}
