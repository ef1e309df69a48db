/** What pods hold by their KV events: a subscription to each, replays of what was missed, and an index of their blocks. */
import { unpack } from "msgpackr";
import type { Subscriber } from "zeromq";
import { parseSequenceFrame, sequenceFrame } from "../../../fixtures/wire/kv-events.ts";
import type { PodAddress } from "../../adapters/router-under-test.ts";
import { BlockIndex, type BlockEvent } from "./block-index.ts";

type Batch = readonly [unixSeconds: number, events: readonly BlockEvent[]];

/** What one pod reports. */
export interface Feed {
  readonly subscriber: Subscriber;
  readonly replayEndpoint: string;
  readonly index: BlockIndex;
  /** Sequence numbers of batches that were taken note of. */
  readonly seen: Set<number>;
}

const REPLAY_MS = 2_000;

export class ReportedBlocks {
  readonly #Index: typeof BlockIndex;
  readonly #feeds = new Map<string, Feed>();

  constructor(Index: typeof BlockIndex = BlockIndex) {
    this.#Index = Index;
  }

  /** Resolves when each pod's events come in, and those from before have been replayed. */
  async setPods(pods: readonly PodAddress[]): Promise<void> {
    for (const [name, { subscriber }] of this.#feeds) {
      if (pods.some((pod) => pod.name === name)) continue;
      subscriber.close();
      this.#feeds.delete(name);
    }
    await Promise.all(pods.filter(({ name }) => !this.#feeds.has(name)).map((pod) => this.#subscribe(pod)));
  }

  /** Leading tokens in whole blocks. */
  heldTokens(pod: string, tokens: readonly number[]): number {
    return this.#feeds.get(pod)?.index.heldTokens(tokens) ?? 0;
  }

  close(): void {
    for (const { subscriber } of this.#feeds.values()) subscriber.close();
    this.#feeds.clear();
  }

  /** Batches before this one are missing. */
  protected missed(feed: Feed, from: number): Promise<void> {
    return this.#replay(feed, from);
  }

  /** Whether it is to be taken note of. */
  protected isNews({ seen }: Feed, sequence: number): boolean {
    return !seen.has(sequence);
  }

  async #subscribe({ name, kvEvents }: PodAddress): Promise<void> {
    if (kvEvents === undefined) return;
    const { Subscriber } = await import("zeromq");
    const subscriber = new Subscriber();
    const { replayEndpoint } = kvEvents;
    const feed = { subscriber, replayEndpoint, index: new this.#Index(), seen: new Set<number>() };
    this.#feeds.set(name, feed);
    subscriber.subscribe("");
    const greeted = new Promise<void>((resolve) => subscriber.events.on("handshake", () => resolve()));
    subscriber.connect(kvEvents.endpoint);
    await greeted;
    await this.#replay(feed, 0);
    void this.#follow(feed);
  }

  async #follow(feed: Feed): Promise<void> {
    for await (const [, sequenceBytes, payload] of feed.subscriber) {
      const sequence = sequenceBytes && parseSequenceFrame(sequenceBytes);
      if (sequence === undefined || payload === undefined) continue;
      const next = Math.max(-1, ...feed.seen) + 1;
      if (sequence > next) await this.missed(feed, next);
      this.#take(feed, sequence, payload);
    }
  }

  async #replay(feed: Feed, from: number): Promise<void> {
    const { Dealer } = await import("zeromq");
    const dealer = new Dealer({ receiveTimeout: REPLAY_MS, linger: 0 });
    dealer.connect(feed.replayEndpoint);
    await dealer.send(["", sequenceFrame(from)]);
    for await (const frames of dealer) {
      const [sequenceBytes, payload] = frames.slice(-2);
      const sequence = sequenceBytes && parseSequenceFrame(sequenceBytes);
      if (sequence === undefined || payload === undefined || sequence < 0) break;
      this.#take(feed, sequence, payload);
    }
    dealer.close();
  }

  #take(feed: Feed, sequence: number, payload: Buffer): void {
    if (!this.isNews(feed, sequence)) return;
    feed.seen.add(sequence);
    const [, events] = unpack(payload) as Batch;
    for (const event of events) feed.index.take(event);
  }
}
