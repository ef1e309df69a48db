/**
 * A test for each kind of bug that real routers had and that a decision core can have; here, of what the index knows.
 * Projects and numbers are those of the reports, ids those of `router/bug-classes.test.ts`: aib vllm-project/aibrix,
 * sgl sgl-project/sglang, smg lightseekorg/smg, vr vllm-project/router, ps vllm-project/production-stack,
 * gie kubernetes-sigs/gateway-api-inference-extension, ldr llm-d/llm-d-router, dyn ai-dynamo/dynamo, lit BerriAI/litellm,
 * ray ray-project/ray.
 */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { PROFILE_NAMES } from "../../../fixtures/profiles/latency-profile.ts";
import type { RouteRequest } from "../../../fixtures/routing.ts";
import { cl100k } from "../../../fixtures/tokenizer/cl100k.ts";
import { blockHashes } from "../block-hash.ts";
import { decodeSeconds, prefillSeconds, pricingProfile } from "../cost-model.ts";
import { RadixTree } from "../prefix-tree/radix-tree.ts";
import { range, Subject } from "./test-subject.ts";

it.each(["prefix-cache-and-load", "prefix-hash", "cache-aware"] as const)(
  "a block in the middle of another prompt is no prefix: %s (PFX-01, PFX-02: aib #917, #1218; ldr approximate)",
  (strategy) => {
    const subject = new Subject(["a", "b"], { strategy });
    subject.end(subject.sendTo("a", [...range(1, 64), ...range(101, 164)]));
    expect(subject.send([...range(101, 164), ...range(201, 264)]).matchedTokens).toBe(0);
    expect(subject.send([...range(901, 916), ...range(17, 64)]).matchedTokens).toBe(0);
  },
);

it("prompts share nothing across salts, adapters and models, however the names join (PFX-05, PFX-09: gie #1646; sgl #10773; ray #58835)", () => {
  const subject = new Subject(["x", "y"]);
  subject.end(subject.sendTo("x", range(1, 100), { model: "a", cacheSalt: "bc" }));
  const seen = (more: Partial<RouteRequest>): number => subject.send(range(1, 100), more).matchedTokens;
  expect(seen({ model: "a", cacheSalt: "bc" })).toBe(100);
  expect(seen({ model: "ab", cacheSalt: "c" })).toBe(0);
  expect(seen({ model: "abc" })).toBe(0);
  expect(seen({ model: "a", lora: "bc" })).toBe(0);
});

it("prompts of equal length are not equal (PFX-07: vr, token ids by count)", () => {
  const subject = new Subject(["a", "b"]);
  subject.end(subject.sendTo("a", range(1, 100)));
  expect(subject.send(range(501, 600)).matchedTokens).toBe(0);
});

it("prompts shorter than a block are not all alike (PFX-06: gie #2823)", () => {
  const subject = new Subject(["a", "b", "c", "d"], { strategy: "prefix-hash" });
  for (let first = 0; first < 40; first++) subject.send([first, 1, 2]);
  expect(Math.max(...Object.values(subject.inFlight()))).toBe(10);
});

it("no tokens are no match and no NaN (PFX-11: ray, aib, division by zero)", () => {
  const subject = new Subject(["a", "b"]);
  subject.end(subject.send([]));
  expect(subject.send([])).toMatchObject({ reason: "cost", ratio: 0, matchedTokens: 0, totalTokens: 0 });
});

it("a prompt below the threshold is learnt as well (PFX-12: ps #990; sgl #8982)", () => {
  const subject = new Subject(["a", "b"]);
  subject.end(subject.sendTo("a", range(1, 100)));
  const below = subject.send([...range(1, 30), ...range(501, 570)]);
  expect(below.reason).toBe("cost");
  expect(subject.send([...range(1, 30), ...range(501, 570)])).toMatchObject({ reason: "prefix", pod: below.pod });
});

it("no pod name is special (PFX-13: smg #268; aib #719)", () => {
  const names = ["", "empty", "root", "__proto__", "x".repeat(1000)];
  const subject = new Subject(names);
  for (const [index, name] of names.entries()) {
    const prompt = range(index * 1000, index * 1000 + 99);
    subject.end(subject.sendTo(name, prompt));
    expect(subject.send(prompt)).toMatchObject({ reason: "prefix", pod: name });
  }
});

it("a burst of one new prompt goes to one pod, before any answer (PFX-16: ldr #1726)", () => {
  const subject = new Subject(["a", "b", "c", "d"]);
  const pods = Array.from({ length: 50 }, () => subject.send(range(1, 200)).pod);
  expect(new Set(pods).size).toBe(1);
});

it("a million tokens of unique prompts keep to the budget, over 64 pods and in bursts between ticks (EVICT-01, EVICT-02: ps #687; smg #2137; sgl #16734)", () => {
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

it("storing and expiring under a prefix that stays leaves no nodes behind (EVICT-08: dyn #4056, #10774, #14878)", () => {
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

it.each(["prefix-cache-and-load", "prefix-hash"] as const)(
  "of one prompt too long for the index the head survives: %s (EVICT-06: ldr #2661)",
  (strategy) => {
    const subject = new Subject(["a"], { strategy, capacityTokens: 1600 });
    subject.end(subject.send(range(1, 5000)));
    expect(subject.send(range(1, 5000)).matchedTokens).toBe(1600);
  },
);

it("an expired branch takes nothing from its siblings' ancestors (EVICT-03: aib #719)", () => {
  const subject = new Subject(["a", "b"]);
  subject.end(subject.sendTo("a", range(1, 100)));
  subject.nowMs = 200_000;
  subject.end(subject.sendTo("a", [...range(1, 60), ...range(201, 240)]));
  subject.nowMs = 301_000;
  expect(subject.send(range(1, 60))).toMatchObject({ reason: "prefix", matchedTokens: 60, pod: "a" });
});

it("costs are never negative and never fall as a prompt grows or less of it is known (PFX-14: Preble, aib, 361 to 383 tokens)", () => {
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

it("text is split anywhere, in the middle of a letter's bytes too, and matches up to the split (PFX-08: sgl #11766; smg #1676)", () => {
  const text =
    "plain, \u{1F469}\u200D\u{1F469}\u200D\u{1F467} family, 漢字かな交じり文, e\u0301 n\u0303 combined, \ud83d alone, עברית, 🇨🇭 end";
  const whole = cl100k.encode(text);
  for (const strategy of ["prefix-cache-and-load", "prefix-hash", "cache-aware"] as const) {
    const subject = new Subject(["a", "b"], { strategy, tokenizer: cl100k });
    subject.end(subject.sendTo("a", whole));
    const block = strategy === "prefix-hash" ? 16 : 1;
    for (let end = 0; end <= text.length; end++) {
      const cut = `${text.slice(0, end)}~`;
      const tokens = cl100k.encode(cut);
      let shared = tokens.findIndex((token, index) => token !== whole[index]);
      if (shared < 0) shared = tokens.length;
      expect(subject.match(cut)).toBe(shared - (shared % block));
    }
  }
});

it("a prompt of 131,072 tokens is matched to the token, and cut at any depth (PFX-10: aib #2052)", () => {
  const subject = new Subject(["a", "b"]);
  const prompt = range(1, 131_072);
  subject.end(subject.sendTo("a", prompt));
  for (const length of [131_072, 131_071, 65_537, 30_000, 1]) {
    expect(subject.match([...prompt.slice(0, length), 0])).toBe(length);
    subject.end(subject.sendTo("a", prompt.slice(0, length)));
  }
});

it("a chain of 50,000 splits is walked, and let go of when it expires (PFX-10: aib #2052)", () => {
  const tree = new RadixTree({ ttlMs: 1000, capacityTokens: 1e6 });
  const holder = tree.addHolder("a");
  const prompt = new Int32Array(50_000);
  // From the longest down, so that each one splits the first edge once more.
  for (let length = 50_000; length > 0; length--) tree.claim("m", prompt.subarray(0, length), holder, 0);
  expect([tree.nodes, tree.match("m", prompt).byHolder.get(holder)]).toEqual([50_000, 50_000]);
  tree.evict(1001);
  expect([tree.nodes, tree.storedTokens]).toEqual([0, 0]);
});

it.each(["prefix-cache-and-load", "prefix-hash", "cache-aware"] as const)(
  "the decision says how much of the prompt it believes cached, on every pod, and it is not nothing for a warm one: %s (PFX-15: ldr #2274, #1540; dyn #3581)",
  (strategy) => {
    const subject = new Subject(["a", "b"], { strategy });
    subject.end(subject.sendTo("a", range(1, 160)));
    const record = subject.send([...range(1, 128), ...range(901, 932)]);
    expect(record).toMatchObject({ matchedTokens: 128, totalTokens: 160, ratio: 0.8 });
    const matched = Object.fromEntries(record.candidates.map(({ pod, matchedTokens }) => [pod, matchedTokens]));
    expect(matched).toEqual({ a: 128, b: 0 });
  },
);

it("the window gives back exactly what it took, whatever was split or failed meanwhile (EVICT-04: aib #719)", () => {
  const subject = new Subject(["a"]);
  const [pod] = subject.router.pods();
  const load = pod === undefined ? undefined : subject.router.strategy.recentLoad?.(pod);
  for (let request = 0; request < 200; request++) {
    subject.nowMs += 500;
    const prompt = [...range(1, 100 + (request % 90)), ...range(request * 1000, request * 1000 + (request % 7))];
    subject.end(subject.send(prompt), request % 3 === 0 ? "error" : "ok");
  }
  expect(load?.requests(subject.nowMs)).toBe(133);
  expect(load?.requests(subject.nowMs + 180_000)).toBe(0);
  expect(load?.seconds(subject.nowMs + 180_000)).toBe(0);
});

it("the same prefix again makes nothing larger (EVICT-05: smg #946)", () => {
  const subject = new Subject(["a", "b"]);
  const { tree } = subject.router.strategy as unknown as { tree: RadixTree };
  for (let round = 0; round < 100; round++) subject.end(subject.sendTo("a", range(1, 500)));
  expect([tree.nodes, tree.storedTokens]).toEqual([1, 500]);
  for (let round = 0; round < 100; round++) subject.end(subject.sendTo("b", range(1, 500)));
  expect([tree.nodes, tree.storedTokens]).toEqual([1, 500]);
});

it("a prompt is hashed and matched in one pass, however long (PERF-02: aib #1262)", () => {
  for (const length of [1000, 4000, 16_000]) {
    const tokens = Int32Array.from(range(1, length));
    let reads = 0;
    const counted = new Proxy(tokens, {
      get(target, key) {
        if (key === "length") return target.length;
        reads++;
        return target[Number(key)];
      },
    });
    expect(blockHashes("m", counted, 16)).toHaveLength(Math.floor(length / 16));
    expect(reads).toBe(length - (length % 16));
    // Cut into many nodes by prompts that leave it one by one.
    const tree = new RadixTree({ ttlMs: 1000, capacityTokens: 1e6 });
    const holder = tree.addHolder("a");
    tree.claim("m", tokens, holder, 0);
    for (let at = 100; at < length; at += 100) tree.claim("m", Int32Array.from([...range(1, at), 0]), holder, 0);
    reads = 0;
    expect(tree.match("m", counted).matchedTokens).toBe(length);
    expect(reads).toBeLessThan(3 * length);
  }
});
