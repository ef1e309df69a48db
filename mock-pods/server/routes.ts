/** An explicit route table that refuses as FastAPI does: 404, 405 with `allow`, 307 for a stray trailing slash. */
import type { Answer } from "./http/answer.ts";
import type { Exchange } from "./http/exchange.ts";
import type { Responder } from "./http/responder.ts";

/** Answers at once, later, or (undefined) by itself through the responder. May throw a Refusal. */
export type Handler = (exchange: Exchange, responder: Responder) => Answer | undefined | Promise<Answer | undefined>;

export interface Route {
  readonly methods: readonly string[];
  /** Exact, as `/v1/models`; a last segment `*` takes everything below. */
  readonly path: string;
  readonly handle: Handler;
}

export type Match =
  | { readonly kind: "found"; readonly route: Route }
  | { readonly kind: "wrong-method"; readonly allow: string }
  | { readonly kind: "redirect"; readonly path: string }
  | { readonly kind: "unknown" };

export class RouteTable {
  readonly #exact = new Map<string, Route[]>();
  readonly #below: { readonly prefix: string; readonly route: Route }[] = [];

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      if (route.path.endsWith("/*")) this.#below.push({ prefix: route.path.slice(0, -1), route });
      else this.#exact.set(route.path, [...(this.#exact.get(route.path) ?? []), route]);
    }
  }

  match(method: string, path: string): Match {
    const candidates =
      this.#exact.get(path) ?? this.#below.filter(({ prefix }) => path.startsWith(prefix)).map((b) => b.route);
    const route = candidates.find(({ methods }) => methods.includes(method));
    if (route !== undefined) return { kind: "found", route };
    const first = candidates[0];
    if (first !== undefined) return { kind: "wrong-method", allow: first.methods.join(", ") };
    const twin = path.endsWith("/") ? path.slice(0, -1) : `${path}/`;
    return this.#exact.has(twin) ? { kind: "redirect", path: twin } : { kind: "unknown" };
  }
}
