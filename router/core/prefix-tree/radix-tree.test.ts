import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Holder } from "./radix-node.ts";
import { RadixTree, type Placement } from "./radix-tree.ts";

const ids = (...tokens: number[]): Int32Array => Int32Array.from(tokens);
const range = (from: number, to: number): Int32Array => Int32Array.from({ length: to - from + 1 }, (_, i) => from + i);

function tree(options: Partial<{ ttlMs: number; capacityTokens: number }> = {}): RadixTree {
  return new RadixTree({ ttlMs: 300_000, capacityTokens: 1_000_000, ...options });
}

/** Tokens of the prompt that each holder has, by name. */
function held(subject: RadixTree, prompt: Int32Array, namespace = "m"): Record<string, number> {
  const { byHolder } = subject.match(namespace, prompt);
  return Object.fromEntries([...byHolder].map(([holder, tokens]) => [holder.name, tokens]));
}

describe("a radix tree of prompts", () => {
  it("matches a prompt that ends, or goes another way, in the middle of an edge", () => {
    const subject = tree();
    subject.claim("m", range(1, 100), subject.addHolder("a"), 0);
    expect(held(subject, range(1, 40))).toEqual({ a: 40 });
    expect(held(subject, ids(...range(1, 40), 7, 8))).toEqual({ a: 40 });
    expect(held(subject, range(1, 120))).toEqual({ a: 100 });
    expect(held(subject, range(2, 50))).toEqual({});
    expect(subject.nodes).toBe(1);
  });

  it("keeps both halves of a split with their owners", () => {
    const subject = tree();
    const [a, b] = [subject.addHolder("a"), subject.addHolder("b")];
    subject.claim("m", range(1, 100), a, 0);
    subject.claim("m", ids(...range(1, 60), ...range(201, 240)), b, 0);
    expect(subject.nodes).toBe(3);
    expect(subject.storedTokens).toBe(140);
    expect(held(subject, range(1, 60))).toEqual({ a: 60, b: 60 });
    expect(held(subject, range(1, 100))).toEqual({ a: 100, b: 60 });
    expect(held(subject, ids(...range(1, 60), ...range(201, 240)))).toEqual({ a: 60, b: 100 });
  });

  it("stores the same prompt once however often it comes", () => {
    const subject = tree();
    const a = subject.addHolder("a");
    for (let round = 0; round < 5; round++) subject.claim("m", range(1, 100), a, round);
    expect([subject.nodes, subject.storedTokens]).toEqual([1, 100]);
  });

  it("forgets a removed holder everywhere, and prunes what nobody else holds", () => {
    const subject = tree();
    const [a, b] = [subject.addHolder("a"), subject.addHolder("b")];
    subject.claim("m", range(1, 100), a, 0);
    subject.claim("m", range(1, 50), b, 0);
    subject.claim("n", range(1, 100), a, 0);
    subject.removeHolder(a);
    expect(held(subject, range(1, 100))).toEqual({ b: 50 });
    expect([subject.nodes, subject.storedTokens]).toEqual([1, 50]);
    subject.removeHolder(b);
    expect([subject.nodes, subject.storedTokens]).toEqual([0, 0]);
  });

  it("leaves a sibling and the shared ancestor alone when one branch expires", () => {
    const subject = tree();
    const a = subject.addHolder("a");
    subject.claim("m", ids(1, 2, 3, 4, 5), a, 0);
    subject.claim("m", ids(1, 2, 3, 8, 9), a, 100_000);
    subject.evict(300_001);
    expect(held(subject, ids(1, 2, 3, 4, 5))).toEqual({ a: 3 });
    expect(held(subject, ids(1, 2, 3, 8, 9))).toEqual({ a: 5 });
    expect(subject.storedTokens).toBe(5);
  });

  it("keeps what was used exactly one TTL ago, and drops it a moment later", () => {
    const subject = tree();
    subject.claim("m", range(1, 10), subject.addHolder("a"), 0);
    subject.evict(300_000);
    expect(held(subject, range(1, 10))).toEqual({ a: 10 });
    subject.evict(300_000.001);
    expect(held(subject, range(1, 10))).toEqual({});
  });

  it("takes a failed request back, but not what another request rests on", () => {
    const subject = tree();
    const a = subject.addHolder("a");
    const failed = subject.claim("m", range(1, 100), a, 0);
    subject.claim("m", range(1, 60), a, 0);
    subject.withdraw(failed);
    expect(held(subject, range(1, 100))).toEqual({ a: 60 });
    expect(subject.storedTokens).toBe(60);
  });

  it("does not take back what came after a request that failed late", () => {
    const subject = tree();
    const [a, b] = [subject.addHolder("a"), subject.addHolder("b")];
    const late = subject.claim("m", range(1, 100), a, 0);
    subject.claim("m", range(1, 100), b, 200_000);
    subject.evict(310_000);
    subject.claim("m", range(1, 100), a, 310_000);
    subject.withdraw(late);
    expect(held(subject, range(1, 100))).toEqual({ a: 100, b: 100 });
  });

  it("drops the stalest first when it is full, and of one long prompt the tail", () => {
    const subject = tree({ capacityTokens: 100 });
    const a = subject.addHolder("a");
    subject.claim("m", range(1, 60), a, 0);
    subject.claim("m", range(101, 140), a, 1);
    subject.claim("m", range(1, 60), a, 2);
    subject.claim("m", range(201, 220), a, 3);
    expect(held(subject, range(1, 60))).toEqual({ a: 60 });
    expect(held(subject, range(101, 140))).toEqual({ a: 20 });
    subject.claim("m", range(1001, 2000), a, 4);
    expect(held(subject, range(1001, 2000))).toEqual({ a: 100 });
    expect(subject.storedTokens).toBe(100);
  });

  it("keeps namespaces apart and lets go of empty ones", () => {
    const subject = tree();
    const a = subject.addHolder("a");
    subject.claim("m", range(1, 10), a, 0);
    expect(held(subject, range(1, 10), "n")).toEqual({});
    subject.claim("m", ids(), a, 0);
    expect(held(subject, ids())).toEqual({});
  });

  it("does not go on from a match that is out of date", () => {
    const subject = tree();
    const [a, b] = [subject.addHolder("a"), subject.addHolder("b")];
    subject.claim("m", range(1, 100), a, 0);
    const match = subject.match("m", range(1, 100));
    subject.removeHolder(a);
    subject.claim("m", range(1, 100), b, 0, match);
    expect(held(subject, range(1, 100))).toEqual({ b: 100 });
    expect([subject.nodes, subject.storedTokens]).toEqual([1, 100]);
  });

  it("lets go of pages when most of what lay on them is gone", () => {
    const subject = tree({ capacityTokens: 10_000_000 });
    const a = subject.addHolder("a");
    // Ten prompts that are used again and again, among tens of thousands that are not: 6 million tokens in all.
    for (let index = 0; index < 30_000; index++) {
      const first = index % 10 === 0 ? (index / 10) % 10 : index + 10;
      subject.claim(
        "m",
        Int32Array.from({ length: 200 }, (_, at) => first + at),
        a,
        index,
      );
      if (index % 1000 === 0) subject.evict(index + 300_000 - 5000);
    }
    expect(subject.storedTokens).toBeLessThan(1_300_000);
    expect(subject.allocatedTokens).toBeLessThan(2 * subject.storedTokens);
  });

  it("walks a path of 10,000 nodes, and takes it down again", () => {
    const subject = tree();
    const a = subject.addHolder("a");
    const prompt = new Int32Array(10_000);
    // From the longest down, so that each one splits the first edge once more.
    for (let length = 10_000; length > 0; length--) subject.claim("m", prompt.subarray(0, length), a, 0);
    expect([subject.nodes, subject.storedTokens]).toEqual([10_000, 10_000]);
    expect(held(subject, prompt)).toEqual({ a: 10_000 });
    subject.removeHolder(a);
    expect(subject.nodes).toBe(0);
  });
});

type Happening =
  | {
      readonly kind: "claim";
      readonly namespace: string;
      readonly prompt: Int32Array;
      readonly pod: number;
      readonly atMs: number;
    }
  | { readonly kind: "withdraw"; readonly claim: number }
  | { readonly kind: "evict"; readonly atMs: number }
  | { readonly kind: "forget"; readonly pod: number };

/** What happened, in order; every question is answered by going through it again. */
class Log {
  readonly #events: Happening[] = [];

  /** @returns its number */
  add(event: Happening): number {
    return this.#events.push(event) - 1;
  }

  /** Tokens of the prompt that each pod has. */
  held(namespace: string, prompt: Int32Array): Record<string, number> {
    const tokens: Record<string, number> = {};
    for (const pod of [0, 1, 2, 3]) {
      let length = 0;
      while (length < prompt.length && this.#holds(pod, namespace, prompt.subarray(0, length + 1))) length++;
      if (length > 0) tokens[`pod-${pod}`] = length;
    }
    return tokens;
  }

  storedTokens(): number {
    const stored = new Set<string>();
    for (const event of this.#events) {
      if (event.kind !== "claim") continue;
      const { namespace, prompt } = event;
      const most = Math.max(0, ...Object.values(this.held(namespace, prompt)));
      for (let length = 1; length <= most; length++) stored.add(`${namespace} ${prompt.subarray(0, length).join()}`);
    }
    return stored.size;
  }

  #holds(pod: number, namespace: string, prefix: Int32Array): boolean {
    let uses = 0;
    let since = 0;
    let lastMs = 0;
    const rests = (index: number): boolean => {
      const claim = this.#events[index];
      if (claim?.kind !== "claim" || claim.pod !== pod || claim.namespace !== namespace) return false;
      return prefix.every((token, at) => claim.prompt[at] === token);
    };
    for (const [index, event] of this.#events.entries()) {
      if (event.kind === "claim" && rests(index)) {
        if (uses++ === 0) since = index;
        lastMs = event.atMs;
      }
      if (event.kind === "withdraw" && uses > 0 && event.claim >= since && rests(event.claim)) uses--;
      if (event.kind === "evict" && event.atMs - lastMs > TTL_MS) uses = 0;
      if (event.kind === "forget" && event.pod === pod) uses = 0;
    }
    return uses > 0;
  }
}

const TTL_MS = 1000;

const prompts = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 10 }).map((tokens) => Int32Array.from(tokens));
const pod = fc.nat({ max: 3 });

const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("claim" as const),
      namespace: fc.constantFrom("m", "n"),
      prompt: prompts,
      pod,
      afterMatch: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("withdraw" as const), which: fc.nat({ max: 20 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("time" as const), byMs: fc.integer({ min: 0, max: 900 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("replace" as const), pod }) },
);

it("agrees at every step with the plain log of what happened", () => {
  fc.assert(
    fc.property(
      fc.array(operation, { maxLength: 50 }),
      fc.array(prompts, { minLength: 3, maxLength: 3 }),
      (operations, probes) => {
        const subject = tree({ ttlMs: TTL_MS });
        const log = new Log();
        const holders = [0, 1, 2, 3].map((pod) => subject.addHolder(`pod-${pod}`));
        const placed: { claim: number; placement: Placement }[] = [];
        let nowMs = 0;
        for (const step of operations) {
          if (step.kind === "claim") {
            const { namespace, prompt, pod } = step;
            const claim = log.add({ kind: "claim", namespace, prompt, pod, atMs: nowMs });
            const match = step.afterMatch ? subject.match(namespace, prompt) : undefined;
            placed.push({ claim, placement: subject.claim(namespace, prompt, holders[pod] as Holder, nowMs, match) });
          } else if (step.kind === "withdraw") {
            for (const { claim, placement } of placed.splice(step.which, 1)) {
              log.add({ kind: "withdraw", claim });
              subject.withdraw(placement);
            }
          } else if (step.kind === "time") {
            nowMs += step.byMs;
            log.add({ kind: "evict", atMs: nowMs });
            subject.evict(nowMs);
          } else {
            log.add({ kind: "forget", pod: step.pod });
            subject.removeHolder(holders[step.pod] as Holder);
            holders[step.pod] = subject.addHolder(`pod-${step.pod}`);
          }
          for (const namespace of ["m", "n"]) {
            for (const probe of probes) expect(held(subject, probe, namespace)).toEqual(log.held(namespace, probe));
          }
        }
        expect(subject.storedTokens).toBe(log.storedTokens());
        for (const holder of holders) subject.removeHolder(holder);
        expect([subject.nodes, subject.storedTokens]).toEqual([0, 0]);
      },
    ),
    { numRuns: 200 },
  );
});
