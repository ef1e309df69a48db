/**
 * A test for each kind of bug that real routers had and that a decision core can have. The projects and numbers are those
 * of the reports: aib vllm-project/aibrix, sgl sgl-project/sglang, smg lightseekorg/smg, vr vllm-project/router,
 * ps vllm-project/production-stack, gie kubernetes-sigs/gateway-api-inference-extension, ldr llm-d/llm-d-router,
 * dyn ai-dynamo/dynamo, lit BerriAI/litellm, ray ray-project/ray.
 */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PROFILE_NAMES } from "../../fixtures/profiles/latency-profile.ts";
import type { DecisionRecord, Outcome, RoutedPod, RouteRequest } from "../../fixtures/routing.ts";
import { decodeSeconds, prefillSeconds, pricingProfile } from "./cost-model.ts";
import { createFunctionRouter, type FunctionRouterOptions, type ReferenceRouter } from "./function-router.ts";
import type { PodView } from "./pod-view.ts";
import { RadixTree } from "./radix-tree.ts";

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** A router with a few shorthands; requests stay in flight until `end`. */
class Subject {
  readonly router: ReferenceRouter;
  nowMs = 0;
  #requests = 0;

  constructor(pods: readonly (string | RoutedPod)[], options: Partial<FunctionRouterOptions> = {}) {
    this.router = createFunctionRouter({ seed: 1, defaultGpu: "a6000", tokenizer: { encode: () => [] }, ...options });
    this.pods(...pods);
  }

  pods(...pods: readonly (string | RoutedPod)[]): void {
    this.router.setPods(
      pods.map((pod) => (typeof pod === "string" ? { name: pod } : pod)),
      this.nowMs,
    );
  }

  send(prompt: number[], more: Partial<RouteRequest> & { readonly exclude?: string[] } = {}): DecisionRecord {
    const { exclude, ...request } = more;
    const requestId = String(this.#requests++);
    return this.router.decide({ requestId, model: "m", prompt, ...request }, this.nowMs, new Set(exclude));
  }

  /** On that pod, whatever the rule says. */
  sendTo(pod: string, prompt: number[], more: Partial<RouteRequest> = {}): DecisionRecord {
    const exclude = this.router.pods().flatMap(({ name }) => (name === pod ? [] : [name]));
    return this.send(prompt, { ...more, exclude });
  }

  end({ requestId }: DecisionRecord, outcome: Outcome = "ok"): void {
    this.router.finished(requestId, outcome, this.nowMs);
  }

  inFlight(): Record<string, number> {
    return Object.fromEntries(this.router.pods().map(({ name, inFlight }) => [name, inFlight]));
  }
}

describe("prefix index", () => {
  it.each(["prefix-cache-and-load", "prefix-hash", "cache-aware"] as const)(
    "a block in the middle of another prompt is no prefix: %s (aib #917, #1218; ldr approximate)",
    (strategy) => {
      const subject = new Subject(["a", "b"], { strategy });
      subject.end(subject.sendTo("a", [...range(1, 64), ...range(101, 164)]));
      expect(subject.send([...range(101, 164), ...range(201, 264)]).matchedTokens).toBe(0);
      expect(subject.send([...range(901, 916), ...range(17, 64)]).matchedTokens).toBe(0);
    },
  );

  it("prompts share nothing across salts, adapters and models, however the names join (gie #1646; sgl #10773)", () => {
    const subject = new Subject(["x", "y"]);
    subject.end(subject.sendTo("x", range(1, 100), { model: "a", cacheSalt: "bc" }));
    const seen = (more: Partial<RouteRequest>): number => subject.send(range(1, 100), more).matchedTokens;
    expect(seen({ model: "a", cacheSalt: "bc" })).toBe(100);
    expect(seen({ model: "ab", cacheSalt: "c" })).toBe(0);
    expect(seen({ model: "abc" })).toBe(0);
    expect(seen({ model: "a", lora: "bc" })).toBe(0);
  });

  it("prompts of equal length are not equal (vr, token ids by count)", () => {
    const subject = new Subject(["a", "b"]);
    subject.end(subject.sendTo("a", range(1, 100)));
    expect(subject.send(range(501, 600)).matchedTokens).toBe(0);
  });

  it("prompts shorter than a block are not all alike (gie #2823)", () => {
    const subject = new Subject(["a", "b", "c", "d"], { strategy: "prefix-hash" });
    for (let first = 0; first < 40; first++) subject.send([first, 1, 2]);
    expect(Math.max(...Object.values(subject.inFlight()))).toBe(10);
  });

  it("no tokens are no match and no NaN (ray, aib: division by zero)", () => {
    const subject = new Subject(["a", "b"]);
    subject.end(subject.send([]));
    expect(subject.send([])).toMatchObject({ reason: "cost", ratio: 0, matchedTokens: 0, totalTokens: 0 });
  });

  it("a prompt below the threshold is learnt as well (ps #990; sgl #8982)", () => {
    const subject = new Subject(["a", "b"]);
    subject.end(subject.sendTo("a", range(1, 100)));
    const below = subject.send([...range(1, 30), ...range(501, 570)]);
    expect(below.reason).toBe("cost");
    expect(subject.send([...range(1, 30), ...range(501, 570)])).toMatchObject({ reason: "prefix", pod: below.pod });
  });

  it("no pod name is special (smg #268; aib #719)", () => {
    const names = ["", "empty", "root", "__proto__", "x".repeat(1000)];
    const subject = new Subject(names);
    for (const [index, name] of names.entries()) {
      const prompt = range(index * 1000, index * 1000 + 99);
      subject.end(subject.sendTo(name, prompt));
      expect(subject.send(prompt)).toMatchObject({ reason: "prefix", pod: name });
    }
  });

  it("a burst of one new prompt goes to one pod, before any answer (ldr #1726)", () => {
    const subject = new Subject(["a", "b", "c", "d"]);
    const pods = Array.from({ length: 50 }, () => subject.send(range(1, 200)).pod);
    expect(new Set(pods).size).toBe(1);
  });

  it("a million tokens of unique prompts keep to the budget, in bursts between ticks too (ps #687; smg #2137; sgl #16734)", () => {
    const subject = new Subject(
      Array.from({ length: 64 }, (_, pod) => `pod-${pod}`),
      { capacityTokens: 100_000 },
    );
    const { tree } = subject.router.strategy as unknown as { tree: RadixTree };
    for (let index = 0; index < 2000; index++) {
      subject.nowMs = index;
      subject.end(subject.send(Array.from({ length: 500 }, (_, at) => index * 500 + at)));
      expect(tree.storedTokens).toBeLessThanOrEqual(100_000);
    }
    expect(tree.nodes).toBeLessThanOrEqual(201);
    expect(tree.allocatedTokens).toBeLessThan(400_000);
  });

  it("storing and expiring under a prefix that stays leaves no nodes behind (dyn #4056, #10774, #14878)", () => {
    const tree = new RadixTree({ ttlMs: 1000, capacityTokens: 1e9 });
    const holder = tree.addHolder("a");
    for (let nowMs = 0; nowMs < 50_000; nowMs += 100) {
      tree.claim("m", Int32Array.from([...range(1, 50), nowMs, nowMs + 1]), holder, nowMs);
      tree.evict(nowMs);
      expect(tree.nodes).toBeLessThanOrEqual(13);
    }
    tree.evict(1e6);
    expect([tree.nodes, tree.storedTokens]).toEqual([0, 0]);
  });

  it("of one prompt too long for the index the head survives (ldr #2661)", () => {
    for (const strategy of ["prefix-cache-and-load", "prefix-hash"] as const) {
      const subject = new Subject(["a"], { strategy, capacityTokens: 1600 });
      subject.end(subject.send(range(1, 5000)));
      expect(subject.send(range(1, 5000)).matchedTokens).toBe(1600);
    }
  });

  it("an expired branch takes nothing from its siblings' ancestors, and counters return to zero (aib #719)", () => {
    const subject = new Subject(["a", "b"]);
    subject.end(subject.sendTo("a", range(1, 100)));
    subject.nowMs = 200_000;
    subject.end(subject.sendTo("a", [...range(1, 60), ...range(201, 240)]));
    subject.nowMs = 301_000;
    expect(subject.send(range(1, 60))).toMatchObject({ reason: "prefix", matchedTokens: 60, pod: "a" });
  });

  it("costs are never negative and never fall as a prompt grows or less of it is known (Preble, aib: 361 to 383 tokens)", () => {
    const tokens = fc.integer({ min: 0, max: 200_000 });
    fc.assert(
      fc.property(fc.constantFrom(...PROFILE_NAMES), tokens, tokens, (name, a, b) => {
        const profile = pricingProfile(name);
        const [less, more] = a < b ? [a, b] : [b, a];
        expect(prefillSeconds(profile, less, 0)).toBeLessThanOrEqual(prefillSeconds(profile, more, 0) + 1e-12);
        expect(prefillSeconds(profile, more, more)).toBeLessThanOrEqual(prefillSeconds(profile, more, less) + 1e-12);
      }),
    );
    for (const profile of PROFILE_NAMES.map(pricingProfile)) {
      for (let total = 0; total < 500; total++) {
        expect(prefillSeconds(profile, total, 0)).toBeGreaterThanOrEqual(0);
        expect(decodeSeconds(profile, total)).toBeGreaterThan(0);
      }
    }
  });
});

describe("requests in flight", () => {
  it.each(["ok", "error", "aborted"] as const)(
    "every %s end releases the pod (vr #215; sgl #8972; ps #1001; aib #1246)",
    (outcome) => {
      const subject = new Subject(["a", "b", "c", "d"]);
      for (let request = 0; request < 100; request++)
        subject.end(subject.send(range(request * 100, request * 100 + 9)), outcome);
      expect(subject.inFlight()).toEqual({ a: 0, b: 0, c: 0, d: 0 });
      const spread = Array.from(
        { length: 4 },
        (_, index) => subject.send(range(index * 100 + 50_000, index * 100 + 50_099)).pod,
      );
      expect(new Set(spread).size).toBe(4);
    },
  );

  it("a request that ends twice, or never began, takes nothing off (sgl #15060; gie #2802; aib #2440; lit #39322)", () => {
    const subject = new Subject(["a"]);
    const first = subject.send([1]);
    subject.send([2]);
    subject.end(first);
    subject.end(first, "error");
    subject.end({ ...first, requestId: "never" });
    expect(subject.inFlight()).toEqual({ a: 1 });
  });

  it("a stream of half an hour still counts (ldr #2295; sgl #9523; lit #40401)", () => {
    const subject = new Subject(["a", "b"]);
    subject.sendTo("a", range(1, 100));
    for (subject.nowMs = 0; subject.nowMs < 1_800_000; subject.nowMs += 1000) subject.router.tick(subject.nowMs);
    expect(subject.inFlight()).toEqual({ a: 1, b: 0 });
    expect(subject.send(range(501, 600)).pod).toBe("b");
  });

  it("prefill stops counting at the first token (sgl #39951; ldr #2243)", () => {
    const subject = new Subject(["long", "short"]);
    const { requestId } = subject.sendTo("long", range(1, 8000));
    for (const first of [10_001, 20_001]) subject.sendTo("short", range(first, first + 9));
    // One long prefill and a decode are more work than two decodes; the decode alone is less.
    const next = subject.send(range(90_001, 90_100), { exclude: [] });
    expect(next.pod).toBe("short");
    subject.end(next, "error");
    subject.router.firstToken?.(requestId, 1);
    expect(subject.send(range(90_001, 90_100)).pod).toBe("long");
  });

  it("ends of requests on a pod that is gone do not touch its successor (dyn #7863; smg #1039)", () => {
    const subject = new Subject(["a", "b"]);
    const old = subject.sendTo("a", range(1, 100));
    subject.pods("b");
    subject.pods("a", "b");
    const young = subject.sendTo("a", range(1, 100));
    subject.end(old, "error");
    expect(subject.inFlight()).toEqual({ a: 1, b: 0 });
    expect(subject.send(range(1, 100)).pod).toBe("a");
    subject.end(young);
  });

  it("an idle while forgets what was (ps #174)", () => {
    const subject = new Subject(["a", "b"]);
    for (let request = 0; request < 10; request++)
      subject.end(subject.sendTo("a", range(request * 100, request * 100 + 99)));
    subject.nowMs = 180_000;
    const [a, b] = subject.send(range(90_001, 90_100)).candidates;
    expect(a?.costSeconds).toBe(b?.costSeconds);
  });
});

describe("ties and load", () => {
  it("equal pods draw evenly and without a pattern (smg #1714; vr #198; dyn #9516; gie #2805)", () => {
    const subject = new Subject(["a", "b", "c", "d"], { strategy: "least-request" });
    const pods = Array.from({ length: 400 }, (_, index) => {
      const record = subject.send([index]);
      subject.end(record);
      return record.pod ?? "";
    });
    for (const name of ["a", "b", "c", "d"]) {
      const share = pods.filter((pod) => pod === name).length;
      expect(share).toBeGreaterThan(55);
      expect(share).toBeLessThan(145);
    }
    for (let period = 1; period <= 16; period++) {
      const repeats = pods.filter((pod, index) => pods[index - period] === pod).length;
      expect(repeats).toBeLessThan(200);
    }
  });

  it.each([
    "least-request",
    "power-of-two",
    "prefix-cache-and-load",
    "prefix-hash",
    "cache-aware",
    "least-kv-cache",
  ] as const)(
    "the less loaded of two pods is taken, in every order: %s (gie #2583; aib #1386; lit #1195)",
    (strategy) => {
      const lookAtPod = (name: string): PodView => ({ kvUsageRatio: name === "busy" ? 0.9 : 0.1 });
      for (const names of [
        ["busy", "idle"],
        ["idle", "busy"],
      ]) {
        const subject = new Subject(names, { strategy, lookAtPod });
        for (let request = 0; request < 3; request++) subject.sendTo("busy", range(request * 100, request * 100 + 99));
        expect(subject.send(range(5001, 5100)).pod).toBe("idle");
      }
    },
  );

  it("of equally idle pods the one that knows the prompt gets it (aib #1906; dyn #3581)", () => {
    for (const strategy of ["prefix-cache-and-load", "prefix-hash", "cache-aware"] as const) {
      const subject = new Subject(["a", "b", "c"], { strategy });
      subject.end(subject.sendTo("b", range(1, 200)));
      expect(subject.send(range(1, 200)).pod).toBe("b");
    }
  });

  it("a miss goes to the idle pod, and not to the one that knows least (sgl #14305, #14532)", () => {
    const subject = new Subject(["knows-much", "knows-little"], { strategy: "cache-aware" });
    subject.end(subject.sendTo("knows-much", range(1, 5000)));
    subject.sendTo("knows-little", [1, 2, 3]);
    expect(subject.send(range(9001, 9100)).pod).toBe("knows-much");
  });

  it("turns are counted for each model (ps #916)", () => {
    const subject = new Subject(["a", "b"], { strategy: "round-robin" });
    const pods = Array.from({ length: 8 }, (_, index) => subject.send([1], { model: index % 2 === 0 ? "m" : "n" }).pod);
    expect(pods.filter((_, index) => index % 2 === 0)).toEqual(["a", "b", "a", "b"]);
    expect(pods.filter((_, index) => index % 2 === 1)).toEqual(["a", "b", "a", "b"]);
  });

  it("what is not known of a pod is not zero (gie #1497; smg #1867; aib #638, #2057)", () => {
    const views: Record<string, PodView | undefined> = {
      known: { kvUsageRatio: 0.8 },
      silent: undefined,
      partial: {},
      garbage: { kvUsageRatio: NaN },
      negative: { kvUsageRatio: -1 },
    };
    const subject = new Subject(Object.keys(views), { strategy: "least-kv-cache", lookAtPod: (name) => views[name] });
    for (let request = 0; request < 10; request++) expect(subject.send([request]).pod).toBe("known");
  });

  it("where nothing is known, requests in flight decide (aib #638; ldr #2547)", () => {
    const subject = new Subject(["a", "b"], { strategy: "least-kv-cache", lookAtPod: () => undefined });
    subject.sendTo("a", [1]);
    expect(subject.send([2]).pod).toBe("b");
  });
});

describe("membership", () => {
  it("a pod that is gone is forgotten, and cold when it returns (gie #1376; smg #2132, #1039)", () => {
    for (const strategy of ["prefix-cache-and-load", "prefix-hash", "cache-aware"] as const) {
      const subject = new Subject(["a", "b"], { strategy });
      subject.end(subject.sendTo("a", range(1, 200)));
      subject.pods("b");
      expect(subject.send(range(1, 200)).pod).toBe("b");
      subject.pods("a", "b");
      expect(subject.send(range(1, 200)).pod).toBe("b");
    }
  });

  it("one pod swapped for another at once is noticed (aib #719 at its head)", () => {
    const subject = new Subject(["a", "b"]);
    subject.end(subject.sendTo("a", range(1, 200)));
    subject.pods("b", "c");
    expect(subject.send(range(1, 200))).toMatchObject({ reason: "cost", matchedTokens: 0 });
  });

  it("a new pod, or another order, moves nobody's prefixes (ps #8, #15)", () => {
    const subject = new Subject(["a", "b"]);
    const owners = Array.from({ length: 20 }, (_, index) => {
      const record = subject.send(range(index * 1000, index * 1000 + 99));
      subject.end(record);
      return record.pod;
    });
    subject.pods("c", "b", "a");
    const again = owners.map((_, index) => {
      const record = subject.send(range(index * 1000, index * 1000 + 99));
      subject.end(record);
      return record.pod;
    });
    expect(again).toEqual(owners);
  });

  it("a retry goes elsewhere, and what failed is not learnt (smg, retry of the failed worker; sgl #8972)", () => {
    const subject = new Subject(["a", "b", "c"]);
    subject.end(subject.sendTo("a", range(1, 100)));
    const failed = subject.send(range(1, 100));
    expect(failed.pod).toBe("a");
    subject.end(failed, "error");
    const retried = subject.send(range(1, 100), { exclude: ["a"] });
    expect(retried.pod).not.toBe("a");
    expect(subject.send(range(1, 100)).candidates.find(({ pod }) => pod === "a")?.matchedTokens).toBe(100);
  });

  it("a pod on another card is another pod (dyn #12566)", () => {
    const subject = new Subject([{ name: "a", gpu: "v100" }, "b"]);
    subject.end(subject.sendTo("a", range(1, 100)));
    subject.pods({ name: "a", gpu: "a6000" }, "b");
    expect(subject.send(range(1, 100)).matchedTokens).toBe(0);
  });

  it("two routers with one seed decide alike (aib #752; lld #1290)", () => {
    const decide = (): (string | null)[] => {
      const subject = new Subject(["a", "b", "c"], { strategy: "prefix-hash", seed: 9 });
      return Array.from({ length: 30 }, (_, index) => subject.send(range(index * 7, index * 7 + 40)).pod);
    };
    expect(decide()).toEqual(decide());
  });
});
