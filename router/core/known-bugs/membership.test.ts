import { expect, it } from "vitest";
import { STRATEGIES } from "../options.ts";
import type { RadixTree } from "../prefix-tree/radix-tree.ts";
import { range, Subject } from "./test-subject.ts";

it.each(["prefix-cache-and-load", "prefix-hash", "cache-aware"] as const)(
  "a pod that is gone is forgotten, and cold when it returns: %s (MEMB-01, MEMB-04: gie #1376; smg #2132, #1039)",
  (strategy) => {
    const subject = new Subject(["a", "b"], { strategy });
    subject.end(subject.sendTo("a", range(1, 200)));
    subject.pods("b");
    expect(subject.send(range(1, 200)).pod).toBe("b");
    subject.pods("a", "b");
    expect(subject.send(range(1, 200)).pod).toBe("b");
  },
);

it("one pod swapped for another at once is noticed (MEMB-07: aib #719 at its head)", () => {
  const subject = new Subject(["a", "b"]);
  subject.end(subject.sendTo("a", range(1, 200)));
  subject.pods("b", "c");
  expect(subject.send(range(1, 200))).toMatchObject({ reason: "cost", matchedTokens: 0 });
});

it("a new pod, or another order, moves nobody's prefixes (SESS-02: ps #8, #15)", () => {
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

it("a retry goes elsewhere, and what failed is not learnt (RETRY-02: smg; sgl #8972)", () => {
  const subject = new Subject(["a", "b", "c"]);
  subject.end(subject.sendTo("a", range(1, 100)));
  const failed = subject.send(range(1, 100));
  expect(failed.pod).toBe("a");
  subject.end(failed, "error");
  const retried = subject.send(range(1, 100), { exclude: ["a"] });
  expect(retried.pod).not.toBe("a");
  expect(subject.send(range(1, 100)).candidates.find(({ pod }) => pod === "a")?.matchedTokens).toBe(100);
});

it("a pod on another card is another pod (MEMB-05: dyn #12566)", () => {
  const subject = new Subject([{ name: "a", gpu: "v100" }, "b"]);
  subject.end(subject.sendTo("a", range(1, 100)));
  subject.pods({ name: "a", gpu: "a6000" }, "b");
  expect(subject.send(range(1, 100)).matchedTokens).toBe(0);
});

it("two routers with one seed decide alike (HA-01: aib #752; lld #1290)", () => {
  const decide = (): (string | null)[] => {
    const subject = new Subject(["a", "b", "c"], { strategy: "prefix-hash", seed: 9 });
    return Array.from({ length: 30 }, (_, index) => subject.send(range(index * 7, index * 7 + 40)).pod);
  };
  expect(decide()).toEqual(decide());
});

it.each(STRATEGIES)(
  "a model's prompts go to its own pods, and two models' traffic never mixes: %s (PROTO-14: istio #61594; ps #889)",
  (strategy) => {
    const subject = new Subject(
      [
        { name: "m1", models: ["m"] },
        { name: "both", models: ["m", "n"] },
        { name: "n1", models: ["n"] },
      ],
      { strategy },
    );
    for (let request = 0; request < 60; request++) {
      const model = request % 2 === 0 ? "m" : "n";
      const record = subject.send(range(1, 100), { model });
      expect([`${model}1`, "both"]).toContain(record.pod);
      if (request % 3 === 0) subject.end(record);
    }
    expect(subject.send([1], { model: "none" })).toMatchObject({ reason: "rejected", pod: null });
  },
);

it("four thousand pods are pods like any others (SCALE-02: smg #1706)", () => {
  const names = Array.from({ length: 4000 }, (_, index) => `pod-${index}`);
  for (const strategy of [
    "prefix-cache-and-load",
    "least-request",
    "round-robin",
    "prefix-hash",
    "cache-aware",
  ] as const) {
    const subject = new Subject(names, { strategy, capacityTokens: 1e6 });
    const first = subject.sendTo("pod-3999", range(1, 160));
    subject.end(first);
    const second = subject.send(range(1, 160));
    subject.end(second);
    expect(second.candidates).toHaveLength(4000);
    if (strategy !== "least-request" && strategy !== "round-robin") expect(second.pod).toBe("pod-3999");
  }
});

it("pods that come and go for days leave nothing behind (SOAK-01: smg #961, #1011)", () => {
  const subject = new Subject(["a"]);
  const { tree } = subject.router.strategy as unknown as { tree: RadixTree };
  for (let round = 0; round < 2000; round++) {
    subject.pods(`pod-${round}`, `pod-${round + 1}`);
    subject.end(subject.send(range(round * 50, round * 50 + 99)), round % 3 === 0 ? "error" : "ok");
    subject.send(range(round * 50, round * 50 + 99));
    expect(tree.storedTokens).toBeLessThanOrEqual(400);
  }
  subject.pods();
  expect([tree.nodes, tree.storedTokens, tree.roots.size]).toEqual([0, 0, 0]);
});
