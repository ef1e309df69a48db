/** An explicit route table that refuses as FastAPI does: 404, 405 with `allow`, 307 for a stray trailing slash. */
import type { Schema } from "../../fixtures/wire/validation/schema.ts";
import type { Answer } from "./http/answer.ts";
import type { Exchange } from "./http/exchange.ts";
import type { Responder } from "./http/responder.ts";

/** Answers at once, later, or (undefined) by itself through the responder. May throw a Refusal. */
export type Handler = (exchange: Exchange, responder: Responder) => Answer | undefined | Promise<Answer | undefined>;

export interface Route {
  readonly methods: readonly string[];
  /** Exact, as `/v1/models`; a segment `{name}` takes any one, a last segment `*` everything below. */
  readonly path: string;
  readonly handle: Handler;
  /** What it reads, for the API's description. */
  readonly body?: Schema | undefined;
}

export type Match =
  | { readonly kind: "found"; readonly route: Route }
  | { readonly kind: "wrong-method"; readonly allow: string }
  | { readonly kind: "redirect"; readonly path: string }
  | { readonly kind: "unknown" };

export class RouteTable {
  readonly #exact = new Map<string, Route[]>();
  readonly #all: { readonly pattern: RegExp; readonly route: Route }[] = [];

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      this.#all.push({ pattern: patternOf(route.path), route });
      this.#exact.set(route.path, [...(this.#exact.get(route.path) ?? []), route]);
    }
  }

  match(method: string, path: string): Match {
    const isFor = ({ methods }: Route) => methods.includes(method);
    const exact = this.#exact.get(path)?.find(isFor);
    if (exact !== undefined) return { kind: "found", route: exact };
    const candidates = this.#at(path);
    const route = candidates.find(isFor);
    if (route !== undefined) return { kind: "found", route };
    const first = candidates[0];
    if (first !== undefined) return { kind: "wrong-method", allow: first.methods.join(", ") };
    const twin = path.endsWith("/") ? path.replace(/\/+$/, "") : `${path}/`;
    return this.#at(twin).length > 0 ? { kind: "redirect", path: twin } : { kind: "unknown" };
  }

  #at(path: string): readonly Route[] {
    return this.#all.filter(({ pattern }) => pattern.test(path)).map(({ route }) => route);
  }
}

function patternOf(path: string): RegExp {
  return new RegExp(
    `^${path
      .replace(".", "\\.")
      .replace(/\*$/, ".*")
      .replace(/\{\w+\}/g, "[^/]+")}$`,
  );
}
