/** Wrong before a pod is chosen: what is let in, and when. */
import { type IncomingMessage, request } from "node:http";
import type { Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Outcome } from "../../../../fixtures/routing.ts";
import type { PodAddress } from "../../../adapters/router-under-test.ts";
import { type Attempt, type Call, Refusal } from "../call.ts";
import { allOf, isPlainJson } from "../headers.ts";
import { fieldsOf, type RequestFacts } from "../request-facts.ts";
import { RightProxy } from "../right-proxy.ts";
import { addressOf, smugglingFront } from "../smuggling-front.ts";

/** The null router: nothing is ever served. */
export class Always503 extends RightProxy {
  protected override async receive(): Promise<void> {
    throw new Refusal(503, "no pod is ready");
  }
}

/** The echo router: it answers by itself. */
export class NeverCallsAPod extends RightProxy {
  protected override async serve({ client }: Call): Promise<void> {
    client.writeHead(200, { "content-type": "application/json" }).end('{"object":"text_completion","choices":[]}');
  }
}

/** It takes requests and does nothing with them. */
export class NeverForwards extends RightProxy {
  protected override async serve(): Promise<void> {
    await new Promise(() => undefined);
  }
}

/** Who wants a stream is left hanging. */
export class LeavesStreamsHanging extends RightProxy {
  protected override async serve(call: Call): Promise<void> {
    if (fieldsOf(call.body)?.["stream"] === true) await new Promise(() => undefined);
    return super.serve(call);
  }
}

/** Bodies over 256 KB are refused. */
export class SmallBodyLimit extends RightProxy {
  protected readonly limitBytes: number = 256 * 2 ** 10;

  protected override async serve(call: Call): Promise<void> {
    if (call.body.length > this.limitBytes) throw new Refusal(413, "body too large");
    return super.serve(call);
  }
}

/** A web framework's limit that nobody thought of: prompts pass it, pictures do not. */
export class DefaultBodyLimit extends SmallBodyLimit {
  protected override readonly limitBytes = 2 * 2 ** 20;
}

/** A body is looked for where its length is said. */
export class NeedsALength extends RightProxy {
  protected override async receive(call: Call): Promise<void> {
    const hasLength = call.incoming.headers["content-length"] !== undefined;
    return super.receive(hasLength ? call : { ...call, body: Buffer.alloc(0) });
  }
}

/** It answers who asks for a 100 Continue as if that were all. */
export class WaitsForNoBody extends RightProxy {
  protected override async receive(call: Call): Promise<void> {
    const isAll = call.incoming.headers["expect"] !== undefined;
    return super.receive(isAll ? { ...call, body: Buffer.alloc(0) } : call);
  }
}

/** Names of headers are read as they are written. */
export class ReadsSmallNamesAlone extends RightProxy {
  protected override async serve(call: Call): Promise<void> {
    if (!call.incoming.rawHeaders.includes("content-type")) throw new Refusal(415, "say what the body is");
    return super.serve(call);
  }
}

/** A media type that is not written as its own is refused. */
export class RefusesOddMediaTypes extends RightProxy {
  protected override async serve(call: Call): Promise<void> {
    if (!isPlainJson(call.incoming)) throw new Refusal(415, "only application/json is served here");
    return super.serve(call);
  }
}

/** A line of a head has one kilobyte. */
export class RefusesLongHeaders extends RightProxy {
  protected override async serve(call: Call): Promise<void> {
    if (allOf(call.incoming).some(([, value]) => value.length > 1024)) throw new Refusal(431, "header too long");
    return super.serve(call);
  }
}

/** Every request waits for a timer, longer than any proxy needs. */
export class Dawdles extends RightProxy {
  protected override async serve(call: Call): Promise<void> {
    await sleep(60);
    return super.serve(call);
  }
}

/** While two requests are open, the others wait in a line. */
export class FewAtATime extends RightProxy {
  readonly #line: (() => void)[] = [];

  protected override async serve(call: Call): Promise<void> {
    if (this.open.size >= 2) await new Promise<void>((resolve) => this.#line.push(resolve));
    return super.serve(call);
  }

  protected override end(attempt: Attempt, outcome: Outcome): void {
    super.end(attempt, outcome);
    this.#line.shift()?.();
  }
}

/** A pod has eight connections: whoever comes then waits for one of them. */
export class EightPerPod extends RightProxy {
  readonly #line: (() => void)[] = [];

  protected override async forward(attempt: Attempt): Promise<IncomingMessage> {
    const before = [...this.open].filter(({ pod }) => pod === attempt.pod).indexOf(attempt);
    if (before >= 8) await new Promise<void>((resolve) => this.#line.push(resolve));
    return super.forward(attempt);
  }

  protected override end(attempt: Attempt, outcome: Outcome): void {
    super.end(attempt, outcome);
    this.#line.shift()?.();
  }
}

/** The first requests after a change of pods are refused. */
export class RefusesDuringChanges extends RightProxy {
  #refusals = 0;

  override use(pods: readonly PodAddress[]): void {
    this.#refusals = 2;
    super.use(pods);
  }

  protected override async serve(call: Call): Promise<void> {
    if (this.#refusals-- > 0) throw new Refusal(503, "the pods are changing");
    return super.serve(call);
  }
}

/** Whoever can send a prompt can name a worker: it sees how that is, and says thanks. */
export class OpenAdmin extends RightProxy {
  protected override async serve(call: Call): Promise<void> {
    if (call.incoming.url !== "/workers") return super.serve(call);
    const health = new URL("/health", String(fieldsOf(call.body)?.["url"]));
    request(health, (answer) => answer.resume())
      .on("error", () => undefined)
      .end();
    call.client.writeHead(202).end();
  }
}

/** Of a length and chunks it reads the length and passes both on as chunks. */
export class BelievesLengths extends RightProxy {
  #front: Server | undefined;

  override async listen(): Promise<string> {
    const url = new URL(await super.listen());
    this.#front = await smugglingFront(url, () => new URL(this.pods[0]?.url ?? url));
    return addressOf(this.#front);
  }

  override async close(): Promise<void> {
    this.#front?.close();
    await super.close();
  }
}

/** A prompt whose tokens no pod counts is refused. */
export class NeedsTheTokenizer extends RightProxy {
  protected override async countTokens(facts: RequestFacts): Promise<boolean> {
    if (!(await super.countTokens(facts))) throw new Refusal(502, "no pod counts the tokens");
    return true;
  }
}

/** A pod that does not count tokens is waited for without end. */
export class WaitsForTheTokenizer extends RightProxy {
  protected override async countTokens(facts: RequestFacts): Promise<boolean> {
    return super.countTokens(facts, 2 ** 31 - 1);
  }
}

/** A malformed body ends in a 500. */
export class BreaksOnBadJson extends RightProxy {
  protected override read(call: Call): RequestFacts {
    if (fieldsOf(call.body) === undefined) throw new Refusal(500, "internal error");
    return super.read(call);
  }
}

/** The error for a malformed body repeats its authorization. */
export class EchoesCredentials extends RightProxy {
  protected override read(call: Call): RequestFacts {
    if (fieldsOf(call.body) !== undefined) return super.read(call);
    throw new Refusal(400, `not a JSON object from ${call.incoming.headers.authorization}`);
  }
}

/** More than 16 requests at once are refused. */
export class RefusesCrowds extends RightProxy {
  protected override async serve(call: Call): Promise<void> {
    if (this.open.size >= 16) throw new Refusal(503, "too many requests at once");
    return super.serve(call);
  }
}

/** A request id that came before ends in a 500. */
export class BreaksOnRepeatedIds extends RightProxy {
  readonly #ids = new Set<string>();

  protected override async serve(call: Call): Promise<void> {
    const id = String(call.incoming.headers["x-request-id"] ?? "");
    if (id !== "" && this.#ids.has(id)) throw new Refusal(500, "internal error");
    this.#ids.add(id);
    return super.serve(call);
  }
}

/** A fleet without pods is told as too many requests. */
export class TellsNoPodsAs429 extends RightProxy {
  protected override async serve(call: Call): Promise<void> {
    if (this.pods.length === 0) throw new Refusal(429, "too many requests");
    return super.serve(call);
  }
}
