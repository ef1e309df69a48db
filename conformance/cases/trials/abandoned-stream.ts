/** A stream that its client leaves. Tokens keep coming, as from a real pod: a router may notice only when it passes one on. */
import type { HttpLab } from "../../http-lab/http-facilities.ts";
import type { PodScript } from "../../http-lab/scripted-pods.ts";
import { EVENT_STREAM } from "./exchange.ts";
import { chunk, DONE } from "./stream-text.ts";

/** Two seconds. */
const TOKENS_AFTER = 20;
const TOKEN_MS = 100;

type Answer = Extract<PodScript["reply"], { readonly kind: "respond" }>;

/** Says this first, then what {@link sayOn} makes it say; it ends when `gate` is released. */
export function goesOn(first: string, gate: string): Answer {
  const tokens = Array.from({ length: TOKENS_AFTER }, (_, token) => [{ wait: `${gate}-${token}` }, chunk("token")]);
  const body = [chunk(first), ...tokens.flat(), { wait: gate }, DONE];
  return { kind: "respond", status: 200, headers: EVENT_STREAM, body };
}

/** Resolves when every pod that had the request has seen it end, or when two seconds of tokens are said. */
export async function sayOn({ pods }: HttpLab, requestId: string, gate: string): Promise<void> {
  for (let token = 0; token < TOKENS_AFTER; token++) {
    pods.release(`${gate}-${token}`);
    const isOver = await pods
      .waitUntil(requestId, (seen) => seen.every(({ ended }) => ended !== undefined), TOKEN_MS)
      .then(() => true)
      .catch(() => false);
    if (isOver) return;
  }
}
