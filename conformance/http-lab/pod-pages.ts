/** What pods answer to a router's own questions while a case has it otherwise: errors, silence, other figures. */
import type { ServerResponse } from "node:http";
import { parsePrometheusText, writePrometheusText } from "../../fixtures/wire/prometheus-text.ts";
import { ALL_PATHS, type PodPage } from "./scripted-pods.ts";

interface Setting {
  readonly path: string;
  readonly page: PodPage;
  /** Absent: every pod. */
  readonly pod: string | undefined;
}

export class PodPages {
  #settings: Setting[] = [];
  readonly #asked = new Map<string, number>();
  readonly #answered = new Map<string, number>();
  readonly #hung = new Map<ServerResponse, PodPage>();

  set(path: string, page: PodPage | undefined, pod: string | undefined): void {
    const isReplaced = (other: Setting): boolean => other.path === path && other.pod === pod;
    for (const { page: replaced } of this.#settings.filter(isReplaced)) this.#cut(replaced);
    this.#settings = this.#settings.filter((other) => !isReplaced(other));
    if (page !== undefined) this.#settings.push({ path, page, pod });
  }

  asked(path: string, pod?: string): number {
    return [...this.#asked].reduce((sum, [key, count]) => {
      const [askedPod, askedPath] = key.split(" ");
      return askedPath === path && (pod === undefined || pod === askedPod) ? sum + count : sum;
    }, 0);
  }

  /** Answers that were sent whole, whatever they said. */
  answered(path: string, pod: string): number {
    return this.#answered.get(keyOf(path, pod)) ?? 0;
  }

  noteAsked(path: string, pod: string): void {
    this.#asked.set(keyOf(path, pod), this.asked(path, pod) + 1);
  }

  noteAnswered(path: string, pod: string): void {
    this.#answered.set(keyOf(path, pod), this.answered(path, pod) + 1);
  }

  /** Undefined when the pod is to answer as ever. */
  pageOf(path: string, pod: string): PodPage | undefined {
    return this.#settings.find(
      (setting) => (setting.path === path || setting.path === ALL_PATHS) && (setting.pod ?? pod) === pod,
    )?.page;
  }

  /** `plain` is the metrics page as it would have been. */
  async answer(page: PodPage, response: ServerResponse, plain: () => Promise<string>): Promise<true> {
    switch (page.kind) {
      case "status":
        response.writeHead(page.status, { "content-type": "application/json" }).end("{}");
        return true;
      case "hang":
        this.#hung.set(response, page);
        return true;
      case "gauges":
        response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
        response.end(withGauges(await plain(), page.values));
        return true;
    }
  }

  reset(): void {
    this.#settings = [];
    this.#asked.clear();
    this.#answered.clear();
    this.#cut();
  }

  /** Who waits for the answer of this page, or of any, waits no longer. */
  #cut(page?: PodPage): void {
    for (const [response, of] of this.#hung) {
      if (page !== undefined && of !== page) continue;
      this.#hung.delete(response);
      response.destroy();
    }
  }
}

const keyOf = (path: string, pod: string): string => `${pod} ${path}`;

function withGauges(page: string, values: Readonly<Record<string, number>>): string {
  const families = parsePrometheusText(page);
  const missing = Object.keys(values).filter((name) => families.every((family) => family.name !== name));
  const all = [
    ...families,
    ...missing.map((name) => ({ name, type: "gauge" as const, help: name, samples: [{ name, labels: {}, value: 0 }] })),
  ];
  return writePrometheusText(
    all.map((family) => {
      const value = values[family.name];
      if (value === undefined) return family;
      return { ...family, samples: family.samples.map((sample) => ({ ...sample, value })) };
    }),
  );
}
