import type { Pod } from "../pod/pod.ts";
import { compare, type Difference } from "./compare.ts";
import { sendRaw, type RawExchange, type RawResponse } from "./raw-client.ts";
import { requestBytes, type RecordedExchange } from "./recorded-exchange.ts";

export interface ParityResult {
  readonly exchange: RecordedExchange;
  readonly differences: readonly Difference[];
}

/** A pod to which recorded exchanges are sent, and what its answers were found to be. */
export class PlayedPod {
  readonly pod: Pod;
  readonly results: ParityResult[] = [];

  constructor(pod: Pod) {
    this.pod = pod;
  }

  send(exchange: RecordedExchange): { exchange: RecordedExchange; raw: RawExchange } {
    return { exchange, raw: sendRaw(this.pod.port, requestBytes(exchange)) };
  }

  /** Sent, and judged when it is answered. */
  one(exchange: RecordedExchange): Promise<void> {
    return this.judge(exchange, sendRaw(this.pod.port, requestBytes(exchange)));
  }

  async judgeAll(sent: readonly { exchange: RecordedExchange; raw: RawExchange }[]): Promise<void> {
    for (const { exchange, raw } of sent) await this.judge(exchange, raw);
  }

  async judge(exchange: RecordedExchange, { response }: RawExchange): Promise<void> {
    const { id, server } = exchange;
    const refused = exchange.response.client_error;
    let ours: RawResponse;
    try {
      ours = await response;
    } catch (error) {
      const text = (error as Error).message;
      const same = refused !== undefined && /refused/i.test(text) && /refused/i.test(refused);
      const recorded = refused ?? `status ${exchange.response.status}`;
      return this.note(exchange, same ? [] : [{ id, server, what: "connection", recorded, ours: text }]);
    }
    if (refused === undefined) return this.note(exchange, compare(exchange, ours));
    return this.note(exchange, [{ id, server, what: "connection", recorded: refused, ours: ours.head }]);
  }

  note(exchange: RecordedExchange, differences: readonly Difference[]): void {
    this.results.push({ exchange, differences });
  }

  /** Waits until so many requests are in the engine beside those before. */
  async settled(count: number): Promise<void> {
    const before = inFlight(this.pod);
    await until(() => inFlight(this.pod) >= before + count || inFlight(this.pod) >= count);
  }

  async stepUntil(reached: () => boolean): Promise<void> {
    while (!reached()) {
      this.pod.stepOnce();
      await new Promise((turn) => setTimeout(turn, 1));
    }
  }
}

export function inFlight(pod: Pod): number {
  const { running, waiting } = pod.stats();
  return running + waiting;
}

async function until(reached: () => boolean): Promise<void> {
  while (!reached()) await new Promise((turn) => setTimeout(turn, 2));
}
