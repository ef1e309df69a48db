/** The requests of one case over HTTP: sent or held open, with what the pods saw of them. */
import { setTimeout as sleep } from "node:timers/promises";
import { CHARS_PER_WORD, type Prompt } from "../corpus/corpus.ts";
import type { Held, SendOptions } from "../lab.ts";
import type { RawRequest, RawResponse } from "./raw-exchange.ts";
import type { RouterView } from "./http-facilities.ts";
import type { PodScript } from "./scripted-pods.ts";
import type { SentStep } from "../observation.ts";
import { type WireExchange, WireLog } from "./wire-log.ts";
import { type CaseRun, noteIn } from "./case-run.ts";
import { exchange } from "./exchange.ts";
import type { HeldReply } from "./held-reply.ts";
import { mayBeUnnoticed } from "../oracle/late-notice.ts";
import { untilQuiet } from "./quiet.ts";
import { bodyFor, promptOf, sentPrompt } from "./prompt-body.ts";

const REQUEST_MS = 15_000;
/** What a router is granted to pass a broken connection on. */
const ABORT_SEEN_MS = 2_000;
/** Sent to see the router find its pods, whatever it chooses. */
const UNSETTLED: ReadonlySet<string> = new Set(["warm-up", "converge"]);
const ERROR_BODY = { object: "error", message: "scripted by routeproof", type: "InternalServerError", param: null };

interface Sending {
  readonly requestId: string;
  readonly startMs: number;
  readonly response: Promise<RawResponse>;
}

export class CaseRequests {
  readonly #run: CaseRun;
  readonly #router: RouterView;
  readonly #held = new Set<Held>();
  /** When the router could last learn from the end of a request, by family. */
  readonly #taughtMs = new Map<string, number>();
  #wire = new WireLog();

  constructor(run: CaseRun, router: RouterView) {
    this.#run = run;
    this.#router = router;
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
    await this.#settled(options.label);
    await this.#untilNoticed(prompt);
    const sending = this.#start(prompt, options, false);
    const response = await sending.response;
    this.#run.running.took(this.#run.nowMs() - sending.startMs);
    this.#ended(prompt, response.status === 200 ? "ok" : "error");
    return this.#recordSent(sending, prompt, options, response.status, false);
  }

  async hold(prompt: Prompt, options: SendOptions): Promise<Held> {
    await this.#settled(options.label);
    await this.#untilNoticed(prompt);
    const { promise: begun, resolve: begin } = Promise.withResolvers<HeldReply>();
    const { promise: firstByte, resolve: sawFirstByte } = Promise.withResolvers<void>();
    const client = new AbortController();
    const sending = this.#start(prompt, options, true, {
      hold: begin,
      signal: client.signal,
      onData: () => sawFirstByte(),
    });
    const answered = sending.response.then((response) => ({ response }));
    const outcome = await Promise.race([begun.then((reply) => ({ reply })), answered]);
    if ("response" in outcome) {
      const { status } = outcome.response;
      this.#ended(prompt, status === 200 ? "ok" : "error");
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
        else client.abort();
        await sending.response;
        if (how === "aborted") await this.#seenEnding(step.requestId);
        this.#ended(prompt, how);
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
    this.#taughtMs.clear();
    if (proven) this.#run.steps.push({ kind: "quiet", atMs: this.#run.nowMs() });
    return proven;
  }

  async raw(options: RawRequest): Promise<RawResponse> {
    await this.#settled("raw");
    const id = options.knownAs ?? idIn(options);
    const { running, pods } = this.#run;
    if (typeof id === "string" && pods.stage.seen(id).length === 0) {
      pods.stage.sightings.expect(id, options.body === undefined ? undefined : promptOf(options.body));
    }
    const headers = { ...running.adapter.requests?.headers, ...options.headers };
    return this.#exchange({ ...options, headers });
  }

  /** The first request of the case waits, and the first after a pod came: what is taught before the rule holds may be lost. */
  async #settled(label: string): Promise<void> {
    const leftMs = this.#run.running.settlesInMs();
    if (leftMs === 0 || this.#run.anyPod || UNSETTLED.has(label)) return;
    noteIn(this.#run, "settled", { afterMs: Math.round(leftMs) });
    await sleep(leftMs);
  }

  /** A moment for what the router has to notice, before the same family comes again. */
  async #untilNoticed(prompt: Prompt): Promise<void> {
    const taughtMs = this.#taughtMs.get(familyOf(prompt));
    if (taughtMs !== undefined && mayBeUnnoticed(taughtMs, this.#run.nowMs())) await this.quiet();
  }

  /**
   * It has ended: who learns, or unlearns, at the end of a response may not have done so when its client has the last byte.
   * Who does not say when may be one of these.
   */
  #ended(prompt: Prompt, outcome: "ok" | "error" | "aborted"): void {
    const { at, when } = this.#run.profile.insert ?? {};
    const teaches = at === "response" || at === undefined || (when !== "always" && outcome !== "ok");
    if (teaches) this.#taughtMs.set(familyOf(prompt), this.#run.nowMs());
  }

  #start(
    prompt: Prompt,
    options: SendOptions,
    stream: boolean,
    more: Pick<RawRequest, "signal" | "onData"> & { readonly hold?: (reply: HeldReply) => void } = {},
  ): Sending {
    const { adapter } = this.#run.running;
    const { stage, models } = this.#run.pods;
    const { hold, ...raw } = more;
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
      model: options.model ?? models[0] ?? "",
      maxTokens: options.maxTokens ?? 1,
      cacheSalt: options.cacheSalt,
      extra: options.body,
      write: options.write,
    });
    const startMs = this.#run.nowMs();
    const headers = { ...adapter.requests?.headers, "x-request-id": requestId };
    const timeoutMs = hold === undefined ? REQUEST_MS : 10 * REQUEST_MS;
    const response = this.#exchange({ method: "POST", path, headers, body, timeoutMs, ...raw });
    return { requestId, startMs, response };
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
    { requestId, startMs }: Sending,
    prompt: Prompt,
    { label, model, cacheSalt }: SendOptions,
    status: number,
    held: boolean,
  ): SentStep {
    const attempts = this.#run.pods.stage.seen(requestId).map(({ pod }) => pod);
    const step: SentStep = {
      kind: "sent",
      label,
      requestId,
      model: model ?? this.#run.pods.models[0] ?? "",
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

  async #seenEnding(requestId: string): Promise<void> {
    await this.#run.pods.stage
      .waitUntil(requestId, (seen) => seen.every(({ ended }) => ended !== undefined), ABORT_SEEN_MS)
      .catch(() => undefined);
  }
}

function refusal(status: number): PodScript["reply"] {
  return { kind: "respond", status, body: [JSON.stringify({ error: { ...ERROR_BODY, code: status } })] };
}

/** Prompts of one namespace begin with the same words, and those of others do not. */
const FAMILY_CHARS = 2 * CHARS_PER_WORD;
const familyOf = ({ text }: Prompt): string => text.slice(0, FAMILY_CHARS);

function idIn({ headers = {} }: RawRequest): string | readonly string[] | undefined {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === "x-request-id")?.[1];
}
