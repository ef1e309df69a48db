/** The pods' side of a case: what reached them, scripted replies instead of the engine's, requests held open. */
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { CompletionPath, PodsHost } from "../adapters/router-under-test.ts";
import type { Fleet, JournalEntry, Pod } from "../../mock-pods/pod/pod.ts";
import type { CacheLoss, EventTrouble, PodPage, PodScript, PodSighting, ScriptedPods } from "../lab.ts";
import type { CarriedLoad } from "../observation.ts";
import { withHeldRequests } from "./held-metrics.ts";
import { openHold, type HeldReply } from "./held-reply.ts";
import { PodCaches } from "./pod-caches.ts";
import { PodPages } from "./pod-pages.ts";
import { playScript } from "./play-script.ts";
import { promptOf, samePrompt, type SentPrompt, wantsStream } from "./prompt-body.ts";

/** In which a router notices that connections were cut. */
const CUT_NOTICED_MS = 300;

const COMPLETION_PATHS: ReadonlySet<string> = new Set<CompletionPath>(["/v1/completions", "/v1/chat/completions"]);

type MutableSighting = { -readonly [Key in keyof PodSighting]: PodSighting[Key] };

/** A request under way, known by its id or, where a router drops ids, by its prompt. */
interface Expected {
  readonly prompt: SentPrompt | undefined;
  readonly sightings: MutableSighting[];
  /** What its pod does with it: a reply kept open, or nothing special. */
  readonly hold: ((reply: HeldReply) => void) | undefined;
  readonly silent: boolean;
}

/** A request for a completion that a router may count as load. */
export interface Arrival extends CarriedLoad {
  readonly requestId: string;
}

export class PodStage implements ScriptedPods {
  readonly #fleet: Fleet;
  readonly #nowMs: () => number;
  readonly #seenAs: string | undefined;
  readonly #expected = new Map<string, Expected>();
  readonly #gates = new Map<string, { readonly opened: Promise<void>; readonly open: () => void }>();
  readonly #down = new Set<string>();
  /** Requests held open, by pod. */
  readonly #held = new Map<string, number>();
  #scripts: { readonly script: PodScript; left: number }[] = [];
  #watchers = new Set<() => void>();
  #tainted = new Set<string>();
  #completions = 0;
  #arrivals: Arrival[] = [];
  readonly #pages = new PodPages();
  readonly #caches: PodCaches;

  constructor(fleet: Fleet, nowMs: () => number, podsHost?: PodsHost) {
    this.#fleet = fleet;
    this.#caches = new PodCaches(fleet);
    this.#nowMs = nowMs;
    this.#seenAs = podsHost?.seenAs;
  }

  watch(pod: Pod): void {
    pod.intercept((entry, _request, response) => this.#onRequest(pod, entry, response));
  }

  /** Announces a request before it is sent. With `hold`, its pod answers only the beginning, or with `silent` nothing, and hands over the rest. */
  expect(requestId: string, prompt: SentPrompt | undefined, hold?: (reply: HeldReply) => void, silent = false): void {
    this.#expected.set(requestId, { prompt, sightings: [], hold, silent });
  }

  address(name: string): string {
    const { host, port } = new URL(this.#fleet.pod(name).url);
    return this.#seenAs === undefined ? host : `${this.#seenAs}:${port}`;
  }

  completions(): number {
    return this.#completions;
  }

  /** Every request for a completion since this was asked last, whoever sent it. */
  takeArrivals(): readonly Arrival[] {
    return this.#arrivals.splice(0);
  }

  script(script: PodScript): void {
    if (!this.#expected.has(script.requestId)) this.expect(script.requestId, undefined);
    this.#scripts.unshift({ script, left: script.times ?? Infinity });
  }

  release(name: string): void {
    this.#gate(name).open();
  }

  seen(requestId: string): readonly PodSighting[] {
    return this.#expected.get(requestId)?.sightings ?? [];
  }

  async waitUntil(
    requestId: string,
    predicate: (seen: readonly PodSighting[]) => boolean,
    timeoutMs: number,
  ): Promise<void> {
    await this.#until(
      () => predicate(this.seen(requestId)),
      timeoutMs,
      () => `pods saw ${describe(this.seen(requestId))} of ${requestId} within ${timeoutMs} ms`,
    );
  }

  /** Resolves when no request is open at any pod, or after `timeoutMs`. */
  async idle(timeoutMs: number): Promise<void> {
    const busy = (): boolean => [...this.#expected.values()].some(({ sightings }) => sightings.some(isOpen));
    await this.#until(
      () => !busy(),
      timeoutMs,
      () => "pods still busy",
    ).catch(() => undefined);
  }

  forget(requestId: string): void {
    this.#expected.delete(requestId);
    this.#scripts = this.#scripts.filter(({ script }) => script.requestId !== requestId);
  }

  setPage(path: string, page: PodPage | undefined, pod?: string): void {
    this.#pages.set(path, page, pod);
    if (page !== undefined && page.kind !== "gauges") {
      for (const { name } of this.#fleet.pods) if ((pod ?? name) === name) this.#tainted.add(name);
    }
  }

  asked(path: string, pod?: string): number {
    return this.#pages.asked(path, pod);
  }

  async answeredAgain(path: string, times: number, timeoutMs: number, pod: string): Promise<boolean> {
    const wanted = this.#pages.answered(path, pod) + times;
    const more = (): boolean => this.#pages.answered(path, pod) >= wanted;
    return this.#until(more, timeoutMs, () => path).then(
      () => true,
      () => false,
    );
  }

  cachedTokens(pod: string, prompt: string): number {
    return this.#caches.cachedTokens(pod, prompt);
  }

  loseCache(pod: string, how: CacheLoss): Promise<void> {
    return this.#caches.lose(pod, how);
  }

  troubleEvents(pod: string, how: EventTrouble | undefined): void {
    this.#caches.trouble(pod, how);
  }

  async setUp(name: string, up: boolean): Promise<void> {
    this.#tainted.add(name);
    if (up) {
      await this.#fleet.pod(name).start();
      this.#down.delete(name);
    } else {
      this.#down.add(name);
      await this.#fleet.pod(name).crash();
      // A router that uses an idle connection at the moment it is cut loses a race that tells nothing of it.
      await sleep(CUT_NOTICED_MS);
    }
  }

  /** Pods that were made to fail: a router may rightly avoid them for a while. */
  get tainted(): ReadonlySet<string> {
    return this.#tainted;
  }

  /** Forgets a case: scripts, gates, sightings; pods that are down come back. */
  async reset(): Promise<void> {
    for (const gate of this.#gates.values()) gate.open();
    for (const name of this.#down) await this.#fleet.pod(name).start();
    this.#down.clear();
    this.#gates.clear();
    this.#expected.clear();
    this.#scripts = [];
    this.#completions = 0;
    this.#pages.reset();
    this.#caches.reset();
    this.#tainted = new Set();
  }

  #onRequest(pod: Pod, entry: JournalEntry, response: ServerResponse): boolean | Promise<boolean> {
    const held = this.#held.get(pod.name) ?? 0;
    const [resource = ""] = entry.path.split("?");
    const page = this.#pages.pageOf(entry.path, pod.name);
    const plain = (): Promise<string> => metricsPage(pod, held);
    if (entry.method !== "POST" || !COMPLETION_PATHS.has(resource)) {
      this.#pages.noteAsked(entry.path, pod.name);
      response.once("finish", () => {
        this.#pages.noteAnswered(entry.path, pod.name);
        this.#notify();
      });
      if (page !== undefined) return this.#pages.answer(page, response, plain);
      return held > 0 && entry.path === "/metrics" ? answerMetrics(plain, response) : false;
    }
    this.#completions++;
    const [requestId, expected] = this.#recognise(entry);
    this.#arrivals.push({ requestId, pod: pod.name, atMs: this.#nowMs(), promptChars: entry.body.length });
    if (expected === undefined) return page === undefined ? false : this.#pages.answer(page, response, plain);
    const sighting: MutableSighting = {
      pod: pod.name,
      requestId,
      method: entry.method,
      path: entry.path,
      headers: entry.headers,
      body: entry.body,
      atMs: this.#nowMs(),
      sentBytes: 0,
    };
    expected.sightings.push(sighting);
    response.once("close", () => {
      sighting.ended = { how: response.writableFinished ? "finished" : "disconnected", atMs: this.#nowMs() };
      this.#notify();
    });
    this.#notify();
    if (page !== undefined) return this.#pages.answer(page, response, plain);
    const script = this.#takeScript(requestId, pod.name);
    if (script !== undefined) {
      if (fails(script)) this.#tainted.add(pod.name);
      void playScript(
        script.reply,
        response,
        (name) => this.#gate(name).opened,
        (bytes) => {
          sighting.sentBytes += bytes;
          this.#notify();
        },
      );
      return true;
    }
    if (expected.hold === undefined) return false;
    this.#held.set(pod.name, held + 1);
    response.once("close", () => this.#held.set(pod.name, (this.#held.get(pod.name) ?? 1) - 1));
    const streams = wantsStream(entry.body);
    expected.hold(openHold(response, { pod: pod.name, requestId, path: resource, streams }, expected.silent));
    return true;
  }

  /** By id; else by the prompt, preferring a request that no pod has seen yet. */
  #recognise(entry: JournalEntry): readonly [string, Expected | undefined] {
    const byId = this.#expected.get(entry.requestId);
    if (byId !== undefined || entry.method !== "POST") return [entry.requestId, byId];
    const prompt = promptOf(entry.body);
    const same = [...this.#expected].filter(([, expected]) => samePrompt(expected.prompt, prompt));
    const match = same.find(([, { sightings }]) => sightings.length === 0) ?? same.at(-1);
    return match ?? [entry.requestId, undefined];
  }

  #takeScript(requestId: string, pod: string): PodScript | undefined {
    const found = this.#scripts.find(
      ({ script, left }) =>
        left > 0 && script.requestId === requestId && (script.pod === undefined || script.pod === pod),
    );
    if (found !== undefined) found.left -= 1;
    return found?.script;
  }

  #gate(name: string): { readonly opened: Promise<void>; readonly open: () => void } {
    const known = this.#gates.get(name);
    if (known !== undefined) return known;
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    const gate = { opened, open };
    this.#gates.set(name, gate);
    return gate;
  }

  async #until(holds: () => boolean, timeoutMs: number, complaint: () => string): Promise<void> {
    if (holds()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const watcher = (): void => {
      if (holds()) resolve();
    };
    const timer = setTimeout(() => reject(new Error(complaint())), timeoutMs);
    this.#watchers.add(watcher);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(watcher);
    }
  }

  #notify(): void {
    for (const watcher of this.#watchers) watcher();
  }
}

async function answerMetrics(plain: () => Promise<string>, response: ServerResponse): Promise<true> {
  const page = await plain();
  response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }).end(page);
  return true;
}

/** What the pod's engine says, and the requests that the kit holds open. */
async function metricsPage(pod: Pod, held: number): Promise<string> {
  const answer = await pod.fetch(new Request(`${pod.url}/metrics`));
  return withHeldRequests(await answer.text(), held);
}

function isOpen(sighting: PodSighting): boolean {
  return sighting.ended === undefined;
}

function fails({ reply }: PodScript): boolean {
  // Some breakers count a client's mistakes too: that is for a case to judge, not for those after it to suffer.
  return reply.kind !== "respond" || reply.end === "reset" || reply.status >= 400;
}

function describe(seen: readonly PodSighting[]): string {
  if (seen.length === 0) return "nothing";
  return seen.map(({ pod, ended }) => `${pod} (${ended?.how ?? "open"})`).join(", ");
}
