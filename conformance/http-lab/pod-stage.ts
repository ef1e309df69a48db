/** The pods' side of a case: what reached them, scripted replies instead of the engine's, requests held open. */
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { CompletionPath, PodsHost } from "../adapters/router-under-test.ts";
import type { Fleet, JournalEntry, Pod } from "../../mock-pods/pod/pod.ts";
import type { CacheLoss, EventTrouble, PodPage, PodScript, PodSighting, ScriptedPods } from "./scripted-pods.ts";
import type { CarriedLoad, Happening } from "../observation.ts";
import { withHeldRequests } from "./held-metrics.ts";
import { openHold } from "./held-reply.ts";
import { PodCaches } from "./pod-caches.ts";
import { PodPages } from "./pod-pages.ts";
import { fails, PodScripts } from "./pod-scripts.ts";
import { playScript } from "./play-script.ts";
import { wantsStream } from "./prompt-body.ts";
import { type OpenSighting, Sightings } from "./sightings.ts";

/** In which a router notices that connections were cut. */
const CUT_NOTICED_MS = 300;

const COMPLETION_PATHS: ReadonlySet<string> = new Set<CompletionPath>(["/v1/completions", "/v1/chat/completions"]);

/** A request for a completion that a router may count as load. */
export interface Arrival extends CarriedLoad {
  readonly requestId: string;
}

export class PodStage implements ScriptedPods {
  readonly sightings = new Sightings();
  /** In this case. */
  readonly happened = new Set<Happening>();
  readonly #fleet: Fleet;
  readonly #nowMs: () => number;
  readonly #seenAs: string | undefined;
  readonly #scripts = new PodScripts();
  readonly #pages = new PodPages();
  readonly #caches: PodCaches;
  readonly #down = new Set<string>();
  /** Requests held open, by pod. */
  readonly #held = new Map<string, number>();
  #tainted = new Set<string>();
  #completions = 0;
  #arrivals: Arrival[] = [];

  constructor(fleet: Fleet, nowMs: () => number, podsHost?: PodsHost) {
    this.#fleet = fleet;
    this.#caches = new PodCaches(fleet);
    this.#nowMs = nowMs;
    this.#seenAs = podsHost?.seenAs;
  }

  watch(pod: Pod): void {
    pod.intercept((entry, _request, response) => this.#onRequest(pod, entry, response));
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
    if (!this.sightings.isExpected(script.requestId)) this.sightings.expect(script.requestId, undefined);
    this.#scripts.add(script);
  }

  release(name: string): void {
    this.#scripts.gate(name).open();
  }

  seen(requestId: string): readonly PodSighting[] {
    return this.sightings.seen(requestId);
  }

  waitUntil(requestId: string, predicate: (seen: readonly PodSighting[]) => boolean, timeoutMs: number): Promise<void> {
    return this.sightings.waitUntil(requestId, predicate, timeoutMs);
  }

  forget(requestId: string): void {
    this.sightings.forget(requestId);
    this.#scripts.forget(requestId);
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
    return this.sightings
      .until(more, timeoutMs, () => path)
      .then(
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
    if (how !== undefined) this.happened.add("event-trouble");
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
      this.happened.add("stopped-pod");
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
    this.#scripts.reset();
    for (const name of this.#down) await this.#fleet.pod(name).start();
    this.#down.clear();
    this.sightings.reset();
    this.happened.clear();
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
    if (page !== undefined) this.happened.add("changed-page");
    if (entry.method !== "POST" || !COMPLETION_PATHS.has(resource)) {
      this.#pages.noteAsked(entry.path, pod.name);
      response.once("finish", () => {
        this.#pages.noteAnswered(entry.path, pod.name);
        this.sightings.notify();
      });
      if (page !== undefined) return this.#pages.answer(page, response, plain);
      return held > 0 && entry.path === "/metrics" ? answerMetrics(plain, response) : false;
    }
    this.#completions++;
    const [requestId, expected] = this.sightings.recognise(entry);
    this.#arrivals.push({ requestId, pod: pod.name, atMs: this.#nowMs(), promptChars: entry.body.length });
    if (expected === undefined) return page === undefined ? false : this.#pages.answer(page, response, plain);
    const sighting: OpenSighting = {
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
      this.sightings.notify();
    });
    this.sightings.notify();
    if (page !== undefined) return this.#pages.answer(page, response, plain);
    const script = this.#scripts.take(requestId, pod.name);
    if (script !== undefined) {
      this.happened.add("scripted-answer");
      if (fails(script)) {
        this.happened.add("failed-answer");
        this.#tainted.add(pod.name);
      }
      void playScript(
        script.reply,
        response,
        (name) => this.#scripts.gate(name).opened,
        (bytes) => {
          sighting.sentBytes += bytes;
          this.sightings.notify();
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
