/** Plays one API call through the engine: submits its generations, and answers whole or streamed. */
import { CaughtError, Refusal } from "../../../fixtures/wire/errors.ts";
import { DONE_EVENT } from "../../../fixtures/wire/server-sent-events.ts";
import { dumpAscii } from "../../../fixtures/wire/validation/python-text.ts";
import { admit } from "../rules/admission.ts";
import type { Answer } from "../http/answer.ts";
import type { Exchange, ReplyStream } from "../http/exchange.ts";
import type { CallGroup } from "../../metrics/live-request.ts";
import type { PodContext } from "../pod-context.ts";
import type { Responder } from "../http/responder.ts";
import type { Call, Generation, Listener } from "./generation.ts";

const ENGINE_DEAD = "EngineCore encountered an issue. See stack trace (above) for the root cause.";

export interface CallShape {
  readonly streamed: boolean;
  /** Prepares the generations; throws what only the engine refuses. */
  plan(): readonly Generation[];
  /** What a stream says before the engine is asked. What the engine refuses then breaks it off: nobody catches it. */
  begin?(stream: ReplyStream): void;
  stream(stream: ReplyStream, generations: readonly Generation[]): Listener;
  body(generations: readonly Generation[], last: Generation): Answer;
}

/** Answers by itself, through the responder. */
export function answerCall(pod: PodContext, exchange: Exchange, responder: Responder, shape: CallShape): undefined {
  refuseDraining(pod);
  if (shape.streamed) streamCall(pod, exchange, responder, shape);
  else wholeCall(pod, exchange, responder, shape);
  return undefined;
}

/** @throws {Refusal} after SIGTERM: vLLM's tokenizers are the first to go, or the engine was */
export function refuseDraining({ state }: PodContext): void {
  if (state.ended) throw new CaughtError(ENGINE_DEAD);
  if (state.draining) throw new Refusal(500, "InternalServerError", "cannot schedule new futures after shutdown");
}

function wholeCall(pod: PodContext, exchange: Exchange, responder: Responder, shape: CallShape): void {
  const generations = shape.plan();
  let open = generations.length;
  const call: Call = {
    generations,
    onProgress(changed) {
      record(pod, exchange, changed);
      for (const generation of changed) {
        if (generation.finishReason === undefined) continue;
        open--;
        if (open > 0) continue;
        pod.state.load--;
        responder.send(shape.body(generations, generation));
      }
    },
  };
  start(pod, exchange, responder, generations, call);
}

function streamCall(pod: PodContext, exchange: Exchange, responder: Responder, shape: CallShape): void {
  const refuse = (refusal: Refusal) =>
    shape.begin === undefined ? refuseAsEvent(pod, responder, refusal) : responder.breakOff();
  // Starlette sends the head at once, however long the first token takes.
  responder.stream();
  let generations: readonly Generation[];
  try {
    shape.begin?.(responder);
    generations = shape.plan();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return refuse(error);
  }
  let stream: Listener | undefined;
  let open = generations.length;
  const call: Call = {
    generations,
    onProgress(changed) {
      record(pod, exchange, changed);
      for (const { finishReason } of changed) if (finishReason !== undefined) open--;
      if (open === 0) pod.state.load--;
      stream ??= shape.stream(responder, generations);
      try {
        stream.onProgress(changed);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (open > 0) pod.state.load--;
        pod.hub.drop(generations);
        refuse(error);
      }
    },
  };
  try {
    start(pod, exchange, responder, generations, call);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    refuse(error);
  }
}

/** A stream whose status line is out already: the refusal is its last event. */
function refuseAsEvent({ settings }: PodContext, stream: ReplyStream, refusal: Refusal): void {
  const body = settings.version.errors.shape === "nested" ? refusal.body : { error: refusal.flatBody };
  stream.write(`data: ${dumpAscii(body)}\n\n`);
  stream.write(DONE_EVENT);
  stream.end();
}

function start(
  pod: PodContext,
  exchange: Exchange,
  responder: Responder,
  generations: readonly Generation[],
  call: Call,
): void {
  const groups = new Map<number, CallGroup>();
  const submitted: Generation[] = [];
  try {
    for (const generation of generations) {
      const { promptIndex } = generation.plan;
      let group = groups.get(promptIndex);
      if (group === undefined) {
        const n = generations.filter((other) => other.plan.promptIndex === promptIndex).length;
        // Each prompt is admitted by itself; one that is refused takes the whole call with it.
        if (groups.size > 0) admit(pod, n);
        group = { n, open: n, longestTokens: 0 };
        groups.set(promptIndex, group);
        exchange.record.tokenized(generation.promptTokens);
      }
      pod.hub.submit(generation, call, group);
      submitted.push(generation);
    }
  } catch (error) {
    pod.hub.drop(submitted);
    throw error;
  }
  exchange.record.produces(() => generations.reduce((sum, { tokens }) => sum + tokens, 0));
  pod.state.load++;
  responder.onGone(() => {
    pod.hub.drop(generations);
    pod.state.load--;
  });
}

/** Only first tokens are news to the journal: it counts the others when somebody looks. */
function record(pod: PodContext, exchange: Exchange, changed: readonly Generation[]): void {
  for (const { tokens, cachedTokens, finishReason } of changed) {
    if (tokens !== 1 || finishReason === "abort") continue;
    exchange.record.admitted(cachedTokens);
    exchange.record.firstToken(pod.engine.nowMs());
  }
}
