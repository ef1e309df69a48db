import type { GenerationRequest, KvEvent, LoraAdapter, TokenOutput } from "../engine/engine.ts";
import type { LookupCount } from "../engine/admission-control.ts";
import { Scheduler } from "../engine/scheduler.ts";
import { toWireEvent } from "../kv-events/wire-events.ts";
import type { Workload } from "./workload.ts";

/** A step in the recorded format; keys in the recorded order, absent when empty or zero. */
export type StepRecord = Readonly<Record<string, unknown>>;

export interface Played {
  /** Tokens produced, by request. */
  readonly produced: readonly number[];
  readonly steps: readonly StepRecord[];
}

/** Plays a workload through the scheduler, step by step, as the recording did. */
export function playWorkload(workload: Workload): Played {
  const { config, requests } = workload;
  const events = workload.events === true ? new EventNotes(config.blockSize) : undefined;
  const details = workload.details === true;
  const scheduler = new Scheduler(config, events && ((event) => events.note(event)));
  const { admission } = scheduler;
  const arrivals = Map.groupBy(generationRequests(workload), (_, index) => requests[index]?.a ?? 0);
  const aborts = Map.groupBy(workload.aborts, ([step]) => step);
  const resets = Map.groupBy(workload.resets, ([step]) => step);
  const happenings = [...new Set([...arrivals.keys(), ...aborts.keys(), ...resets.keys()])].sort((a, b) => b - a);
  const produced = requests.map(() => 0);
  const steps: StepRecord[] = [];
  let lastSchedule = "";

  for (let step = 0; scheduler.hasWork || happenings.length > 0; step++) {
    if (!scheduler.hasWork) step = happenings.at(-1) ?? step;
    if (happenings.at(-1) === step) happenings.pop();
    for (const request of arrivals.get(step) ?? []) scheduler.add(request);
    scheduler.abort((aborts.get(step) ?? []).map(([, request]) => String(request)));
    const resetResults: boolean[] = [];
    const resetPreempted: string[] = [];
    for (const [, preemptRunning] of resets.get(step) ?? []) {
      if (preemptRunning) resetPreempted.push(...scheduler.preemptRunning());
      resetResults.push(scheduler.kv.pool.reset());
    }
    if (!scheduler.hasWork) {
      if (resetResults.length > 0)
        steps.push({ s: step, reset: resetResults, idle: true, free: scheduler.kv.pool.freeBlocks });
      continue;
    }
    const before = { first: { ...admission.lookups }, resumed: { ...admission.resumedLookups } };
    const { sequences, tokens, admitted, preempted } = scheduler.schedule();
    const freeAfterSchedule = scheduler.kv.pool.freeBlocks;
    const scheduled = sequences.map(({ request }, index) => [Number(request.id), tokens[index]]);
    const outputs: TokenOutput[] = [];
    scheduler.complete(outputs);
    for (const { requestId, index } of outputs) produced[Number(requestId)] = index + 1;

    const finished = outputs.filter(({ finishReason }) => finishReason !== undefined);
    const { notes, contents } = events?.take() ?? { notes: [], contents: [] };
    const schedule = JSON.stringify(scheduled);
    const free = scheduler.kv.pool.freeBlocks;
    steps.push({
      s: step,
      ...some("reset", resetResults),
      ...some("rp", resetPreempted.map(Number)),
      sch: schedule === lastSchedule ? 0 : scheduled,
      ...some("new", admissions(admitted, false)),
      ...some("res", admissions(admitted, true)),
      ...some("pre", preempted.map(Number)),
      ...some(
        "fin",
        finished.map(({ requestId }) => Number(requestId)),
      ),
      run: scheduler.running,
      wait: scheduler.waiting,
      free,
      ...(freeAfterSchedule === free ? {} : { fmid: freeAfterSchedule }),
      ...some("pq", lookups(before.first, admission.lookups)),
      ...some("ppq", lookups(before.resumed, admission.resumedLookups)),
      ...some("ev", notes),
      ...(details && some("evc", contents)),
      ...(details &&
        some(
          "why",
          finished.map(({ finishReason }) => finishReason),
        )),
      ...(details && scheduler.deferred > 0 && { skip: scheduler.deferred }),
    });
    lastSchedule = schedule;
  }
  return { produced, steps };
}

function some(key: string, items: readonly unknown[]): StepRecord {
  return items.length === 0 ? {} : { [key]: items };
}

function admissions(
  admitted: Scheduler["step"]["admitted"],
  resumed: boolean,
): (readonly [request: number, cachedTokens: number])[] {
  return admitted
    .filter((admission) => admission.resumed === resumed)
    .map(({ requestId, cachedTokens }) => [Number(requestId), cachedTokens] as const);
}

/** `[requests, queried tokens, hit tokens]`, or nothing. */
function lookups(before: LookupCount, after: LookupCount): number[] {
  if (after.requests === before.requests) return [];
  return [
    after.requests - before.requests,
    after.queriedTokens - before.queriedTokens,
    after.hitTokens - before.hitTokens,
  ];
}

function generationRequests({ requests }: Workload): GenerationRequest[] {
  const generated = (request: number, index: number): number => 100_000 + 1000 * request + index;
  const prompts: number[][] = [];
  const adapters = new Map<string, LoraAdapter>();
  const adapter = (name: string): LoraAdapter => {
    const known = adapters.get(name) ?? { id: adapters.size + 1, name, path: `/${name}` };
    adapters.set(name, known);
    return known;
  };
  return requests.map(({ p, m, salt, pri, lora, noLookup, stop, call }, request) => {
    const prompt = p.flatMap(([kind, source, count]) => {
      const base = { p: 1_000_000, u: 10_000_000, r: 0 }[kind];
      if (kind !== "r") return Array.from({ length: count }, (_, index) => base + 10_000 * source + index);
      return [...(prompts[source] ?? []), ...Array.from({ length: count }, (_, index) => generated(source, index))];
    });
    prompts.push(prompt);
    return {
      id: String(request),
      promptTokenIds: prompt,
      maxTokens: m,
      sample: (index) => generated(request, index),
      ...(salt === undefined ? {} : { cacheSalt: salt }),
      ...(pri === undefined ? {} : { priority: pri }),
      ...(lora === undefined ? {} : { lora: adapter(lora) }),
      ...(noLookup === undefined ? {} : { skipPrefixLookup: noLookup }),
      ...(stop === undefined ? {} : { stopAfterTokens: stop }),
      ...(call === undefined ? {} : { call: { number: call[0], requestId: call[1] } }),
    };
  });
}

/**
 * KV events as the recording notes them: a hash is the number of its first appearance in the workload. Of the stored ones
 * apart, what else they say on the wire: `[token ids, LoRA id, LoRA name, extra keys by block]`.
 */
class EventNotes {
  readonly #blockSize: number;
  readonly #numbers = new Map<KvEventHash, number>();
  #notes: unknown[] = [];
  #contents: unknown[] = [];

  constructor(blockSize: number) {
    this.#blockSize = blockSize;
  }

  note(event: KvEvent): void {
    switch (event.kind) {
      case "stored": {
        const parent = event.parent === null ? null : this.#number(event.parent);
        this.#notes.push(["S", parent, event.hashes.map((hash) => this.#number(hash))]);
        const wire = toWireEvent(event, this.#blockSize);
        if (wire.type !== "BlockStored") return;
        this.#contents.push([wire.tokenIds, wire.loraId, wire.loraName, wire.extraKeys]);
        return;
      }
      case "removed":
        this.#notes.push(["R", event.hashes.map((hash) => this.#number(hash))]);
        return;
      case "cleared":
        this.#notes.push(["C"]);
    }
  }

  take(): { readonly notes: readonly unknown[]; readonly contents: readonly unknown[] } {
    const taken = { notes: this.#notes, contents: this.#contents };
    this.#notes = [];
    this.#contents = [];
    return taken;
  }

  #number(hash: KvEventHash): number {
    const known = this.#numbers.get(hash);
    if (known !== undefined) return known;
    this.#numbers.set(hash, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}

type KvEventHash = Extract<KvEvent, { kind: "removed" }>["hashes"][number];
