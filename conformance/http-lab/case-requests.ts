/** The requests of one case over HTTP: sent or held open, with what the pods saw of them. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Prompt } from "../corpus/corpus.ts";
import type { Held, SendOptions } from "../lab.ts";
import type { RawRequest, RawResponse } from "./raw-exchange.ts";
import type { RouterView } from "./http-facilities.ts";
import { refusal } from "./pod-scripts.ts";
import type { SentStep } from "../observation.ts";
import { type WireExchange, WireLog } from "./wire-log.ts";
import { type CaseRun, noteIn } from "./case-run.ts";
import { exchange, EXCHANGE_MS } from "./exchange.ts";
import type { HeldReply } from "./held-reply.ts";
import { HangWatch, type WatchedRequest } from "./hang-watch.ts";
import { untilQuiet } from "./quiet.ts";
import { bodyFor, modelOf, promptOf, sentPrompt } from "./prompt-body.ts";
import { TaughtFamilies } from "./taught-families.ts";

/** A request that is held open lasts as long as its case lets it. */
const HELD_MS = 3_600_000;
/** What a router is granted to pass a broken connection on. */
const ABORT_SEEN_MS = 2_000;
const TOKEN_MS = 50;
/** Sent to see the router find its pods, whatever it chooses. */
const UNSETTLED: ReadonlySet<string> = new Set(["warm-up", "converge"]);
interface Sending extends WatchedRequest {
  readonly startMs: number;
  readonly client: AbortController;
  readonly response: Promise<RawResponse>;
}

interface SendingOptions extends Pick<RawRequest, "onData"> {
  readonly stream: boolean;
  readonly timeoutMs: number;
  /** Its pod keeps it open, and hands over the rest of its answer. */
  readonly hold?: (reply: HeldReply) => void;
}

export class CaseRequests {
  readonly #run: CaseRun;
  readonly #router: RouterView;
  readonly #held = new Set<Held>();
  readonly #taught: TaughtFamilies;
  readonly #hangs: HangWatch;
  #wire = new WireLog();

  constructor(run: CaseRun, router: RouterView) {
    this.#run = run;
    this.#router = router;
    this.#taught = new TaughtFamilies(run.profile);
    this.#hangs = new HangWatch(run, () => this.releaseAll());
  }

  get heldCount(): number {
    return this.#held.size;
  }

  wire(): readonly WireExchange[] {
    return this.#wire.entries();
  }

  /** What came before was not the case's own. */
  begin(): void {
    this.#wire = new WireLog();
  }

  async send(prompt: Prompt, options: SendOptions): Promise<SentStep> {
    await this.#mayBegin(options.label);
    await this.#untilNoticed(prompt);
    const timeoutMs = this.#hangs.patienceMs("request-not-answered");
    const sending = this.#start(prompt, options, { stream: false, timeoutMs });
    const response = await sending.response;
    if (response.end === "timeout") this.#hangs.notAnswered(sending);
    this.#run.running.took(this.#run.nowMs() - sending.startMs);
    this.#taught.ended(prompt, response.status === 200 ? "ok" : "error", this.#run.nowMs());
    return this.#recordSent(sending, prompt, options, response.status, false);
  }

  async hold(prompt: Prompt, options: SendOptions): Promise<Held> {
    await this.#mayBegin(options.label);
    await this.#untilNoticed(prompt);
    const { promise: begun, resolve: begin } = Promise.withResolvers<HeldReply>();
    const { promise: firstByte, resolve: sawFirstByte } = Promise.withResolvers<void>();
    const onData = (): void => sawFirstByte();
    const sending = this.#start(prompt, options, { stream: true, timeoutMs: HELD_MS, hold: begin, onData });
    const answered = sending.response.then((response) => ({ response }));
    const outcome = await Promise.race([begun.then((reply) => ({ reply })), answered]);
    if ("response" in outcome) {
      const { status } = outcome.response;
      this.#taught.ended(prompt, status === 200 ? "ok" : "error", this.#run.nowMs());
      const step = this.#recordSent(sending, prompt, options, status, false);
      return { step, release: async () => undefined };
    }
    const begins = options.silent !== true && options.body?.["stream"] !== false;
    if (begins) await this.#run.running.firstBytes.wait(Promise.race([firstByte, answered]));
    const step = this.#recordSent(sending, prompt, options, 200, true);
    const held: Held = {
      step,
      release: async (how = "ok") => {
        if (!this.#held.delete(held)) return;
        if (how === "ok") outcome.reply.finish();
        else if (how === "error") outcome.reply.fail();
        else sending.client.abort();
        await this.#answerTo(sending);
        const seen = how !== "aborted" || (await this.#seenEnding(step.requestId, outcome.reply));
        // Who waits for an answer that its client no longer wants gets it: what it counts then is its own.
        if (!seen) outcome.reply.finish();
        this.#taught.ended(prompt, how, this.#run.nowMs());
        this.#run.steps.push({ kind: "released", requestId: step.requestId, outcome: how, atMs: this.#run.nowMs() });
      },
    };
    this.#held.add(held);
    return held;
  }

  async releaseAll(): Promise<void> {
    await Promise.all([...this.#held].map((held) => held.release()));
  }

  /** Resolves to whether the router has shown that it counts nothing which ended before. */
  async quiet(): Promise<boolean> {
    const proven = await untilQuiet(this.#router, this.#held.size, this.#run.nowMs);
    this.#taught.clear();
    if (proven) this.#run.steps.push({ kind: "quiet", atMs: this.#run.nowMs() });
    return proven;
  }

  async raw(options: RawRequest): Promise<RawResponse> {
    await this.#mayBegin("raw");
    const id = options.knownAs ?? idIn(options);
    const { running, pods } = this.#run;
    if (typeof id === "string" && pods.stage.seen(id).length === 0) {
      pods.stage.sightings.expect(id, options.body === undefined ? undefined : promptOf(options.body));
    }
    const headers = { ...running.adapter.requests?.headers, ...options.headers };
    const timeoutMs = running.patience.granted(options.timeoutMs ?? EXCHANGE_MS);
    const sent = { ...options, headers, timeoutMs };
    const model = options.pod === undefined && options.body !== undefined ? modelOf(options.body) : undefined;
    if (typeof id !== "string" || model === undefined) return this.#exchange(sent);
    const client = new AbortController();
    // Its own time ends it otherwise: the case looks at how it ended.
    const giveUp = (): void => void (running.patience.isSpent && client.abort());
    const watch = this.#hangs.untilForwarded({ requestId: id, label: "request", model }, giveUp, timeoutMs);
    const signal = options.signal === undefined ? client.signal : AbortSignal.any([options.signal, client.signal]);
    return this.#exchange({ ...sent, signal }).finally(watch.end);
  }

  /**
   * The first request of the case waits, and the first after a pod came: what is taught before the rule holds may be lost.
   * None is sent any more when the case is over.
   */
  async #mayBegin(label: string): Promise<void> {
    await this.#run.end.goesOn();
    const leftMs = this.#run.running.settlesInMs();
    if (leftMs === 0 || this.#run.anyPod || UNSETTLED.has(label)) return;
    noteIn(this.#run, "settled", { afterMs: Math.round(leftMs) });
    await sleep(leftMs);
  }

  /** A moment for what the router has to notice, before the same family comes again. */
  async #untilNoticed(prompt: Prompt): Promise<void> {
    if (this.#taught.mayBeLearning(prompt, this.#run.nowMs())) await this.quiet();
  }

  #start(prompt: Prompt, options: SendOptions, how: SendingOptions): Sending {
    const { adapter } = this.#run.running;
    const { stage, models } = this.#run.pods;
    const { hold, stream, timeoutMs, onData } = how;
    const { label, model = models[0] ?? "" } = options;
    const requestId = this.#run.newRequestId();
    const path =
      prompt.messages === undefined ? (adapter.requests?.paths?.[0] ?? "/v1/completions") : "/v1/chat/completions";
    stage.sightings.expect(requestId, sentPrompt(prompt), hold, options.silent);
    if (options.upstream !== undefined && options.upstream !== "ok") {
      stage.script({ requestId, reply: refusal(options.upstream.status) });
    }
    if (options.firstStatus !== undefined) stage.script({ requestId, times: 1, reply: refusal(options.firstStatus) });
    const body = bodyFor(prompt, {
      path,
      stream,
      model,
      maxTokens: options.maxTokens ?? 1,
      cacheSalt: options.cacheSalt,
      extra: options.body,
      write: options.write,
    });
    const startMs = this.#run.nowMs();
    const headers = { ...adapter.requests?.headers, ...options.headers, "x-request-id": requestId };
    const client = new AbortController();
    const watch = this.#hangs.untilForwarded({ requestId, label, model }, () => client.abort());
    const request = { method: "POST", path, headers, body, timeoutMs, signal: client.signal };
    const response = this.#exchange(onData === undefined ? request : { ...request, onData }).finally(watch.end);
    return { requestId, label, model, startMs, client, response };
  }

  /** Resolves when its client has the end of the answer, or was left without one for too long. */
  async #answerTo(sending: Sending): Promise<void> {
    const giveUp = (): void => {
      this.#hangs.notAnswered(sending);
      sending.client.abort();
    };
    const timer = setTimeout(giveUp, this.#hangs.patienceMs("request-not-answered"));
    await sending.response;
    clearTimeout(timer);
  }

  async #exchange(options: RawRequest): Promise<RawResponse> {
    const { router, agent } = this.#run.running;
    const { pods: fleet } = this.#run;
    const atMs = this.#run.nowMs();
    const target = options.pod === undefined ? router.url : fleet.pod(options.pod).url;
    const response = await exchange(target, options, agent);
    const id = options.knownAs ?? idIn(options);
    const pods = typeof id === "string" ? fleet.stage.seen(id).map(({ pod }) => pod) : [];
    this.#wire.add(options, response, { atMs, endMs: this.#run.nowMs(), pods });
    return response;
  }

  #recordSent(
    { requestId, label, model, startMs }: Sending,
    prompt: Prompt,
    { cacheSalt }: SendOptions,
    status: number,
    held: boolean,
  ): SentStep {
    const attempts = this.#run.pods.stage.seen(requestId).map(({ pod }) => pod);
    const step: SentStep = {
      kind: "sent",
      label,
      requestId,
      model,
      prompt,
      ...(cacheSalt === undefined ? {} : { cacheSalt }),
      attempts,
      pod: attempts.at(-1) ?? null,
      status,
      held,
      startMs,
      endMs: this.#run.nowMs(),
    };
    this.#run.steps.push(step);
    return step;
  }

  /** Resolves to whether its pod was disconnected; as a real one it goes on meanwhile, and many notice by what they pass on. */
  #seenEnding(requestId: string, reply: HeldReply): Promise<boolean> {
    const talk = setInterval(() => reply.say(), TOKEN_MS);
    return this.#run.pods.stage
      .waitUntil(requestId, (seen) => seen.every(({ ended }) => ended !== undefined), ABORT_SEEN_MS)
      .then(
        () => true,
        () => false,
      )
      .finally(() => clearInterval(talk));
  }
}

function idIn({ headers = {} }: RawRequest): string | readonly string[] | undefined {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === "x-request-id")?.[1];
}
