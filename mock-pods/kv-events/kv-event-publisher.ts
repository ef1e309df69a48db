/**
 * Publishes a pod's KV events over ZeroMQ: a PUB socket with topic, sequence number and payload, and a ROUTER socket that
 * replays what it still has. One life of a pod, one publisher: sequence numbers begin at 0 again after a crash.
 */
import type { Publisher, Router } from "zeromq";
import { OperationalError } from "../../fixtures/operational-error.ts";
import {
  encodeKvBatch,
  parseSequenceFrame,
  sequenceFrame,
  type KvEventFormat,
  type WireKvEvent,
} from "../../fixtures/wire/kv-events.ts";
import type { KvEventsConfig } from "./kv-events-config.ts";

export type KvEventFault = "lost" | "duplicated" | "reordered";

interface Batch {
  readonly sequence: number;
  readonly payload: Buffer;
}

const END_OF_REPLAY = -1;
const EMPTY = Buffer.alloc(0);

export class KvEventPublisher {
  readonly #config: KvEventsConfig;
  readonly #format: KvEventFormat;
  readonly #publisher: Publisher;
  readonly #replayer: Router | undefined;
  readonly #topic: Buffer;
  /** The last batches, oldest first. */
  #buffer: Batch[] = [];
  #nextSequence = 0;
  #held: Batch | undefined;
  /** Sends one after the other: ZeroMQ sockets take no two at once. */
  #sending: Promise<void> = Promise.resolve();
  #closing = false;

  private constructor(
    config: KvEventsConfig,
    format: KvEventFormat,
    publisher: Publisher,
    replayer: Router | undefined,
  ) {
    this.#config = config;
    this.#format = format;
    this.#publisher = publisher;
    this.#replayer = replayer;
    this.#topic = Buffer.from(config.topic);
  }

  /** @throws OperationalError REQUIREMENT_MISSING without the zeromq package, PORT_IN_USE */
  static async start(config: KvEventsConfig, format: KvEventFormat): Promise<KvEventPublisher> {
    const zeromq = await import("zeromq").catch((cause: unknown) => {
      throw new OperationalError("REQUIREMENT_MISSING", "KV events need the package zeromq; npm install zeromq", {
        cause,
      });
    });
    const publisher = new zeromq.Publisher({ sendHighWaterMark: config.highWaterMark, linger: 0 });
    const replayer = config.replayEndpoint === undefined ? undefined : new zeromq.Router({ linger: 0 });
    try {
      if (config.binds) await publisher.bind(config.endpoint);
      else publisher.connect(config.endpoint);
      if (replayer !== undefined && config.replayEndpoint !== undefined) await replayer.bind(config.replayEndpoint);
    } catch (cause) {
      publisher.close();
      replayer?.close();
      const endpoints = [config.endpoint, config.replayEndpoint].filter(Boolean).join(" or ");
      throw new OperationalError("PORT_IN_USE", `cannot publish KV events on ${endpoints}: ${String(cause)}`, {
        cause,
      });
    }
    const started = new KvEventPublisher(config, format, publisher, replayer);
    if (replayer !== undefined) void started.#serveReplays(replayer);
    return started;
  }

  /** As bound, with the port the system chose; as given when it connects. */
  get endpoint(): string {
    return this.#publisher.lastEndpoint ?? this.#config.endpoint;
  }

  get replayEndpoint(): string | undefined {
    return this.#replayer?.lastEndpoint ?? undefined;
  }

  /** Everything handed over so far has left, or was dropped for want of subscribers. */
  get flushed(): Promise<void> {
    return this.#sending;
  }

  /** `fault` is what goes wrong with this batch on its way to subscribers; a replay has it all the same. */
  publish(unixSeconds: number, events: readonly WireKvEvent[], fault?: KvEventFault): void {
    const batch = { sequence: this.#nextSequence++, payload: encodeKvBatch(unixSeconds, events, this.#format) };
    this.#buffer.push(batch);
    if (this.#buffer.length > 2 * this.#config.bufferSteps) this.#buffer = this.#kept();
    const held = this.#held;
    this.#held = undefined;
    if (fault === "reordered" && held === undefined) this.#held = batch;
    else if (fault !== "lost") this.#send(batch);
    if (fault === "duplicated") this.#send(batch);
    if (held !== undefined) this.#send(held);
  }

  /** Its addresses are free to be bound again once this has resolved. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#sending;
    await Promise.all([
      this.#config.binds ? unbound(this.#publisher, this.endpoint) : undefined,
      this.#replayer === undefined ? undefined : unbound(this.#replayer, this.replayEndpoint ?? ""),
    ]);
    this.#publisher.close();
    this.#replayer?.close();
  }

  #kept(): Batch[] {
    return this.#config.bufferSteps === 0 ? [] : this.#buffer.slice(-this.#config.bufferSteps);
  }

  #send({ sequence, payload }: Batch): void {
    const frames = [this.#topic, sequenceFrame(sequence), payload];
    this.#sending = this.#sending.then(async () => {
      if (!this.#closing) await this.#publisher.send(frames);
    });
  }

  /** From 0.25 on a replayed batch carries its topic; the array era knew only sequence and payload. */
  async #serveReplays(replayer: Router): Promise<void> {
    const withTopic = this.#format === "map";
    for await (const [client = EMPTY, , start = EMPTY] of replayer) {
      const from = parseSequenceFrame(start);
      if (from === undefined) continue;
      for (const { sequence, payload } of this.#kept()) {
        if (sequence < from) continue;
        await replayer.send([client, EMPTY, ...(withTopic ? [this.#topic] : []), sequenceFrame(sequence), payload]);
      }
      await replayer.send([client, EMPTY, ...(withTopic ? [EMPTY] : []), sequenceFrame(END_OF_REPLAY), EMPTY]);
    }
  }
}

/** libzmq gives a listener's address up in a thread of its own, after `unbind` and `close` have returned; its monitor tells when. */
async function unbound(socket: Publisher | Router, endpoint: string): Promise<void> {
  const released = new Promise<void>((resolve) => {
    socket.events.on("close", ({ address }) => {
      if (address === endpoint) resolve();
    });
  });
  await socket.unbind(endpoint);
  if (!endpoint.startsWith("inproc:")) await released;
}
