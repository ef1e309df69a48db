/** The lab over HTTP for one case: sends to the router, learns from the pods who served, records every step. */
import { setTimeout as sleep } from "node:timers/promises";
import { Random, type RandomStream } from "../../fixtures/random.ts";
import type { Pod } from "../../mock-pods/pod/pod.ts";
import { createCorpus, type Corpus, type Prompt } from "../corpus.ts";
import type { Held, HttpLab, Lab, RawRequest, RawResponse, SendOptions } from "../lab.ts";
import type { CarriedLoad, Observation, SentStep, Step } from "../observation.ts";
import { LATE_RELEASE_MAX_MS, WINDOW_EDGE_MS } from "../oracle/load.ts";
import { loadWindowMs, type RouterProfile } from "../router-profile.ts";
import { WireLog } from "../wire-log.ts";
import { exchange } from "./exchange.ts";
import type { HeldReply } from "./held-reply.ts";
import type { HttpSession } from "./http-session.ts";
import { untilQuiet } from "./quiet.ts";
import { openRawConnection } from "./raw-connection.ts";
import { openRouterView } from "./router-view.ts";
import { openStranger } from "./stranger.ts";
import { mayBeUnnoticed } from "./unnoticed.ts";
import { bodyFor, promptOf, sentPrompt } from "./prompt-body.ts";

const REQUEST_MS = 15_000;
/** What a router is granted to pass a broken connection on. */
const ABORT_SEEN_MS = 2_000;
const DEFAULT_CONVERGENCE_MS = 1_000;
const WARM_UP_MS = 15_000;
const WARM_UP_EVERY_MS = 100;
/** Sent to see the router find its pods, whatever it chooses. */
const UNSETTLED: ReadonlySet<string> = new Set(["warm-up", "converge"]);
const ERROR_BODY = { object: "error", message: "scripted by routeproof", type: "InternalServerError", param: null };

interface Sending {
  readonly requestId: string;
  readonly startMs: number;
  readonly response: Promise<RawResponse>;
}

/** `anyPod`: which pod serves is nothing to the case, and a declared settling time is not waited for. */
type LabOf = Readonly<{ id: string; seed: number; anyPod: boolean }>;

export class HttpCaseLab implements Lab {
  readonly profile: RouterProfile;
  readonly random: RandomStream;
  readonly corpus: Corpus;
  readonly models: readonly string[];
  readonly adapter: string;
  readonly http: HttpLab;
  readonly #session: HttpSession;
  readonly #of: LabOf;
  #carried: readonly CarriedLoad[] = [];
  readonly #steps: Step[] = [];
  #wire = new WireLog();
  readonly #held = new Set<Held>();
  /** Every pod this case has known, for those that return. */
  readonly #known = new Map<string, Pod>();

  constructor(session: HttpSession, profile: RouterProfile, of: LabOf) {
    const streams = new Random(of.seed);
    this.#session = session;
    this.#of = of;
    this.profile = profile;
    this.models = session.models;
    this.adapter = session.loraAdapter;
    this.random = streams.stream(`case/${of.id}`);
    this.corpus = createCorpus(streams.stream(`corpus/${of.id}`));
    this.http = {
      get routerUrl() {
        return session.router.url;
      },
      headers: session.adapter.requests?.headers ?? {},
      request: (options) => this.#raw(options),
      connect: () => openRawConnection(session.router.url),
      router: openRouterView(session.adapter, session),
      wait: (ms) => sleep(ms),
      spoil: () => session.spoil(),
      wire: () => this.#wire.entries(),
      pods: session.stage,
      openStranger: () => openStranger(session.adapter.podsHost),
    };
  }

  /**
   * A router that calls itself ready may still be finding its pods: waits until it serves, and until it has been seen to
   * use each pod or the time it claims for that is over. One that never serves is for the cases to judge.
   */
  async warmUp(): Promise<void> {
    const deadline = this.nowMs() + WARM_UP_MS;
    while (this.nowMs() < deadline) {
      const { status, pod } = await this.send(this.corpus.namespace().prompt([]), { label: "warm-up" });
      if (pod !== null && status === 200) break;
      await sleep(WARM_UP_EVERY_MS);
    }
    await this.#converge(this.#session.present);
  }

  /** Before the case: the router gets other pods. */
  async adopt(pods: readonly Pod[]): Promise<void> {
    const added = pods.filter((pod) => !this.#session.present.includes(pod));
    // What it still sends to a pod of the case before would be taken for a mistake in this one.
    const fewer = this.#session.knowsMoreThan(pods);
    await this.#session.setPods(pods);
    await this.#converge(added, fewer);
  }

  /** The case's own observation begins here; `carried` may still weigh on the pods. */
  begin(carried: readonly CarriedLoad[]): void {
    this.#carried = carried;
    this.#steps.length = 0;
    this.#wire = new WireLog();
    for (const pod of this.#session.present) this.#known.set(pod.name, pod);
    this.#recordPods("start", null);
  }

  observation(): Observation {
    const carried = this.#carried.length === 0 ? {} : { carried: this.#carried };
    return { caseId: this.#of.id, seed: this.#of.seed, transport: "http", steps: this.#steps, ...carried };
  }

  pods(): readonly string[] {
    return this.#session.present.map(({ name }) => name);
  }

  nowMs(): number {
    return this.#session.clock.nowMs();
  }

  async send(prompt: Prompt, options: SendOptions): Promise<SentStep> {
    await this.#settled(options.label);
    await this.#untilNoticed(prompt);
    const sending = this.#start(prompt, options, false);
    const response = await sending.response;
    this.#session.took(this.nowMs() - sending.startMs);
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
      const step = this.#recordSent(sending, prompt, options, outcome.response.status, false);
      return { step, release: async () => undefined };
    }
    if (options.silent !== true) await this.#session.firstBytes.wait(Promise.race([firstByte, answered]));
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
        this.#steps.push({ kind: "released", requestId: step.requestId, outcome: how, atMs: this.nowMs() });
      },
    };
    this.#held.add(held);
    return held;
  }

  async addPod(): Promise<string> {
    const pod = await this.#session.newPod();
    await this.#change("add", pod.name, [...this.#session.present, pod], [pod]);
    return pod.name;
  }

  async removePod(name: string): Promise<void> {
    await this.#change("remove", name, this.#without(name), []);
  }

  async returnPod(name: string): Promise<void> {
    const pod = this.#known.get(name);
    if (pod === undefined) throw new Error(`${name} was never there`);
    await this.#change("add", name, [...this.#session.present, pod], [pod]);
  }

  async replacePod(name: string): Promise<string> {
    const pod = await this.#session.newPod();
    const pods = this.#session.present.map((other) => (other.name === name ? pod : other));
    await this.#session.setPods(pods);
    this.#known.set(pod.name, pod);
    this.#steps.push({
      kind: "pods",
      change: "remove",
      pod: name,
      pods: this.pods().filter((other) => other !== pod.name),
      atMs: this.nowMs(),
    });
    this.#recordPods("add", pod.name);
    await this.#converge([pod], true);
    return pod.name;
  }

  async reorderPods(): Promise<void> {
    await this.#session.setPods(this.#session.present.toReversed());
    this.#recordPods("start", null);
    await this.#converge([], true);
  }

  async advance(byMs: number): Promise<void> {
    const { advance } = this.#session.router;
    await (advance === undefined ? sleep(byMs) : advance(byMs));
    this.#steps.push({ kind: "advanced", byMs, atMs: this.nowMs() });
  }

  async quiet(): Promise<void> {
    await this.#provenQuiet();
  }

  async #provenQuiet(): Promise<boolean> {
    const proven = await untilQuiet(this.http.router, this.#held.size, () => this.nowMs());
    if (proven) this.#steps.push({ kind: "quiet", atMs: this.nowMs() });
    return proven;
  }

  /** A moment for what the router has to notice, before the same family comes again. */
  async #untilNoticed({ cells: [nonce] }: Prompt): Promise<void> {
    if (mayBeUnnoticed(this.#steps, nonce, this.profile, this.nowMs())) await this.quiet();
  }

  async settle(): Promise<void> {
    const { load } = this.profile;
    const held = this.#held.size > 0;
    await this.releaseAll();
    // Else the oracle must grant that the router still counts them, and the next probe could show nothing.
    if (held && load !== undefined && load.signal !== "none") await this.quiet();
    // Without a clock to move the window stays as it is: the oracle counts what it holds.
    if (this.#session.router.advance !== undefined) await this.#passWindow();
  }

  async drain(): Promise<void> {
    await this.settle();
    if (!(await this.#provenQuiet())) await sleep(LATE_RELEASE_MAX_MS);
    if (this.#session.router.advance === undefined) await this.#passWindow();
  }

  async #passWindow(): Promise<void> {
    const windowMs = loadWindowMs(this.profile);
    if (windowMs !== undefined) await this.advance(windowMs + 2 * WINDOW_EDGE_MS);
  }

  note(label: string, data: unknown): void {
    this.#steps.push({ kind: "note", label, data, atMs: this.nowMs() });
  }

  async releaseAll(): Promise<void> {
    await Promise.all([...this.#held].map((held) => held.release()));
  }

  /** The first request of the case waits, and the first after a pod came: what is taught before the rule holds may be lost. */
  async #settled(label: string): Promise<void> {
    const leftMs = this.#session.settlesInMs();
    if (leftMs === 0 || this.#of.anyPod || UNSETTLED.has(label)) return;
    this.note("settled", { afterMs: Math.round(leftMs) });
    await sleep(leftMs);
  }

  #start(
    prompt: Prompt,
    options: SendOptions,
    stream: boolean,
    more: Pick<RawRequest, "signal" | "onData"> & { readonly hold?: (reply: HeldReply) => void } = {},
  ): Sending {
    const { adapter, stage } = this.#session;
    const { hold, ...raw } = more;
    const requestId = this.#session.newRequestId(this.#of.id);
    const path =
      prompt.messages === undefined ? (adapter.requests?.paths?.[0] ?? "/v1/completions") : "/v1/chat/completions";
    stage.expect(requestId, sentPrompt(prompt), hold, options.silent);
    if (options.upstream !== undefined && options.upstream !== "ok") {
      const { status } = options.upstream;
      stage.script({
        requestId,
        reply: { kind: "respond", status, body: [JSON.stringify({ error: { ...ERROR_BODY, code: status } })] },
      });
    }
    const body = bodyFor(prompt, {
      path,
      stream,
      model: options.model ?? this.models[0] ?? "",
      maxTokens: options.maxTokens ?? 1,
      cacheSalt: options.cacheSalt,
      extra: options.body,
      write: options.write,
    });
    const startMs = this.nowMs();
    const headers = { ...adapter.requests?.headers, "x-request-id": requestId };
    const timeoutMs = hold === undefined ? REQUEST_MS : 10 * REQUEST_MS;
    const response = this.#exchange({ method: "POST", path, headers, body, timeoutMs, ...raw });
    return { requestId, startMs, response };
  }

  async #raw(options: RawRequest): Promise<RawResponse> {
    await this.#settled("raw");
    const id = options.knownAs ?? idIn(options);
    const { stage, adapter } = this.#session;
    if (typeof id === "string" && stage.seen(id).length === 0) {
      stage.expect(id, options.body === undefined ? undefined : promptOf(options.body));
    }
    const headers = { ...adapter.requests?.headers, ...options.headers };
    return this.#exchange({ ...options, headers });
  }

  async #exchange(options: RawRequest): Promise<RawResponse> {
    const { router, agent, stage } = this.#session;
    const atMs = this.nowMs();
    const target = options.pod === undefined ? router.url : this.#session.pod(options.pod).url;
    const response = await exchange(target, options, agent);
    const id = options.knownAs ?? idIn(options);
    const pods = typeof id === "string" ? stage.seen(id).map(({ pod }) => pod) : [];
    this.#wire.add(options, response, { atMs, endMs: this.nowMs(), pods });
    return response;
  }

  #recordSent(
    { requestId, startMs }: Sending,
    prompt: Prompt,
    { label, model, cacheSalt }: SendOptions,
    status: number,
    held: boolean,
  ): SentStep {
    const attempts = this.#session.stage.seen(requestId).map(({ pod }) => pod);
    const step: SentStep = {
      kind: "sent",
      label,
      requestId,
      model: model ?? this.models[0] ?? "",
      prompt,
      ...(cacheSalt === undefined ? {} : { cacheSalt }),
      attempts,
      pod: attempts.at(-1) ?? null,
      status,
      held,
      startMs,
      endMs: this.nowMs(),
    };
    this.#steps.push(step);
    return step;
  }

  async #seenEnding(requestId: string): Promise<void> {
    await this.#session.stage
      .waitUntil(requestId, (seen) => seen.every(({ ended }) => ended !== undefined), ABORT_SEEN_MS)
      .catch(() => undefined);
  }

  #without(name: string): readonly Pod[] {
    return this.#session.present.filter((pod) => pod.name !== name);
  }

  async #change(change: "add" | "remove", name: string, pods: readonly Pod[], added: readonly Pod[]): Promise<void> {
    await this.#session.setPods(pods);
    for (const pod of added) this.#known.set(pod.name, pod);
    this.#recordPods(change, name);
    await this.#converge(added, change === "remove");
  }

  /**
   * Waits until the router has taken note, no longer than it claims to need. A new pod has been noticed once a request
   * reaches it: fresh prompts are held open one after the other, so that a router that goes by load gets to it. That a
   * pod is gone cannot be seen before the claimed time is over.
   */
  async #converge(added: readonly Pod[], waits = false): Promise<void> {
    const convergenceMs = this.profile.discovery?.convergenceMs ?? DEFAULT_CONVERGENCE_MS;
    if (convergenceMs === 0) return;
    const deadline = this.nowMs() + convergenceMs;
    if (waits) await sleep(convergenceMs);
    const waiting = new Map(added.map((pod) => [pod.name, this.#session.modelsOf(pod)]));
    const probes: Held[] = [];
    for (let pauseMs = 5; waiting.size > 0 && this.nowMs() < deadline; pauseMs = Math.min(2 * pauseMs, 200)) {
      const [[model = ""] = []] = waiting.values();
      const probe = await this.hold(this.corpus.namespace().prompt([]), { label: "converge", model });
      probes.push(probe);
      if (probe.step.pod !== null && waiting.delete(probe.step.pod)) continue;
      await sleep(Math.min(pauseMs, Math.max(0, deadline - this.nowMs())));
    }
    await Promise.all(probes.map((probe) => probe.release()));
  }

  #recordPods(change: "start" | "add" | "remove", pod: string | null): void {
    const serving = this.#session.serving();
    this.#steps.push({ kind: "pods", change, pod, pods: this.pods(), ...serving, atMs: this.nowMs() });
  }
}

function idIn({ headers = {} }: RawRequest): string | readonly string[] | undefined {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === "x-request-id")?.[1];
}
