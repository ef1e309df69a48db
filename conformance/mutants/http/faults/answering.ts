/** Wrong in the answer's beginning, or in what the proxy shows of itself. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { gunzipSync } from "node:zlib";
import { bodyOf } from "../body-of.ts";
import { type Attempt, Refusal, refuse } from "../call.ts";
import { getText } from "../get-text.ts";
import { type Header, without } from "../headers.ts";
import { type Head, RightProxy, statusOf } from "../right-proxy.ts";

/** A pod's 429 reaches the client as 503 without its Retry-After. */
export class SwallowsRetryAfter extends RightProxy {
  protected override head(reply: IncomingMessage): Head {
    const { status, headers } = super.head(reply);
    return status === 429 ? { status: 503, headers: without(headers, "retry-after") } : { status, headers };
  }
}

/** What pods answer goes nowhere. */
export class KeepsAnswers extends RightProxy {
  protected override async passBack(_attempt: Attempt, reply: IncomingMessage): Promise<void> {
    reply.resume();
    await new Promise(() => undefined);
  }
}

/** A pod's 503 reaches the client without its Retry-After. */
export class DropsRetryAfter extends RightProxy {
  protected override head(reply: IncomingMessage): Head {
    const { status, headers } = super.head(reply);
    return { status, headers: status === 503 ? without(headers, "retry-after") : headers };
  }
}

/** The request id of a pod's answer does not reach the client. */
export class DropsTheId extends RightProxy {
  protected override head(reply: IncomingMessage): Head {
    const { status, headers } = super.head(reply);
    return { status, headers: without(headers, "x-request-id") };
  }
}

/** Of several headers with one name the last reaches the client. */
export class DropsRepeatedHeaders extends RightProxy {
  protected override head(reply: IncomingMessage): Head {
    const { status, headers } = super.head(reply);
    return { status, headers: [...new Map(headers)] };
  }
}

/** The metrics page counts every answer as a 200. */
export class CountsErrorsAsGood extends RightProxy {
  protected override count(_status: number, pod: string): void {
    super.count(200, pod);
  }
}

/** The gauge of requests under way says nothing at any time. */
export class GaugeSaysNothing extends RightProxy {
  protected override underWay(): ReadonlyMap<string, number> {
    return new Map([...super.underWay()].map(([pod]) => [pod, 0]));
  }
}

/** An event stream reaches its client as application/json. */
export class CallsStreamsJson extends RightProxy {
  protected override head(reply: IncomingMessage): Head {
    const { status, headers } = super.head(reply);
    return { status, headers: [...without(headers, "content-type"), ["content-type", "application/json"]] };
  }
}

/** Of an answer's media type what follows the first semicolon is lost. */
export class DropsCharsets extends RightProxy {
  protected override head(reply: IncomingMessage): Head {
    const { status, headers } = super.head(reply);
    const bare = ([name, value]: Header): Header =>
      name.toLowerCase() === "content-type" ? [name, value.split(";", 1)[0] ?? ""] : [name, value];
    return { status, headers: headers.map(bare) };
  }
}

/** How an answer is compressed is not said. */
export class DropsTheEncoding extends RightProxy {
  protected override head(reply: IncomingMessage): Head {
    const { status, headers } = super.head(reply);
    return { status, headers: without(headers, "content-encoding") };
  }
}

/** A compressed answer is read by the proxy, and passed on under the headers of before. */
export class DecodesAnswers extends RightProxy {
  protected override async *pieces(reply: IncomingMessage): AsyncIterable<Buffer> {
    if (reply.headers["content-encoding"] !== "gzip") return yield* super.pieces(reply);
    const body = await bodyOf(reply);
    if (body !== undefined) yield gunzipSync(body);
  }
}

/** The header that names the pod always names the first of the list. */
export class NamesTheFirstPod extends RightProxy {
  protected override ownHeaders(attempt: Attempt): readonly Header[] {
    return super.ownHeaders({ ...attempt, pod: this.pods[0]?.name ?? attempt.pod });
  }
}

/** The decision record always says that load decided. */
export class ExplainsByLoad extends RightProxy {
  protected override ownHeaders(attempt: Attempt): readonly Header[] {
    return super.ownHeaders({ ...attempt, decision: { ...attempt.decision, reason: "cost" } });
  }
}

/** The decision record says half of what matched, beside the ratio of all of it. */
export class ExplainsHalfTheMatch extends RightProxy {
  protected override ownHeaders(attempt: Attempt): readonly Header[] {
    const { decision } = attempt;
    return super.ownHeaders({ ...attempt, decision: { ...decision, matchedTokens: decision.matchedTokens / 2 } });
  }
}

/** The decision record says of every prompt that was followed that all of it matched. */
export class ExplainsWholeMatches extends RightProxy {
  protected override ownHeaders(attempt: Attempt): readonly Header[] {
    const { decision } = attempt;
    if (decision.reason !== "prefix") return super.ownHeaders(attempt);
    const whole = { ...decision, matchedTokens: decision.totalTokens, ratio: 1 };
    return super.ownHeaders({ ...attempt, decision: whole });
  }
}

/** A response header shows how the prompt began. */
export class EchoesPrompts extends RightProxy {
  protected override ownHeaders(attempt: Attempt): readonly Header[] {
    const beginning = attempt.flight.facts.route.prompt.slice(0, 40);
    return [...super.ownHeaders(attempt), ["x-prompt", encodeURIComponent(beginning)]];
  }
}

/** It calls itself ready without any pod. */
export class AlwaysReady extends RightProxy {
  protected override show(path: string, client: ServerResponse): void {
    if (path === "/ready") client.end();
    else super.show(path, client);
  }
}

/** The list of models is that of the first pod. */
export class ListsTheFirstPodsModels extends RightProxy {
  protected override show(path: string, client: ServerResponse): void {
    if (path === "/v1/models") client.end(this.pages.models(this.pods.slice(0, 1)));
    else super.show(path, client);
  }
}

/** A time limit that passed is told as an error of its own. */
export class TellsTimeoutsAs500 extends RightProxy {
  protected override tire({ upstream }: Attempt): void {
    upstream?.destroy(new Refusal(500, "timed out"));
  }
}

/** A pod's 5xx reaches the client with a body of the proxy's own. */
export class ReplacesServerErrors extends RightProxy {
  protected override async *pieces(reply: IncomingMessage): AsyncIterable<Buffer> {
    if (statusOf(reply) < 500) return yield* super.pieces(reply);
    reply.resume();
    yield Buffer.from('{"error":{"message":"internal error"}}');
  }
}

/** An answer is counted at the pod that was asked first. */
export class CountsAtTheFirstTried extends RightProxy {
  #first = "";

  protected override begin(attempt: Attempt, reply: IncomingMessage): void {
    [this.#first = attempt.pod] = attempt.flight.tried;
    super.begin(attempt, reply);
  }

  protected override count(status: number): void {
    super.count(status, this.#first);
  }
}

/** The list of models is asked of every pod, and refused where one does not answer. */
export class NeedsEveryPodsModels extends RightProxy {
  protected override show(path: string, client: ServerResponse): void {
    if (path !== "/v1/models") return super.show(path, client);
    void Promise.all(this.pods.map(({ url }) => getText(new URL(path, url)))).then((lists) => {
      if (lists.includes(undefined)) refuse(client, new Refusal(500, "a pod did not answer"));
      else super.show(path, client);
    });
  }
}
