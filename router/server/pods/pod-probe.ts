/**
 * Asks each pod on its own timer whether it is well and what it serves. Pods never wait for each other: one that takes
 * a minute to answer delays nobody (production-stack #668, aibrix #2063).
 */
import type { ModelCard, PodLink } from "./pod-link.ts";
import { podFigures } from "./pod-metrics.ts";

/** Between a hint and the probe it asks for. */
const HURRIED_MS = 100;

export interface ProbeOptions {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Failed probes in a row that take a healthy pod out. */
  readonly failures: number;
  /** Reads the pod's metrics page every time, and not only when it may be another process than before. */
  readonly readMetrics: boolean;
  readonly onChange: (pod: PodLink) => void;
  /** The process is another one than at the last look, however quickly it came. */
  readonly onRestart: (pod: PodLink) => void;
}

export class PodProbe {
  readonly #options: ProbeOptions;
  readonly #pod: PodLink;
  readonly #stopped = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #failuresInARow = 0;
  #hurried = false;
  /** Since its page was last read, something happened after which the pod may be another process. */
  #maybeRestarted = true;

  constructor(pod: PodLink, options: ProbeOptions) {
    this.#pod = pod;
    this.#options = options;
  }

  /** A connection to the pod broke: finds out at once how it is, and whether it is still the same. */
  trouble(): void {
    this.#maybeRestarted = true;
    void this.now();
  }

  /** Probes at once, or joins the probe under way; resolves when it is over, whatever it found. */
  async now(): Promise<void> {
    clearTimeout(this.#timer);
    this.#running ??= this.#probe().finally(() => {
      this.#running = undefined;
      if (this.#stopped.signal.aborted) return;
      this.#timer = setTimeout(() => void this.now(), this.#nextDelayMs());
      this.#timer.unref();
    });
    await this.#running;
  }

  stop(): void {
    this.#stopped.abort();
    clearTimeout(this.#timer);
  }

  /** Something hints that the pod is gone: looks within a moment, however many hints there are. */
  soon(): void {
    this.#maybeRestarted = true;
    if (this.#hurried || this.#running !== undefined || this.#stopped.signal.aborted) return;
    this.#hurried = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.now(), Math.min(this.#options.intervalMs, HURRIED_MS));
    this.#timer.unref();
  }

  /** A pod that is not well is asked again soon; the interval is for those that are. */
  #nextDelayMs(): number {
    const { intervalMs } = this.#options;
    return this.#pod.trouble === undefined ? intervalMs : Math.min(intervalMs, 500);
  }

  async #probe(): Promise<void> {
    const pod = this.#pod;
    const before = `${pod.health} ${String(pod.modelNames)}`;
    this.#hurried = false;
    const startedMs = performance.now();
    const trouble = await this.#trouble();
    if (this.#stopped.signal.aborted) return;
    // Too busy to answer a probe, yet answering requests meanwhile: that is load, and no reason to give its load to others.
    if (trouble?.name === "TimeoutError" && pod.lastHeardMs >= startedMs) return;
    pod.trouble = trouble?.message;
    if (trouble === undefined) {
      this.#failuresInARow = 0;
      if (pod.spec.models === undefined) pod.models = (await this.#models()) ?? pod.models;
      pod.health = "healthy";
    } else if (++this.#failuresInARow >= this.#options.failures || pod.health !== "healthy" || isRefused(trouble)) {
      pod.health = "unhealthy";
    }
    if (before !== `${pod.health} ${String(pod.modelNames)}`) this.#options.onChange(pod);
    // Last, so that a slow page delays nothing else.
    if (trouble === undefined && (this.#options.readMetrics || this.#maybeRestarted)) await this.#readMetrics();
  }

  async #trouble(): Promise<Error | undefined> {
    try {
      const { statusCode, body } = await this.#get("/health");
      await body.dump();
      return statusCode === 200 ? undefined : new Error(`/health answered ${statusCode}`);
    } catch (error) {
      return error as Error;
    }
  }

  /** The pod's model cards; undefined when it does not say, which means it may serve anything. */
  async #models(): Promise<readonly ModelCard[] | undefined> {
    try {
      const { statusCode, body } = await this.#get("/v1/models");
      if (statusCode !== 200) {
        await body.dump();
        return undefined;
      }
      const { data } = (await body.json()) as { data?: unknown };
      if (!Array.isArray(data)) return undefined;
      const cards = data.filter((card): card is ModelCard => typeof (card as ModelCard | null)?.id === "string");
      return cards.length === 0 ? undefined : cards;
    } catch {
      return undefined;
    }
  }

  /** A page that is missing, late or odd leaves what was known, which then grows stale: unknown is not idle. */
  async #readMetrics(): Promise<void> {
    const pod = this.#pod;
    try {
      const { statusCode, body } = await this.#get("/metrics");
      const page = await body.text();
      this.#maybeRestarted = false;
      if (statusCode !== 200) return;
      const { kvUsageRatio, startedSeconds } = podFigures(page);
      if (kvUsageRatio !== undefined) pod.kvUsage = { ratio: kvUsageRatio, atMs: performance.now() };
      if (startedSeconds === undefined) return;
      const before = pod.startedSeconds;
      pod.startedSeconds = startedSeconds;
      if (before !== undefined && before !== startedSeconds) this.#options.onRestart(pod);
    } catch {
      // Stays as it was.
    }
  }

  #get(path: string): ReturnType<PodLink["pool"]["request"]> {
    const { timeoutMs } = this.#options;
    return this.#pod.pool.request({
      method: "GET",
      path: `${this.#pod.basePath}${path}`,
      signal: AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(timeoutMs)]),
    });
  }
}

/** Nobody listens there: the process is gone, and its cache with it. Anything else may be a blip. */
export function isRefused(error: Error): boolean {
  return (error as NodeJS.ErrnoException).code === "ECONNREFUSED";
}
