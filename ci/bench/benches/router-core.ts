/**
 * What a decision costs with 1,000, 10,000 and 100,000 prompts of 500 tokens stored for 64 pods, and what the tree costs
 * beside a plain trie of nested Maps. The prompts share nothing, so the tree is as wide as it can be.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createFunctionRouter, type FunctionRouterOptions } from "../../../router/index.ts";
import { RadixTree } from "../../../router/core/prefix-tree/radix-tree.ts";
import { Random } from "../../../fixtures/random.ts";
import { median } from "../../median.ts";

const POD_COUNT = 64;
const PROMPT_TOKENS = 500;
const SIZES = [1000, 10_000, 100_000];
const ROUNDS = 15;
const DECISIONS = 1000;
const TRIE_PROMPTS = 500;
const TTL_MS = 1e12;
const CAPACITY_TOKENS = 1e9;

type Kind = "full" | "half" | "miss";
const KINDS: readonly Kind[] = ["full", "half", "miss"];

export async function run(): Promise<void> {
  print("decision, microseconds", ["prompts", "match", "p50", "p99", "cpu mean", "bytes/prompt"]);
  const medians = new Map<Kind, number[]>(KINDS.map((kind) => [kind, []]));
  for (const size of SIZES) {
    const bench = new DecisionBench(size);
    const { bytesPerPrompt } = bench;
    for (const kind of KINDS) {
      const { p50, p99, cpu } = bench.measure(kind);
      medians.get(kind)?.push(p50);
      row([size, kind, p50.toFixed(1), p99.toFixed(1), cpu.toFixed(1), bytesPerPrompt.toFixed(0)]);
    }
  }
  for (const [kind, [least = NaN, , most = NaN]] of medians) {
    row([`log-log slope, ${kind}`, (Math.log(most / least) / Math.log(100)).toFixed(3)]);
  }
  print("tree alone, microseconds of processor time", ["prompts", "match", "match", "match + claim"]);
  for (const size of SIZES) {
    for (const kind of KINDS) {
      const [match, both] = treeAlone(size, kind);
      row([size, kind, match.toFixed(2), both.toFixed(2)]);
    }
  }
  print(`beside a trie of nested Maps, ${TRIE_PROMPTS} prompts, medians of 5 rounds`, ["", "tree", "trie", "ratio"]);
  besideTrie();
}

/** A router that holds `size` prompts; decisions for them end at once, so that load does not build up. */
class DecisionBench {
  readonly #prompts: readonly Int32Array[];
  readonly #random = new Random(1).stream("bench");
  readonly #router;
  #requests = 0;
  /** What the router keeps, its load window included. */
  readonly bytesPerPrompt: number;

  constructor(size: number) {
    const options: FunctionRouterOptions = {
      seed: 1,
      defaultGpu: "a6000",
      tokenizer: { encode: () => [] },
      ttlMs: TTL_MS,
      capacityTokens: CAPACITY_TOKENS,
    };
    this.#router = createFunctionRouter(options);
    this.#router.setPods(
      Array.from({ length: POD_COUNT }, (_, pod) => ({ name: `pod-${pod}` })),
      0,
    );
    // The router keeps its own copy.
    this.#prompts = Array.from({ length: size }, () => randomPrompt(this.#random));
    const before = heapBytes();
    for (const prompt of this.#prompts) this.#decide(prompt);
    this.bytesPerPrompt = (heapBytes() - before) / size;
  }

  /** Of the quietest round, as other programs on the machine only ever add. The first rounds warm up. */
  measure(kind: Kind): Readonly<Record<"p50" | "p99" | "cpu", number>> {
    const rounds = Array.from({ length: ROUNDS }, () => {
      const prompts = Array.from({ length: DECISIONS }, () =>
        variant(this.#random.pick(this.#prompts), kind, this.#random),
      );
      const microseconds: number[] = [];
      const cpu = meanMicroseconds(prompts, (prompt) => {
        const startNs = process.hrtime.bigint();
        this.#decide(prompt);
        return microseconds.push(Number(process.hrtime.bigint() - startNs) / 1000);
      });
      microseconds.sort((a, b) => a - b);
      return { p50: microseconds[DECISIONS / 2] ?? NaN, p99: microseconds[DECISIONS * 0.99] ?? NaN, cpu };
    });
    const least = (what: "p50" | "p99" | "cpu"): number => Math.min(...rounds.map((round) => round[what]));
    return { p50: least("p50"), p99: least("p99"), cpu: least("cpu") };
  }

  #decide(prompt: Int32Array): void {
    const requestId = String(this.#requests++);
    this.#router.decide({ requestId, model: "m", prompt }, this.#requests);
    this.#router.finished(requestId, "ok", this.#requests);
  }
}

/** Mean microseconds of a match, and of a match with the claim of the same prompt, in the quietest round. */
function treeAlone(size: number, kind: Kind): [match: number, both: number] {
  const random = new Random(2).stream("bench");
  const tree = new RadixTree({ ttlMs: TTL_MS, capacityTokens: CAPACITY_TOKENS });
  const holders = Array.from({ length: POD_COUNT }, (_, pod) => tree.addHolder(`pod-${pod}`));
  const prompts = Array.from({ length: size }, () => randomPrompt(random));
  for (const prompt of prompts) tree.claim("m", prompt, random.pick(holders), 0);
  const rounds = Array.from({ length: ROUNDS }, () => {
    const probes = Array.from({ length: DECISIONS }, () => variant(random.pick(prompts), kind, random));
    const match = meanMicroseconds(probes, (prompt) => tree.match("m", prompt).matchedTokens);
    const both = meanMicroseconds(probes, (prompt) => {
      const found = tree.match("m", prompt);
      // As the router does: the claim goes on where the match ended.
      tree.claim("m", prompt, random.pick(holders), 0, found);
      return found.matchedTokens;
    });
    return { match, both };
  });
  return [Math.min(...rounds.map(({ match }) => match)), Math.min(...rounds.map(({ both }) => both))];
}

function besideTrie(): void {
  const random = new Random(3).stream("bench");
  const prompts = Array.from({ length: TRIE_PROMPTS }, () => randomPrompt(random));
  const rounds = Array.from({ length: 5 }, () => ({ tree: treeRound(prompts), trie: trieRound(prompts) }));
  for (const what of ["insert us", "match us", "bytes"] as const) {
    const tree = median(rounds.map((round) => round.tree[what]));
    const trie = median(rounds.map((round) => round.trie[what]));
    row([what, tree.toFixed(2), trie.toFixed(2), (trie / tree).toFixed(1)]);
  }
}

type Round = Readonly<Record<"insert us" | "match us" | "bytes", number>>;

function treeRound(prompts: readonly Int32Array[]): Round {
  const before = heapBytes();
  const tree = new RadixTree({ ttlMs: TTL_MS, capacityTokens: CAPACITY_TOKENS });
  const holder = tree.addHolder("pod");
  const insert = meanMicroseconds(prompts, (prompt) => tree.claim("m", prompt, holder, 0).touch);
  const bytes = (heapBytes() - before) / prompts.length;
  return {
    "insert us": insert,
    bytes,
    "match us": meanMicroseconds(prompts, (prompt) => tree.match("m", prompt).matchedTokens),
  };
}

interface TrieNode {
  readonly children: Map<number, TrieNode>;
  readonly pods: Set<string>;
}

function trieRound(prompts: readonly Int32Array[]): Round {
  const before = heapBytes();
  const root: TrieNode = { children: new Map(), pods: new Set() };
  const insert = meanMicroseconds(prompts, (prompt) => {
    let node = root;
    for (const token of prompt) {
      let child = node.children.get(token);
      if (child === undefined) node.children.set(token, (child = { children: new Map(), pods: new Set() }));
      child.pods.add("pod");
      node = child;
    }
    return node.pods.size;
  });
  const bytes = (heapBytes() - before) / prompts.length;
  const match = meanMicroseconds(prompts, (prompt) => {
    let node = root;
    let matched = 0;
    for (const token of prompt) {
      const child = node.children.get(token);
      if (child === undefined) break;
      node = child;
      matched++;
    }
    return matched;
  });
  return { "insert us": insert, bytes, "match us": match };
}

function randomPrompt(random: { below(limit: number): number }): Int32Array {
  return Int32Array.from({ length: PROMPT_TOKENS }, () => random.below(100_000));
}

function variant(prompt: Int32Array, kind: Kind, random: { below(limit: number): number }): Int32Array {
  const copy = prompt.slice();
  const from = { full: PROMPT_TOKENS, half: PROMPT_TOKENS / 2, miss: 0 }[kind];
  // Beyond every vocabulary, so that the first changed token surely differs.
  for (let at = from; at < PROMPT_TOKENS; at++) copy[at] = 1_000_000 + random.below(1_000_000);
  return copy;
}

setFlagsFromString("--expose_gc");
const collectGarbage = runInNewContext("gc") as () => void;

let sink = 0;

/** Processor time: on a shared machine the clock measures the others. */
function meanMicroseconds<T>(items: readonly T[], work: (item: T) => number): number {
  const before = process.cpuUsage();
  // Results are used, or there would be nothing to measure.
  for (const item of items) sink += work(item);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / items.length;
}

/** Objects and the memory of typed arrays, after a collection. */
function heapBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function print(title: string, columns: readonly string[]): void {
  process.stdout.write(`\n${title}\n`);
  row(columns);
}

function row(cells: readonly (string | number)[]): void {
  process.stdout.write(`${cells.map((cell) => String(cell).padEnd(14)).join("")}\n`);
}
