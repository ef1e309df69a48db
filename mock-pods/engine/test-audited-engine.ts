import type { Engine, GenerationRequest, StepOutput } from "./engine.ts";
import type { EngineConfig } from "./create-engine.ts";

/** What holds in every engine, whatever happens to it. Ids stay. */
export const INVARIANTS = {
  "INV-1": "free and referenced blocks are all blocks, and each reference is some running request's",
  "INV-2": "every request submitted runs, waits, has finished or was aborted",
  "INV-3": "a request's tokens come in order, from 0, after its submission, and none after its end",
  "INV-4": "prefix hits are whole blocks, leave a token to compute, and never exceed queries",
  "INV-5": "cached and computed tokens are prompt and output but the last token, whenever a token comes",
  "INV-6": "time never goes back",
  "INV-7": "the same calls give the same outputs",
  "INV-8": "no step exceeds the token budget, the slots, or one entry a request",
  "INV-9": "a step that preempts admits nobody, and preempts only who ran",
  "INV-10": "the KV events, counted, tell the cache",
  "INV-11": "who does not run holds no block",
} as const;

export type InvariantId = keyof typeof INVARIANTS;

/** A bug in the engine. */
export class InvariantBroken extends Error {
  override readonly name = "InvariantBroken";
  readonly id: InvariantId;

  constructor(id: InvariantId, found: string) {
    super(`${id} (${INVARIANTS[id]}): ${found}`);
    this.id = id;
  }
}

interface Account {
  readonly request: GenerationRequest;
  readonly submittedMs: number;
  running: boolean;
  outputTokens: number;
  /** From the cache or scheduled, since the last admission. */
  heldTokens: number;
}

/** INV-7, over two runs of the same calls. */
export function checkSame(first: readonly StepOutput[], second: readonly StepOutput[]): void {
  const steps = Math.max(first.length, second.length);
  for (let step = 0; step < steps; step++) {
    const [before, after] = [written(first[step]), written(second[step])];
    if (before !== after) throw new InvariantBroken("INV-7", `step ${step}: ${before}, then ${after}`);
  }
}

function written(step: StepOutput | undefined): string {
  return step === undefined
    ? "none"
    : JSON.stringify(step, (_, item: unknown) => (typeof item === "bigint" ? `${item}` : item));
}

/** The same engine, keeping its own books of it: any call that shows a broken invariant throws, but for INV-7's. */
export function auditedEngine(engine: Engine, config: EngineConfig): Engine {
  const open = new Map<string, Account>();
  const cached = new Map<string, number>();
  let submitted = 0;
  let closed = 0;
  let lastMs = 0;
  /** A reset's event waits for the next step; until then the cache is ahead of what was told. */
  let pendingEvents = false;
  /** The engine decides at `beginStep` but tells at `endStep`; until then the books lag behind. */
  let inStep = false;
  /** A reset has put out all that ran; not yet in the books. */
  let emptied = false;

  const check = (holds: boolean, id: InvariantId, found: () => string): void => {
    if (!holds) throw new InvariantBroken(id, found());
  };

  const auditState = (): void => {
    const stats = engine.stats();
    const { running, waiting, blocks } = engine.inspect();
    const referenced = blocks.filter(({ references }) => references > 0);
    const references = referenced.reduce((sum, block) => sum + block.references, 0);
    const accounts = [...open.values()].filter((account) => account.running);
    const held = accounts.reduce((sum, { heldTokens }) => sum + Math.ceil(heldTokens / config.blockSize), 0);
    const ranks = blocks.map(({ reuseRank }) => reuseRank).filter((rank) => rank !== undefined);
    check(referenced.length + stats.freeBlocks === stats.totalBlocks, "INV-1", () => JSON.stringify(stats));
    check(references === held, "INV-1", () => `${references} references, ${held} blocks of running requests`);
    check(new Set(ranks).size === ranks.length, "INV-1", () => "a block is free twice");
    check(
      stats.kvUsageRatio === 1 - stats.freeBlocks / stats.totalBlocks,
      "INV-1",
      () => `usage ${stats.kvUsageRatio} with ${stats.freeBlocks} of ${stats.totalBlocks} free`,
    );
    check(
      submitted === running.length + waiting.length + closed && running.length === stats.running,
      "INV-2",
      () => `${submitted} submitted, ${running.length} run, ${waiting.length} wait, ${closed} are gone`,
    );
    check(stats.prefixHitsTokens <= stats.prefixQueriesTokens, "INV-4", () => JSON.stringify(stats));
    check(running.length <= config.maxNumSeqs, "INV-8", () => `${running.length} run`);
    check(
      running.length === accounts.length && running.every((id) => open.get(id)?.running),
      "INV-11",
      () => `${running.join()} run, ${accounts.map(({ request }) => request.id).join()} hold blocks`,
    );
    if (config.kvEvents !== true || pendingEvents) return;
    const actual = new Map<string, number>();
    for (const { hash } of blocks) if (hash !== undefined) actual.set(hash, (actual.get(hash) ?? 0) + 1);
    check(
      actual.size === cached.size && [...actual].every(([hash, count]) => cached.get(hash) === count),
      "INV-10",
      () => `${cached.size} hashes by the events, ${actual.size} in the cache`,
    );
  };
  const auditStep = (output: StepOutput): void => {
    const { scheduled, admitted, preempted } = output;
    const ids = scheduled.map(([id]) => id);
    const tokens = scheduled.reduce((sum, [, count]) => sum + count, 0);
    check(
      output.startMs >= lastMs && output.endMs >= output.startMs,
      "INV-6",
      () => `${output.startMs}, ${output.endMs}`,
    );
    check(tokens <= config.maxNumBatchedTokens, "INV-8", () => `${tokens} tokens in a step`);
    check(new Set(ids).size === ids.length && scheduled.every(([, count]) => count > 0), "INV-8", () => ids.join());
    check(preempted.length === 0 || admitted.length === 0, "INV-9", () => `${preempted.join()} out, and some in`);
    lastMs = output.endMs;
  };

  const bookTokens = (output: StepOutput): void => {
    for (const { requestId, index, tokenId, finishReason } of output.tokens) {
      const account = open.get(requestId);
      if (account === undefined) throw new InvariantBroken("INV-3", `a token for ${requestId}, which is not there`);
      const { request, heldTokens, outputTokens } = account;
      check(index === outputTokens && output.startMs >= account.submittedMs, "INV-3", () => `${requestId} ${index}`);
      check(tokenId === request.sample(index), "INV-3", () => `token ${tokenId} is not ${requestId}'s ${index}`);
      const expected = request.promptTokenIds.length + index;
      check(heldTokens === expected, "INV-5", () => `${heldTokens} tokens held at token ${index} of ${requestId}`);
      account.outputTokens++;
      if (finishReason === undefined) continue;
      open.delete(requestId);
      closed++;
    }
  };

  const bookEvents = (output: StepOutput): void => {
    for (const event of output.kvEvents) {
      if (event.kind === "cleared") cached.clear();
      else
        for (const hash of event.hashes) {
          const key = BigInt(hash).toString(16).padStart(16, "0");
          const count = (cached.get(key) ?? 0) + (event.kind === "stored" ? 1 : -1);
          if (count === 0) cached.delete(key);
          else cached.set(key, count);
        }
    }
    pendingEvents = false;
  };

  const settle = (): void => {
    if (inStep) return;
    empty();
    auditState();
  };
  const empty = (): void => {
    if (emptied) for (const account of open.values()) account.running = false;
    emptied = false;
  };

  return {
    ...engine,
    submit(request, nowMs) {
      engine.submit(request, nowMs);
      submitted++;
      open.set(request.id, { request, submittedMs: nowMs, running: false, outputTokens: 0, heldTokens: 0 });
      settle();
    },
    abort(requestIds, nowMs) {
      engine.abort(requestIds, nowMs);
      for (const id of requestIds) if (open.delete(id)) closed++;
      settle();
    },
    resetPrefixCache(preemptRunning) {
      const done = engine.resetPrefixCache(preemptRunning);
      pendingEvents ||= done;
      emptied ||= preemptRunning;
      settle();
      return done;
    },
    beginStep(nowMs) {
      const endMs = engine.beginStep(nowMs);
      inStep = endMs !== undefined;
      return endMs;
    },
    endStep() {
      const output = engine.endStep();
      inStep = false;
      auditStep(output);
      book(output);
      bookTokens(output);
      bookEvents(output);
      auditState();
      return output;
    },
  };

  /** Who was put out, who came in, and what each has in the cache now. */
  function book({ preempted, admitted, scheduled }: StepOutput): void {
    for (const id of preempted) {
      const account = open.get(id);
      if (account === undefined) continue;
      check(account.running, "INV-9", () => `${id} did not run`);
      account.running = false;
    }
    for (const { requestId, cachedTokens } of admitted) {
      const account = open.get(requestId);
      if (account === undefined) continue;
      const known = account.request.promptTokenIds.length + account.outputTokens;
      const whole = cachedTokens % config.blockSize === 0 && cachedTokens < known;
      check(whole, "INV-4", () => `${cachedTokens} of ${known} tokens of ${requestId} from the cache`);
      account.running = true;
      account.heldTokens = cachedTokens;
    }
    for (const [id, tokens] of scheduled) {
      const account = open.get(id);
      if (account !== undefined) account.heldTokens += tokens;
    }
    empty();
  }
}
