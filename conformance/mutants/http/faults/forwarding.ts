/** Wrong in what reaches the pod, in how long it is waited for, or in where a request goes next. */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { PodAddress } from "../../../adapters/router-under-test.ts";
import type { Attempt, Flight } from "../call.ts";
import { allOf, type Header, isPlainJson, without } from "../headers.ts";
import { RightProxy, statusOf } from "../right-proxy.ts";

/** The pod gets a request id of the router's own. */
export class OwnRequestId extends RightProxy {
  #made = 0;

  protected override outgoingHeaders(flight: Flight): readonly Header[] {
    return [...without(super.outgoingHeaders(flight), "x-request-id"), ["x-request-id", `own-${this.#made++}`]];
  }
}

/** The query of a request does not reach the pod. */
export class DropsQueries extends RightProxy {
  protected override send(flight: Flight, target: URL): ClientRequest {
    const [path] = (flight.incoming.url ?? "/").split("?");
    Object.assign(flight.incoming, { url: path });
    return super.send(flight, target);
  }
}

/** Headers of the client's connection are passed on to the pod. */
export class PassesHopByHop extends RightProxy {
  protected override outgoingHeaders({ incoming }: Flight): readonly Header[] {
    return without(allOf(incoming), "connection", "transfer-encoding", "expect");
  }
}

/** A client's offer of another protocol is passed on to the pod. */
export class PassesOffersOn extends RightProxy {
  protected override outgoingHeaders(flight: Flight): readonly Header[] {
    const offered = allOf(flight.incoming).filter(([name]) => ["upgrade", "connection"].includes(name.toLowerCase()));
    const headers = super.outgoingHeaders(flight);
    return flight.incoming.headers["upgrade"] === undefined ? headers : [...headers, ...offered];
  }
}

const KNOWN_HEADERS = ["host", "content-type", "accept", "authorization", "cookie", "x-request-id", "traceparent"];

/** Only headers that it knows reach the pod. */
export class DropsUnknownHeaders extends RightProxy {
  protected override outgoingHeaders(flight: Flight): readonly Header[] {
    return super.outgoingHeaders(flight).filter(([name]) => KNOWN_HEADERS.includes(name.toLowerCase()));
  }
}

/** Of a header that is sent twice the last reaches the pod. */
export class DropsRepeatedRequestHeaders extends RightProxy {
  protected override outgoingHeaders(flight: Flight): readonly Header[] {
    return [...new Map(super.outgoingHeaders(flight).map((header) => [header[0].toLowerCase(), header])).values()];
  }
}

/** Of many headers the first reach the pod. */
export class ForwardsThirtyHeaders extends RightProxy {
  protected override outgoingHeaders(flight: Flight): readonly Header[] {
    return super.outgoingHeaders(flight).slice(0, 30);
  }
}

/** Only a media type that it knows reaches the pod. */
export class DropsOddMediaTypes extends RightProxy {
  protected override outgoingHeaders(flight: Flight): readonly Header[] {
    const headers = super.outgoingHeaders(flight);
    return isPlainJson(flight.incoming) ? headers : without(headers, "content-type");
  }
}

/** The request id stands twice in what reaches the pod. */
export class DoublesTheId extends RightProxy {
  protected override outgoingHeaders(flight: Flight): readonly Header[] {
    return super
      .outgoingHeaders(flight)
      .flatMap((header) => (header[0] === "x-request-id" ? [header, header] : [header]));
  }
}

/** Authorization and cookie of the client do not reach the pod. */
export class DropsCredentials extends RightProxy {
  protected override outgoingHeaders(flight: Flight): readonly Header[] {
    return without(super.outgoingHeaders(flight), "authorization", "cookie");
  }
}

/** The trace of the client does not reach the pod. */
export class DropsTrace extends RightProxy {
  protected override outgoingHeaders(flight: Flight): readonly Header[] {
    return without(super.outgoingHeaders(flight), "traceparent");
  }
}

/** Two clients that wait at the same time get each other's answers. */
export class CrossesResponses extends RightProxy {
  protected override async forward(attempt: Attempt): Promise<IncomingMessage> {
    const other = [...this.open].find((each) => each !== attempt && !each.isAnswered);
    if (other !== undefined) {
      [attempt.flight.client, other.flight.client] = [other.flight.client, attempt.flight.client];
    }
    return super.forward(attempt);
  }
}

/** A client that leaves before the first byte does not disconnect the pod. */
export class StaysWhenClientLeavesEarly extends RightProxy {
  protected override leave(attempt: Attempt): void {
    if (attempt.isAnswered) super.leave(attempt);
  }
}

/** A client that leaves in mid-stream does not disconnect the pod. */
export class StaysWhenClientLeavesLate extends RightProxy {
  protected override leave(attempt: Attempt): void {
    if (!attempt.isAnswered) super.leave(attempt);
  }
}

/** A pod that is removed takes the streams that it has open with it. */
export class CutsStreamsOfRemovedPods extends RightProxy {
  override use(pods: readonly PodAddress[]): void {
    for (const { pod, flight } of this.open) {
      if (pods.every(({ name }) => name !== pod)) flight.client.socket?.resetAndDestroy();
    }
    super.use(pods);
  }
}

/** Answers must begin within two seconds. */
export class WaitsTwoSeconds extends RightProxy {
  protected override firstByteMs(): number {
    return 2_000;
  }
}

/** Answers must begin within fifteen seconds, a common default. */
export class WaitsFifteenSeconds extends RightProxy {
  protected override firstByteMs(): number {
    return 15_000;
  }
}

/** A pod that says nothing is waited for without end. */
export class WaitsForSilentPods extends RightProxy {
  protected override tire(): void {}
}

/** A refused connection leaves the client without an answer. */
export class HangsOnDeadPods extends RightProxy {
  protected override async goElsewhere(): Promise<void> {}
}

/** A refused connection is told to the client at once. */
export class NeverRetries extends RightProxy {
  protected override hasUntried(): boolean {
    return false;
  }
}

/** Some of a pod's answers are not passed on while another pod has not been asked. */
abstract class RetriesAnswers extends RightProxy {
  protected abstract isUnwelcome(status: number): boolean;

  protected override async passBack(attempt: Attempt, reply: IncomingMessage): Promise<void> {
    if (!this.isUnwelcome(statusOf(reply)) || !this.hasUntried(attempt.flight)) return super.passBack(attempt, reply);
    reply.once("error", () => undefined).resume();
    this.end(attempt, "error");
    return this.attempt(attempt.flight);
  }
}

/** A pod's 4xx is tried at another pod. */
export class RetriesClientErrors extends RetriesAnswers {
  protected override isUnwelcome(status: number): boolean {
    return status >= 400 && status < 500 && status !== 429;
  }
}

/** A pod's 5xx is tried at every other pod. */
export class RetriesServerErrors extends RetriesAnswers {
  protected override isUnwelcome(status: number): boolean {
    return status >= 500;
  }
}

/** A refused connection is tried again at the same pod. */
export class RetriesTheSamePod extends RightProxy {
  protected override target(attempt: Attempt): URL {
    const [first = attempt.pod] = attempt.flight.tried;
    return super.target({ ...attempt, pod: first });
  }
}

/** What is tried again carries its id and its length alone. */
export class RetriesWithoutHeaders extends RightProxy {
  protected override outgoingHeaders(flight: Flight): readonly Header[] {
    const headers = super.outgoingHeaders(flight);
    if (flight.tried.size < 2) return headers;
    return headers.filter(([name]) => ["content-type", "x-request-id"].includes(name.toLowerCase()));
  }
}
