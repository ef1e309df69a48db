/** One request over HTTP to the router with a scripted answer from whichever pod it reaches, noted as plain data. */
import type { HttpLab } from "../../http-lab/http-facilities.ts";
import type { Lab } from "../../lab.ts";
import type { PodScript, PodSighting } from "../../http-lab/scripted-pods.ts";
import type { RawRequest, RawResponse } from "../../http-lab/raw-exchange.ts";
import type { Observation } from "../../observation.ts";

/** Long enough for a busy machine; a router that takes longer hangs. */
export const PATIENCE_MS = 10_000;

export interface Exchange {
  readonly label: string;
  readonly status: number;
  readonly end: RawResponse["end"];
  readonly headers: RawResponse["headers"];
  /** Bytes as a binary string, so that a note stays plain JSON. */
  readonly body: string;
  readonly durationMs: number;
  readonly attempts: readonly Attempt[];
}

export interface Attempt {
  readonly pod: string;
  readonly headers: PodSighting["headers"];
  readonly body: string;
  readonly ended: "finished" | "disconnected" | "open";
}

export interface ExchangeOptions {
  readonly label: string;
  readonly reply?: PodScript["reply"];
  readonly body?: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: RawRequest["headers"];
  readonly onData?: RawRequest["onData"];
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** Carries no `x-request-id`. */
  readonly withoutId?: boolean;
  /** Goes straight to this pod. */
  readonly pod?: string;
}

export const httpOf = (lab: Lab): HttpLab => {
  if (lab.http === undefined) throw new Error("this case needs a router that speaks HTTP");
  return lab.http;
};

export const newRequestId = (lab: Lab): string =>
  `routeproof-${Array.from({ length: 4 }, () => lab.random.below(0x10000).toString(16).padStart(4, "0")).join("")}`;

/** A completion request for a fresh prompt. */
export const completionBody = (lab: Lab, fields: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({
    model: lab.models[0],
    prompt: lab.corpus.namespace().prompt([]).text,
    max_tokens: 4,
    ...fields,
  });

export async function exchange(lab: Lab, options: ExchangeOptions, requestId = newRequestId(lab)): Promise<Exchange> {
  const http = httpOf(lab);
  if (options.reply !== undefined) http.pods.script({ requestId, reply: options.reply });
  const startMs = lab.nowMs();
  const response = await http.request({
    method: options.method ?? "POST",
    path: options.path ?? "/v1/completions",
    headers: { ...options.headers, ...(options.withoutId === true ? {} : { "x-request-id": requestId }) },
    knownAs: requestId,
    ...(options.pod === undefined ? {} : { pod: options.pod }),
    ...(options.method === "GET" ? {} : { body: options.body ?? completionBody(lab) }),
    ...(options.onData === undefined ? {} : { onData: options.onData }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    timeoutMs: options.timeoutMs ?? PATIENCE_MS,
  });
  const result: Exchange = {
    label: options.label,
    status: response.status,
    end: response.end,
    headers: response.headers,
    body: binary(response.body),
    durationMs: lab.nowMs() - startMs,
    attempts: attemptsOf(http, requestId),
  };
  lab.note("exchange", result);
  return result;
}

/** Empty answers, all at once: whoever goes by load gets round to every pod, and waits overlap. */
export async function exchangeTogether(lab: Lab, count: number, label: string): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => exchange(lab, { label, reply: EMPTY_ANSWER })));
}

/** What pods saw of a request up to now. */
export const attemptsOf = (http: HttpLab, requestId: string): readonly Attempt[] =>
  http.pods.seen(requestId).map(({ pod, headers, body, ended }) => ({
    pod,
    headers,
    body: binary(body),
    ended: ended?.how ?? "open",
  }));

/** The exchanges of an observation, in order. */
export const exchangesOf = ({ steps }: Observation): readonly Exchange[] =>
  steps.flatMap((step) => (step.kind === "note" && step.label === "exchange" ? [step.data as Exchange] : []));

export function noted({ steps }: Observation, label: string): unknown {
  const note = steps.findLast((step) => step.kind === "note" && step.label === label);
  return note?.kind === "note" ? note.data : undefined;
}

const binary = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

export const utf8 = (text: string): string => binary(new TextEncoder().encode(text));

export const EVENT_STREAM = [["content-type", "text/event-stream; charset=utf-8"]] as const;

/** An answer of the pod that says nothing. */
export const EMPTY_ANSWER = {
  kind: "respond",
  status: 200,
  headers: [["content-type", "application/json"]],
  body: ['{"choices":[]}'],
} as const satisfies PodScript["reply"];
