/** Wrong in the answer's beginning, or in what the proxy shows of itself. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Attempt, Refusal } from "../call.ts";
import { type Header, without } from "../headers.ts";
import { type Head, RightProxy } from "../right-proxy.ts";

/** A pod's 429 reaches the client as 503 without its Retry-After. */
export class SwallowsRetryAfter extends RightProxy {
  protected override head(reply: IncomingMessage): Head {
    const { status, headers } = super.head(reply);
    return status === 429 ? { status: 503, headers: without(headers, "retry-after") } : { status, headers };
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

/** An event stream reaches its client as application/json. */
export class CallsStreamsJson extends RightProxy {
  protected override head(reply: IncomingMessage): Head {
    const { status, headers } = super.head(reply);
    return { status, headers: [...without(headers, "content-type"), ["content-type", "application/json"]] };
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
