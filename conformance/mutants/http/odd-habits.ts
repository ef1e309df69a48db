/** What real gateways do, and a careless kit would take for a mistake. All of it conforms. */
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import type { Outcome } from "../../../fixtures/routing.ts";
import type { Attempt, Call, Flight } from "./call.ts";
import { getText } from "./get-text.ts";
import { endToEnd, type Header, without } from "./headers.ts";
import type { RequestFacts } from "./request-facts.ts";
import { type Head, RightProxy } from "./right-proxy.ts";

/** It asks every pod for the prompt's tokens, with all headers of the client, its request id among them. */
export class AsksEveryPod extends RightProxy {
  protected override async serve(call: Call): Promise<void> {
    const headers = without(endToEnd(call.incoming), "host", "content-length").flat() as never;
    const asked = this.pods.map(async ({ url }) => {
      const sent = request(new URL("/tokenize", url), { method: "POST", headers, agent: false });
      const [answer] = (await once(sent.end(call.body), "response")) as [IncomingMessage];
      await once(answer.resume(), "close");
    });
    await Promise.allSettled(asked);
    return super.serve(call);
  }
}

const BROKEN = JSON.stringify({ error: { message: "the pod broke the stream off", type: "stream_error" } });

/** A stream that its pod broke off ends with an error event before its [DONE]. */
export class TellsBrokenStreams extends RightProxy {
  protected override async breakOff({ client }: Flight): Promise<void> {
    client.end(`data: ${BROKEN}\n\ndata: [DONE]\n\n`);
  }
}

/** It does its accounts a moment after it passed the last byte on: learns, or stops counting. */
export class NoticesEndsLate extends RightProxy {
  protected override end(attempt: Attempt, outcome: Outcome): void {
    if (outcome !== "ok") super.end(attempt, outcome);
    else setTimeout(() => super.end(attempt, outcome), 5);
  }
}

/** It reads answers into a form of its own, which has fields that the pod left out, and writes them anew. */
export class FillsUsageWithNulls extends RightProxy {
  protected override head(reply: IncomingMessage): Head {
    const { status, headers } = super.head(reply);
    return { status, headers: without(headers, "content-length") };
  }

  protected override async *pieces(reply: IncomingMessage): AsyncIterable<Buffer> {
    for await (const piece of super.pieces(reply)) {
      const text = piece.toString("latin1").replace('"usage":{', '"usage":{"completion_tokens_details":null,');
      yield Buffer.from(text, "latin1");
    }
  }
}

/** It holds the fractions that it knows in single precision, as engines do. */
export class HoldsSingles extends RightProxy {
  protected override outgoingBody({ body }: Flight): Buffer {
    const known = /(?<="(?:temperature|top_p|min_p|repetition_penalty)": ?)\d+\.\d+/g;
    return Buffer.from(body.toString().replaceAll(known, (digits) => String(Math.fround(Number(digits)))));
  }
}

/** It notices that a client has left when it has something to pass on, as Apache and Java's server do. */
export class NoticesLeaversByWriting extends RightProxy {
  readonly #replies = new WeakMap<Attempt, IncomingMessage>();

  protected override async forward(attempt: Attempt): Promise<IncomingMessage> {
    const reply = await super.forward(attempt);
    this.#replies.set(attempt, reply);
    return reply;
  }

  protected override leave(attempt: Attempt): void {
    this.#replies.get(attempt)?.once("data", () => super.leave(attempt));
  }
}

/** It takes trailers itself, and says so to pods where a client did. */
export class TakesTrailers extends RightProxy {
  protected override outgoingHeaders(flight: Flight): readonly Header[] {
    const headers = super.outgoingHeaders(flight);
    return flight.incoming.headers["te"]?.includes("trailers") === true ? [...headers, ["te", "trailers"]] : headers;
  }
}

/** A header that is sent twice becomes one with a comma. */
export class JoinsRepeatedHeaders extends RightProxy {
  protected override outgoingHeaders(flight: Flight): readonly Header[] {
    const byName = Map.groupBy(super.outgoingHeaders(flight), ([name]) => name.toLowerCase());
    return [...byName].map(([name, lines]) => [name, lines.map(([, value]) => value).join(", ")]);
  }
}

/** It goes by the tokens that pods count, and routes by load what is longer than they take: they would refuse it anyhow. */
export class MatchesWhatPodsTake extends RightProxy {
  readonly #tooLong = new Set<string>();

  protected override async serve(call: Call): Promise<void> {
    const { model, prompt } = this.read(call).route;
    const [pod] = this.pods;
    const counted = pod && (await getText(new URL("/tokenize", pod.url), JSON.stringify({ model, prompt }), 1000));
    const { count, max_model_len: most } = JSON.parse(counted ?? "{}") as { count?: number; max_model_len?: number };
    if (count !== undefined && most !== undefined && count >= most) this.#tooLong.add(prompt);
    return super.serve(call);
  }

  protected override read(call: Call): RequestFacts {
    const facts = super.read(call);
    return this.#tooLong.has(facts.route.prompt) ? { ...facts, route: { ...facts.route, prompt: "" } } : facts;
  }
}
