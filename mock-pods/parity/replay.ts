/** Replays recorded exchanges against a pod, in their order and with the overlaps that were recorded. */
import { connect } from "node:net";
import { startFleet } from "../fleet/fleet.ts";
import type { Fleet, FleetOptions, Pod } from "../pod/pod.ts";
import { compare, type Difference } from "./compare.ts";
import { sendRaw, type RawExchange, type RawResponse } from "./raw-client.ts";
import { RecordedModel } from "./recorded-model.ts";
import { requestBytes, type RecordedExchange } from "./recorded-exchange.ts";
import { RECORDED_SERVERS } from "./recorded-servers.ts";

export interface ParityResult {
  readonly exchange: RecordedExchange;
  readonly differences: readonly Difference[];
}

/** Every server of the recording in turn; one fresh pod each, and one more for what ends a pod. */
export async function replayAll(exchanges: readonly RecordedExchange[]): Promise<ParityResult[]> {
  const results: ParityResult[] = [];
  // Only what overlaps needs streams that last.
  const overlaps = exchanges.some(({ id }) => actOf(id) !== undefined);
  for (const [server, flags] of Object.entries(RECORDED_SERVERS)) {
    const options = overlaps ? flags : { ...flags, speed: 200 };
    const own = exchanges.filter((exchange) => exchange.server === server);
    const ending = own.filter(({ group }) => group.startsWith("shutdown-now"));
    results.push(
      ...(await onFreshPod(
        options,
        own.filter((exchange) => !ending.includes(exchange)),
        own,
      )),
    );
    if (ending.length > 0) results.push(...(await onFreshPod(options, ending, own)));
  }
  return results;
}

/** What an older version was recorded answering with server A's flags, as far as it knew them. */
export async function replayVersion(
  exchanges: readonly RecordedExchange[],
  version: "0.28" | "0.10",
): Promise<ParityResult[]> {
  const { "kv-events-config": _, ...flags } = RECORDED_SERVERS.A.flags ?? {};
  return onFreshPod(
    { ...RECORDED_SERVERS.A, speed: 200, flags: { ...flags, "vllm-version": version } },
    exchanges,
    exchanges,
  );
}

async function onFreshPod(
  options: FleetOptions,
  exchanges: readonly RecordedExchange[],
  all: readonly RecordedExchange[],
): Promise<ParityResult[]> {
  const model = new RecordedModel(all);
  const fleet: Fleet = await startFleet({ ...options, answers: model.answers });
  try {
    return await new Replay(fleet.pod(0), exchanges, model).play();
  } finally {
    await fleet.close();
  }
}

/** Exchanges that overlapped when they were recorded, by the prefixes of their ids. */
const ACTS: readonly { readonly prefixes: readonly string[]; readonly play: (replay: Replay) => Promise<void> }[] = [
  { prefixes: ["completions.disconnect-stream"], play: (replay) => replay.leaveEarly() },
  { prefixes: ["dev.resume", "dev.request-sent-while-paused"], play: (replay) => replay.resume() },
  {
    prefixes: ["metrics.three-running", "dev.reset-while-running", "completions.long-stream"],
    play: (replay) => replay.threeRunning(),
  },
  { prefixes: ["dev.pause-abort"], play: (replay) => replay.pauseAbort() },
  { prefixes: ["completions.prefix-stream-usage"], play: (replay) => replay.sentBefore() },
  { prefixes: ["surface.keepalive-idle"], play: (replay) => replay.idleConnection() },
  {
    prefixes: [
      "metrics.queuecap-running",
      "queuecap.load",
      "queuecap.0",
      "queuecap.1",
      "queuecap.2",
      "queuecap.3",
    ].concat(["queuecap.4", "queuecap.5", "queuecap.6", "queuecap.7", "queuecap.8"]),
    play: (replay) => replay.queueCap(),
  },
  { prefixes: ["metrics.tokencap-running", "tokencap."], play: (replay) => replay.tokenCap() },
  { prefixes: ["metrics.preempt-running", "preempt."], play: (replay) => replay.preempt() },
  { prefixes: ["shutdown-drain", "shutdown-now"], play: (replay) => replay.shutdown() },
];

function actOf(id: string): (typeof ACTS)[number] | undefined {
  return ACTS.find(({ prefixes }) => prefixes.some((prefix) => id.startsWith(prefix)));
}

class Replay {
  readonly #pod: Pod;
  readonly #model: RecordedModel;
  readonly #exchanges: readonly RecordedExchange[];
  readonly #results: ParityResult[] = [];
  #act: RecordedExchange[] = [];

  constructor(pod: Pod, exchanges: readonly RecordedExchange[], model: RecordedModel) {
    this.#pod = pod;
    this.#model = model;
    this.#exchanges = exchanges;
  }

  async play(): Promise<ParityResult[]> {
    const done = new Set<RecordedExchange>();
    for (const exchange of this.#exchanges) {
      if (done.has(exchange)) continue;
      const act = actOf(exchange.id);
      this.#act =
        act === undefined
          ? [exchange]
          : this.#exchanges.filter(({ id }) => act.prefixes.some((prefix) => id.startsWith(prefix)));
      for (const played of this.#act) done.add(played);
      this.#model.expect(act === undefined ? exchange : undefined);
      if (act === undefined) await this.#one(exchange);
      else await act.play(this);
    }
    return this.#results;
  }

  /** The recording left out that the same request had been sent before. */
  async sentBefore(): Promise<void> {
    for (const exchange of this.#act) {
      await sendRaw(this.#pod.port, requestBytes(exchange)).response;
      await this.#one(exchange);
    }
  }

  async leaveEarly(): Promise<void> {
    for (const exchange of this.#act) {
      const chunks = exchange.response.chunk_count ?? 1;
      await this.#judge(exchange, sendRaw(this.#pod.port, requestBytes(exchange), chunks));
    }
  }

  /** The request was sent first, and answered after the call that resumed. */
  async resume(): Promise<void> {
    const waiting = this.#act.filter(({ id }) => id !== "dev.resume").map((exchange) => this.#send(exchange));
    await this.#settled(waiting.length);
    await this.#one(this.#named("dev.resume"));
    await this.#judgeAll(waiting);
  }

  async threeRunning(): Promise<void> {
    const [first, ...others] = this.#act.filter(({ id }) => id.startsWith("completions.long-stream"));
    if (first === undefined) return;
    const streams = [this.#send(first), ...others.map((exchange) => this.#send(exchange))];
    const companions = Array.from({ length: 3 - streams.length }, () => sendRaw(this.#pod.port, requestBytes(first)));
    await Promise.all([...streams, ...companions].map((sent) => ("raw" in sent ? sent.raw : sent).begun));
    for (const exchange of this.#act) {
      if (!exchange.id.startsWith("completions.long-stream")) await this.#one(exchange);
    }
    await this.#judgeAll(streams);
    await Promise.all(companions.map(({ response }) => response));
  }

  async pauseAbort(): Promise<void> {
    const streams = this.#act.filter(({ id }) => id !== "dev.pause-abort-call").map((exchange) => this.#send(exchange));
    await Promise.all(streams.map(({ raw }) => raw.begun));
    await this.#one(this.#named("dev.pause-abort-call"));
    await this.#judgeAll(streams);
    await sendRaw(this.#pod.port, Buffer.from("POST /resume HTTP/1.1\r\nHost: x\r\n\r\n")).response;
  }

  async idleConnection(): Promise<void> {
    for (const exchange of this.#act) {
      const seconds = await idleSeconds(this.#pod.port);
      const recorded = String(exchange.response.idle_close_seconds);
      const ours = seconds.toFixed(0);
      const differs = Math.abs(Number(recorded) - seconds) > 0.5;
      const { id, server } = exchange;
      this.#note(exchange, differs ? [{ id, server, what: "connection", recorded, ours }] : []);
    }
  }

  /** Six in flight when the others came; then two had finished when metrics and load were asked for. */
  async queueCap(): Promise<void> {
    const calls = this.#act.filter(({ id }) => /^queuecap\.\d+$/.test(id));
    this.#pod.hold();
    const admitted = calls.slice(0, 6).map((exchange) => this.#send(exchange));
    await this.#settled(6);
    for (const exchange of calls.slice(6)) await this.#one(exchange);
    await this.#stepUntil(() => inFlight(this.#pod) <= 4);
    for (const exchange of this.#act) if (!calls.includes(exchange)) await this.#one(exchange);
    this.#pod.release();
    await this.#judgeAll(admitted);
  }

  /** Two decodes run, two long prompts wait, and the fifth is refused. */
  async tokenCap(): Promise<void> {
    const calls = this.#act.filter(({ id }) => /^tokencap\.\d+$/.test(id));
    this.#pod.hold();
    const running = calls.slice(0, 2).map((exchange) => this.#send(exchange));
    await this.#settled(2);
    await this.#stepUntil(() => this.#pod.stats().running === 2 && firstTokens(this.#pod) >= 2);
    const waiting = calls.slice(2, 4).map((exchange) => this.#send(exchange));
    await this.#settled(2);
    for (const exchange of calls.slice(4)) await this.#one(exchange);
    for (const exchange of this.#act) if (!calls.includes(exchange)) await this.#one(exchange);
    this.#pod.release();
    await this.#judgeAll([...running, ...waiting]);
  }

  async preempt(): Promise<void> {
    const calls = this.#act.filter(({ id }) => /^preempt\.\d+$/.test(id));
    this.#pod.hold();
    const sent = calls.map((exchange) => this.#send(exchange));
    await this.#settled(sent.length);
    await this.#stepUntil(() => this.#pod.stats().running === 2);
    for (const exchange of this.#act) {
      if (!calls.includes(exchange) && !exchange.id.endsWith("after")) await this.#one(exchange);
    }
    this.#pod.release();
    await this.#judgeAll(sent);
  }

  async shutdown(): Promise<void> {
    const streams = this.#act.filter(({ id }) => id.endsWith(".stream")).map((exchange) => this.#send(exchange));
    await Promise.all(streams.map(({ raw }) => raw.begun));
    const over = this.#pod.shutdown();
    for (const exchange of this.#act) if (!exchange.id.endsWith(".stream")) await this.#one(exchange);
    await this.#judgeAll(streams);
    await over;
  }

  #named(id: string): RecordedExchange {
    const exchange = this.#act.find((candidate) => candidate.id === id);
    if (exchange === undefined) throw new Error(`the recording has no ${id}`);
    return exchange;
  }

  #send(exchange: RecordedExchange): { exchange: RecordedExchange; raw: RawExchange } {
    return { exchange, raw: sendRaw(this.#pod.port, requestBytes(exchange)) };
  }

  #one(exchange: RecordedExchange): Promise<void> {
    return this.#judge(exchange, sendRaw(this.#pod.port, requestBytes(exchange)));
  }

  async #judgeAll(sent: readonly { exchange: RecordedExchange; raw: RawExchange }[]): Promise<void> {
    for (const { exchange, raw } of sent) await this.#judge(exchange, raw);
  }

  async #judge(exchange: RecordedExchange, { response }: RawExchange): Promise<void> {
    const { id, server } = exchange;
    const refused = exchange.response.client_error;
    let ours: RawResponse;
    try {
      ours = await response;
    } catch (error) {
      const text = (error as Error).message;
      const same = refused !== undefined && /refused/i.test(text) && /refused/i.test(refused);
      const recorded = refused ?? `status ${exchange.response.status}`;
      return this.#note(exchange, same ? [] : [{ id, server, what: "connection", recorded, ours: text }]);
    }
    if (refused === undefined) return this.#note(exchange, compare(exchange, ours));
    return this.#note(exchange, [{ id, server, what: "connection", recorded: refused, ours: ours.head }]);
  }

  #note(exchange: RecordedExchange, differences: readonly Difference[]): void {
    this.#results.push({ exchange, differences });
  }

  /** Waits until so many requests are in the engine beside those before. */
  async #settled(count: number): Promise<void> {
    const before = inFlight(this.#pod);
    await until(() => inFlight(this.#pod) >= before + count || inFlight(this.#pod) >= count);
  }

  async #stepUntil(reached: () => boolean): Promise<void> {
    while (!reached()) {
      this.#pod.stepOnce();
      await new Promise((turn) => setTimeout(turn, 1));
    }
  }
}

function inFlight(pod: Pod): number {
  const { running, waiting } = pod.stats();
  return running + waiting;
}

function firstTokens(pod: Pod): number {
  return pod.journal().filter(({ firstTokenMs, ended }) => firstTokenMs !== undefined && ended === undefined).length;
}

async function until(reached: () => boolean): Promise<void> {
  while (!reached()) await new Promise((turn) => setTimeout(turn, 2));
}

/** How long the pod leaves a kept-alive connection idle. */
function idleSeconds(port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const socket = connect(port, "127.0.0.1");
  let answeredMs = 0;
  socket.once("data", () => (answeredMs = performance.now()));
  socket.once("close", () => resolve((performance.now() - answeredMs) / 1000));
  socket.once("error", reject);
  socket.write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  return promise;
}
