/** How exchanges are played that overlapped when they were recorded. */
import { connect } from "node:net";
import type { Pod } from "../pod/pod.ts";
import { inFlight, type PlayedPod } from "./played-pod.ts";
import { sendRaw } from "./raw-client.ts";
import { requestBytes, type RecordedExchange } from "./recorded-exchange.ts";

type Play = (pod: PlayedPod, act: readonly RecordedExchange[]) => Promise<void>;

interface Act {
  readonly prefixes: readonly string[];
  readonly play: Play;
}

/** By the prefixes of their ids. */
const ACTS: readonly Act[] = [
  { prefixes: ["completions.disconnect-stream"], play: leaveEarly },
  { prefixes: ["dev.resume", "dev.request-sent-while-paused"], play: resume },
  {
    prefixes: ["metrics.three-running", "dev.reset-while-running", "completions.long-stream"],
    play: threeRunning,
  },
  { prefixes: ["dev.pause-abort"], play: pauseAbort },
  { prefixes: ["completions.prefix-stream-usage"], play: sentBefore },
  { prefixes: ["surface.keepalive-idle"], play: idleConnection },
  {
    prefixes: ["metrics.queuecap-running", "queuecap.load", ...Array.from({ length: 9 }, (_, n) => `queuecap.${n}`)],
    play: queueCap,
  },
  { prefixes: ["metrics.tokencap-running", "tokencap."], play: tokenCap },
  { prefixes: ["metrics.preempt-running", "preempt."], play: preempt },
  { prefixes: ["shutdown-drain", "shutdown-now"], play: shutdown },
];

/** The act that an exchange is part of, if it overlapped with others. */
export function actOf(id: string): Act | undefined {
  return ACTS.find((act) => isIn(act, id));
}

export function isIn({ prefixes }: Act, id: string): boolean {
  return prefixes.some((prefix) => id.startsWith(prefix));
}

/** The recording left out that the same request had been sent before. */
async function sentBefore(pod: PlayedPod, act: readonly RecordedExchange[]): Promise<void> {
  for (const exchange of act) {
    await sendRaw(pod.pod.port, requestBytes(exchange)).response;
    await pod.one(exchange);
  }
}

async function leaveEarly(pod: PlayedPod, act: readonly RecordedExchange[]): Promise<void> {
  for (const exchange of act) {
    const chunks = exchange.response.chunk_count ?? 1;
    await pod.judge(exchange, sendRaw(pod.pod.port, requestBytes(exchange), chunks));
  }
}

/** The request was sent first, and answered after the call that resumed. */
async function resume(pod: PlayedPod, act: readonly RecordedExchange[]): Promise<void> {
  const waiting = act.filter(({ id }) => id !== "dev.resume").map((exchange) => pod.send(exchange));
  await pod.settled(waiting.length);
  await pod.one(named(act, "dev.resume"));
  await pod.judgeAll(waiting);
}

async function threeRunning(pod: PlayedPod, act: readonly RecordedExchange[]): Promise<void> {
  const [first, ...others] = act.filter(({ id }) => id.startsWith("completions.long-stream"));
  if (first === undefined) return;
  const streams = [pod.send(first), ...others.map((exchange) => pod.send(exchange))];
  const companions = Array.from({ length: 3 - streams.length }, () => sendRaw(pod.pod.port, requestBytes(first)));
  await Promise.all([...streams, ...companions].map((sent) => ("raw" in sent ? sent.raw : sent).begun));
  for (const exchange of act) {
    if (!exchange.id.startsWith("completions.long-stream")) await pod.one(exchange);
  }
  await pod.judgeAll(streams);
  await Promise.all(companions.map(({ response }) => response));
}

async function pauseAbort(pod: PlayedPod, act: readonly RecordedExchange[]): Promise<void> {
  const streams = act.filter(({ id }) => id !== "dev.pause-abort-call").map((exchange) => pod.send(exchange));
  await Promise.all(streams.map(({ raw }) => raw.begun));
  await pod.one(named(act, "dev.pause-abort-call"));
  await pod.judgeAll(streams);
  await sendRaw(pod.pod.port, Buffer.from("POST /resume HTTP/1.1\r\nHost: x\r\n\r\n")).response;
}

async function idleConnection(pod: PlayedPod, act: readonly RecordedExchange[]): Promise<void> {
  for (const exchange of act) {
    const seconds = await idleSeconds(pod.pod.port);
    const recorded = String(exchange.response.idle_close_seconds);
    const ours = seconds.toFixed(0);
    const differs = Math.abs(Number(recorded) - seconds) > 0.5;
    const { id, server } = exchange;
    pod.note(exchange, differs ? [{ id, server, what: "connection", recorded, ours }] : []);
  }
}

/** Six in flight when the others came; then two had finished when metrics and load were asked for. */
async function queueCap(pod: PlayedPod, act: readonly RecordedExchange[]): Promise<void> {
  const calls = act.filter(({ id }) => /^queuecap\.\d+$/.test(id));
  pod.pod.hold();
  const admitted = calls.slice(0, 6).map((exchange) => pod.send(exchange));
  await pod.settled(6);
  for (const exchange of calls.slice(6)) await pod.one(exchange);
  await pod.stepUntil(() => inFlight(pod.pod) <= 4);
  for (const exchange of act) if (!calls.includes(exchange)) await pod.one(exchange);
  pod.pod.release();
  await pod.judgeAll(admitted);
}

/** Two decodes run, two long prompts wait, and the fifth is refused. */
async function tokenCap(pod: PlayedPod, act: readonly RecordedExchange[]): Promise<void> {
  const calls = act.filter(({ id }) => /^tokencap\.\d+$/.test(id));
  pod.pod.hold();
  const running = calls.slice(0, 2).map((exchange) => pod.send(exchange));
  await pod.settled(2);
  await pod.stepUntil(() => pod.pod.stats().running === 2 && firstTokens(pod.pod) >= 2);
  const waiting = calls.slice(2, 4).map((exchange) => pod.send(exchange));
  await pod.settled(2);
  for (const exchange of calls.slice(4)) await pod.one(exchange);
  for (const exchange of act) if (!calls.includes(exchange)) await pod.one(exchange);
  pod.pod.release();
  await pod.judgeAll([...running, ...waiting]);
}

async function preempt(pod: PlayedPod, act: readonly RecordedExchange[]): Promise<void> {
  const calls = act.filter(({ id }) => /^preempt\.\d+$/.test(id));
  pod.pod.hold();
  const sent = calls.map((exchange) => pod.send(exchange));
  await pod.settled(sent.length);
  await pod.stepUntil(() => pod.pod.stats().running === 2);
  for (const exchange of act) {
    if (!calls.includes(exchange) && !exchange.id.endsWith("after")) await pod.one(exchange);
  }
  pod.pod.release();
  await pod.judgeAll(sent);
}

async function shutdown(pod: PlayedPod, act: readonly RecordedExchange[]): Promise<void> {
  const streams = act.filter(({ id }) => id.endsWith(".stream")).map((exchange) => pod.send(exchange));
  await Promise.all(streams.map(({ raw }) => raw.begun));
  const over = pod.pod.shutdown();
  for (const exchange of act) if (!exchange.id.endsWith(".stream")) await pod.one(exchange);
  await pod.judgeAll(streams);
  await over;
}

function named(act: readonly RecordedExchange[], id: string): RecordedExchange {
  const exchange = act.find((candidate) => candidate.id === id);
  if (exchange === undefined) throw new Error(`the recording has no ${id}`);
  return exchange;
}

function firstTokens(pod: Pod): number {
  return pod.journal().filter(({ firstTokenMs, ended }) => firstTokenMs !== undefined && ended === undefined).length;
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
