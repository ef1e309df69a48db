/**
 * vLLM 0.32's scheduler once more, naive on purpose: lists and strings, one statement for one rule, nothing shared with
 * the engine. The recording it must reproduce is the engine's own; between them they say what the recording does not reach.
 */
import type { Played, StepRecord } from "./play-workload.ts";
import type { Workload } from "./workload.ts";

interface Block {
  refs: number;
  hash?: string;
}

interface Running {
  readonly index: number;
  readonly prompt: readonly number[];
  readonly priority: number;
  readonly salt: string;
  readonly maxTokens: number;
  readonly output: number[];
  computed: number;
  blocks: Block[];
  hashed: number;
  preemptions: number;
}

export function playByTheRules(workload: Workload): Played {
  const { config } = workload;
  const { blockSize, maxModelLen } = config;
  let free: Block[] = Array.from({ length: config.numGpuBlocks - 1 }, () => ({ refs: 0 }));
  const cache = new Map<string, Block[]>();
  const numbers = new Map<string, number>();
  let events: unknown[] = [];
  let waiting: Running[] = [];
  let running: Running[] = [];
  let toReport = 0;
  const requests = readRequests(workload);

  const known = (r: Running): number => r.prompt.length + r.output.length;
  const numberOf = (hash: string): number => {
    if (!numbers.has(hash)) numbers.set(hash, numbers.size);
    return numbers.get(hash) as number;
  };
  const hashOf = (r: Running, block: number): string => {
    const tokens = [...r.prompt, ...r.output].slice(0, (block + 1) * blockSize);
    return JSON.stringify([r.salt, tokens]);
  };
  const forget = (block: Block): void => {
    if (block.hash === undefined) return;
    const twins = (cache.get(block.hash) as Block[]).filter((twin) => twin !== block);
    if (twins.length === 0) cache.delete(block.hash);
    else cache.set(block.hash, twins);
    events.push(["R", [numberOf(block.hash)]]);
    delete block.hash;
  };
  const take = (): Block => {
    const block = free.shift() as Block;
    forget(block);
    block.refs = 1;
    return block;
  };
  const release = (r: Running): void => {
    const freed = r.blocks.toReversed().filter((block) => --block.refs === 0);
    const bare = freed.filter(({ hash }) => hash === undefined);
    const hashed = freed.filter(({ hash }) => hash !== undefined);
    free = [...bare, ...free, ...hashed];
    r.blocks = [];
    r.hashed = 0;
  };
  const lookup = (r: Running): Block[] => {
    const hits: Block[] = [];
    if (!config.prefixCaching) return hits;
    for (let block = 0; block < Math.floor((known(r) - 1) / blockSize); block++) {
      const found = cache.get(hashOf(r, block))?.[0];
      if (found === undefined) break;
      hits.push(found);
    }
    return hits;
  };
  const need = (r: Running, hits: readonly Block[], tokens: number): number => {
    const all = Math.ceil(Math.min(tokens, maxModelLen) / blockSize);
    return Math.max(0, all - r.blocks.length - hits.length) + hits.filter(({ refs }) => refs === 0).length;
  };
  const give = (r: Running, hits: readonly Block[], tokens: number): void => {
    for (const block of hits) {
      if (block.refs === 0) free = free.filter((other) => other !== block);
      block.refs++;
      r.blocks.push(block);
    }
    r.hashed += hits.length;
    const total = Math.min(tokens, maxModelLen);
    while (r.blocks.length < Math.ceil(total / blockSize)) r.blocks.push(take());
    const full = Math.floor(Math.min(total, known(r)) / blockSize);
    if (!config.prefixCaching || full <= r.hashed) return;
    const parent = r.hashed === 0 ? null : numberOf(hashOf(r, r.hashed - 1));
    const stored: number[] = [];
    for (; r.hashed < full; r.hashed++) {
      const block = r.blocks[r.hashed] as Block;
      block.hash = hashOf(r, r.hashed);
      cache.set(block.hash, [...(cache.get(block.hash) ?? []), block]);
      stored.push(numberOf(block.hash));
    }
    events.push(["S", parent, stored]);
  };
  const order = (a: Running, b: Running): number => a.priority - b.priority || a.index - b.index;
  const arrange = (): void => void (config.policy === "priority" && waiting.sort(order));
  const putBack = (victim: Running): void => {
    release(victim);
    victim.computed = 0;
    victim.preemptions++;
    waiting.unshift(victim);
    arrange();
  };
  const reset = (): boolean => {
    if (free.length !== config.numGpuBlocks - 1) return false;
    for (const block of free) delete block.hash;
    cache.clear();
    events.push(["C"]);
    return true;
  };

  const steps: StepRecord[] = [];
  let lastSchedule: string | undefined;
  const lastHappening = Math.max(0, ...[...workload.aborts, ...workload.resets].map(([step]) => step));
  const last = Math.max(lastHappening, ...workload.requests.map(({ a }) => a));
  for (let s = 0; s <= last || running.length + waiting.length + toReport > 0; s++) {
    for (const [index, request] of requests.entries()) if (workload.requests[index]?.a === s) waiting.push(request);
    arrange();

    const aborted = workload.aborts.filter(([step]) => step === s).map(([, index]) => requests[index] as Running);
    const leaving = aborted.filter(
      (r, at) => aborted.indexOf(r) === at && (running.includes(r) || waiting.includes(r)),
    );
    running = running.filter((r) => !leaving.includes(r));
    waiting = waiting.filter((r) => !leaving.includes(r));
    leaving.forEach(release);
    toReport += leaving.length;

    const rp: number[] = [];
    const resets = workload.resets
      .filter(([step]) => step === s)
      .map(([, preemptRunning]) => {
        for (const victim of preemptRunning ? running.splice(0).toReversed() : []) {
          rp.push(victim.index);
          putBack(victim);
        }
        return reset();
      });

    if (running.length + waiting.length + toReport === 0) {
      if (resets.length > 0) steps.push({ s, reset: resets, idle: true, free: free.length });
      continue;
    }
    toReport = 0;

    let budget = config.maxNumBatchedTokens;
    const limited = config.longPrefillTokenThreshold > 0 && running.length + waiting.length > 1;
    const chunk = limited ? config.longPrefillTokenThreshold : Infinity;
    let schedule: [Running, number][] = [];
    const pre: number[] = [];
    for (let at = 0; at < running.length && budget > 0; at++) {
      const r = running[at] as Running;
      const n = Math.min(known(r) - r.computed, chunk, budget, maxModelLen - 1 - r.computed);
      if (n === 0) continue;
      while (need(r, [], r.computed + n) > free.length) {
        const victim = (config.policy === "fcfs" ? running : running.toSorted(order)).at(-1) as Running;
        const gone = schedule.find(([scheduled]) => scheduled === victim);
        if (gone !== undefined) budget += gone[1];
        schedule = schedule.filter((entry) => entry !== gone);
        if (running.indexOf(victim) < at) at--;
        running = running.filter((other) => other !== victim);
        putBack(victim);
        pre.push(victim.index);
        if (victim === r) break;
      }
      if (!running.includes(r)) break;
      give(r, [], r.computed + n);
      schedule.push([r, n]);
      budget -= n;
    }
    const admitted: { r: Running; hit: number; resumed: boolean }[] = [];
    while (pre.length === 0 && budget > 0 && waiting.length > 0 && running.length < config.maxNumSeqs) {
      const r = waiting[0] as Running;
      const hits = lookup(r);
      const hit = hits.length * blockSize;
      const n = Math.min(known(r) - hit, chunk, budget);
      const spare = running.length > 0 ? Math.floor(config.watermark * config.numGpuBlocks) : 0;
      if (config.reserveFullIsl && need(r, hits, known(r)) + spare > free.length) break;
      if (need(r, hits, hit + n) + spare > free.length) break;
      waiting.shift();
      give(r, hits, hit + n);
      running.push(r);
      r.computed = hit;
      admitted.push({ r, hit, resumed: r.preemptions > 0 });
      schedule.push([r, n]);
      budget -= n;
    }
    const fmid = free.length;
    const scheduled = schedule.map(([r, n]) => [r.index, n]);
    const lookups = (resumed: boolean): number[] => {
      const counted = config.prefixCaching ? admitted.filter((admission) => admission.resumed === resumed) : [];
      const sum = (of: (one: (typeof counted)[number]) => number): number => counted.reduce((a, one) => a + of(one), 0);
      return counted.length === 0 ? [] : [counted.length, sum(({ r }) => known(r)), sum(({ hit }) => hit)];
    };
    const [pq, ppq] = [lookups(false), lookups(true)];

    const fin: number[] = [];
    for (const [r, n] of schedule) {
      r.computed += n;
      if (r.computed < known(r)) continue;
      r.output.push(generated(r.index, r.output.length));
      if (r.output.length < r.maxTokens && known(r) < maxModelLen) continue;
      running = running.filter((other) => other !== r);
      release(r);
      fin.push(r.index);
    }
    toReport += fin.length;

    const entries = (resumed: boolean): number[][] =>
      admitted.filter((admission) => admission.resumed === resumed).map(({ r, hit }) => [r.index, hit]);
    const lists = { reset: resets, rp, new: entries(false), res: entries(true), pre, fin, pq, ppq, ev: events };
    const present = (...keys: (keyof typeof lists)[]): StepRecord =>
      Object.fromEntries(keys.filter((key) => lists[key].length > 0).map((key) => [key, lists[key]]));
    steps.push({
      s,
      ...present("reset", "rp"),
      sch: JSON.stringify(scheduled) === lastSchedule ? 0 : scheduled,
      ...present("new", "res", "pre", "fin"),
      run: running.length,
      wait: waiting.length,
      free: free.length,
      ...(fmid === free.length ? {} : { fmid }),
      ...present("pq", "ppq"),
      ...(workload.events === true ? present("ev") : {}),
    });
    lastSchedule = JSON.stringify(scheduled);
    events = [];
  }
  return { produced: requests.map(({ output }) => output.length), steps };
}

function generated(request: number, k: number): number {
  return 100_000 + 1000 * request + k;
}

function readRequests({ requests }: Workload): Running[] {
  const read: Running[] = [];
  for (const [index, { p, m, salt = "", pri = 0 }] of requests.entries()) {
    const prompt = p.flatMap(([kind, of, count]) => {
      const tokens = (first: number): number[] => Array.from({ length: count }, (_, j) => first + j);
      if (kind === "p") return tokens(1_000_000 + 10_000 * of);
      if (kind === "u") return tokens(10_000_000 + 10_000 * of);
      return [...(read[of] as Running).prompt, ...tokens(generated(of, 0))];
    });
    const rest = { priority: pri, salt, maxTokens: m, output: [], computed: 0, blocks: [], hashed: 0, preemptions: 0 };
    read.push({ index, prompt, ...rest });
  }
  return read;
}
