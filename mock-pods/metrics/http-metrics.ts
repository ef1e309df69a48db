/**
 * What the FastAPI instrumentator of a real pod counts: every request by route template, method and status class.
 * Series appear with their first request.
 */
import { familyHead, formatValue, seriesName } from "../../fixtures/wire/prometheus-text.ts";
import { HTTP_HIGH_RESOLUTION } from "./families.ts";
import { createdName, observe, PageLayout } from "./page-layout.ts";

export interface HttpExchange {
  /** Route template; undefined for a path without a route, and for a method that its route does not take. */
  readonly route: string | undefined;
  /** As sent. */
  readonly path: string;
  readonly method: string;
  readonly status: number;
  /** By `content-length`, 0 without one. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationMs: number;
}

/** Anywhere in a path. */
const UNCOUNTED = /\/(metrics|health|load|ping|version|server_info)/;
const COARSE_BOUNDS = [0.1, 0.5, 1];

const highResolution = new PageLayout(HTTP_HIGH_RESOLUTION, { engine: "0", model_name: "" }, 0);
const highResolutionSlots = highResolution.histogram("http_request_duration_highr_seconds");

interface Tally {
  readonly labels: Readonly<Record<string, string>>;
  readonly createdSeconds: number;
  count: number;
  sum: number;
  /** Cumulative, one per coarse bound. */
  readonly buckets: number[];
}

/** Where one kind of exchange is counted. */
interface ExchangeTallies {
  readonly requests: Tally;
  readonly requestBytes: Tally;
  readonly responseBytes: Tally;
  readonly duration: Tally;
}

export class HttpMetrics {
  readonly #highResolution: Float64Array;
  readonly #requests = new Map<string, Tally>();
  readonly #requestBytes = new Map<string, Tally>();
  readonly #responseBytes = new Map<string, Tally>();
  readonly #durations = new Map<string, Tally>();
  readonly #byKind = new Map<string, ExchangeTallies>();
  readonly #unixSeconds: () => number;

  constructor(createdSeconds: number, unixSeconds: () => number) {
    this.#highResolution = highResolution.values(createdSeconds);
    this.#unixSeconds = unixSeconds;
  }

  served({ route, path, method, status, requestBytes, responseBytes, durationMs }: HttpExchange): void {
    if (UNCOUNTED.test(route ?? (path.split("?", 1)[0] as string))) return;
    const handler = route ?? "none";
    const seconds = durationMs / 1000;
    const tallies = this.#talliesOf(handler, method, `${Math.floor(status / 100)}xx`);
    tallies.requests.count += 1;
    add(tallies.requestBytes, requestBytes);
    add(tallies.responseBytes, responseBytes);
    add(tallies.duration, seconds);
    for (let index = 0; index < COARSE_BOUNDS.length; index++) {
      if (seconds <= (COARSE_BOUNDS[index] as number)) (tallies.duration.buckets[index] as number) += 1;
    }
    observe(this.#highResolution, highResolutionSlots, seconds);
  }

  render(): string {
    return (
      family("http_requests_total", "counter", "Requests by route, method and status class.", this.#requests) +
      family("http_request_size_bytes", "summary", "Content length of requests by route.", this.#requestBytes) +
      family("http_response_size_bytes", "summary", "Content length of responses by route.", this.#responseBytes) +
      highResolution.render(this.#highResolution) +
      family("http_request_duration_seconds", "histogram", "Duration of requests by route.", this.#durations)
    );
  }

  /** All that a kind of exchange counts for, found by one key. */
  #talliesOf(handler: string, method: string, status: string): ExchangeTallies {
    const key = `${handler} ${method} ${status}`;
    let found = this.#byKind.get(key);
    if (found === undefined) {
      found = {
        requests: this.#tally(this.#requests, { handler, method, status }),
        requestBytes: this.#tally(this.#requestBytes, { handler }),
        responseBytes: this.#tally(this.#responseBytes, { handler }),
        duration: this.#tally(this.#durations, { handler, method }),
      };
      this.#byKind.set(key, found);
    }
    return found;
  }

  #tally(tallies: Map<string, Tally>, labels: Readonly<Record<string, string>>): Tally {
    const key = Object.values(labels).join(" ");
    let found = tallies.get(key);
    if (found === undefined) {
      found = { labels, createdSeconds: this.#unixSeconds(), count: 0, sum: 0, buckets: [0, 0, 0] };
      tallies.set(key, found);
    }
    return found;
  }
}

function add(tally: Tally, amount: number): void {
  tally.count += 1;
  tally.sum += amount;
}

function family(
  name: string,
  type: "counter" | "summary" | "histogram",
  help: string,
  tallies: ReadonlyMap<string, Tally>,
): string {
  let page = familyHead(name, type, help);
  if (tallies.size === 0) return page;
  for (const { labels, count, sum, buckets } of tallies.values()) {
    if (type === "counter") {
      page += `${seriesName(name, labels)} ${formatValue(count)}\n`;
      continue;
    }
    if (type === "histogram") {
      for (const [index, bound] of [...COARSE_BOUNDS, Infinity].entries()) {
        const series = seriesName(`${name}_bucket`, { ...labels, le: formatValue(bound) });
        page += `${series} ${formatValue(buckets[index] ?? count)}\n`;
      }
    }
    page += `${seriesName(`${name}_count`, labels)} ${formatValue(count)}\n`;
    page += `${seriesName(`${name}_sum`, labels)} ${formatValue(sum)}\n`;
  }
  const created = createdName(name, type);
  page += familyHead(created, "gauge", help);
  for (const { labels, createdSeconds } of tallies.values()) {
    page += `${seriesName(created, labels)} ${formatValue(createdSeconds)}\n`;
  }
  return page;
}
