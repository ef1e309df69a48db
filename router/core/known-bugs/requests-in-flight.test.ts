import { expect, it } from "vitest";
import { range, Subject } from "./test-subject.ts";

it.each(["ok", "error", "aborted"] as const)(
  "every %s end releases the pod (LOAD-03, LOAD-05: vr #215; sgl #8972; ps #1001; aib #1246)",
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

it("a request that ends twice, or never began, takes nothing off (LOAD-07: sgl #15060; gie #2802; aib #2440; lit #39322)", () => {
  const subject = new Subject(["a"]);
  const first = subject.send([1]);
  subject.send([2]);
  subject.end(first);
  subject.end(first, "error");
  subject.end({ ...first, requestId: "never" });
  expect(subject.inFlight()).toEqual({ a: 1 });
});

it("a stream of half an hour still counts (LOAD-08, LOAD-11: ldr #2295; sgl #9523; lit #40401)", () => {
  const subject = new Subject(["a", "b"]);
  subject.sendTo("a", range(1, 100));
  for (subject.nowMs = 0; subject.nowMs < 1_800_000; subject.nowMs += 1000) subject.router.tick(subject.nowMs);
  expect(subject.inFlight()).toEqual({ a: 1, b: 0 });
  expect(subject.send(range(501, 600)).pod).toBe("b");
});

it("prefill stops counting at the first token (LOAD-10: sgl #39951; ldr #2243)", () => {
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

it("ends of requests on a pod that is gone do not touch its successor (MEMB-04: dyn #7863; smg #1039)", () => {
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

it("an idle while forgets what was (FRESH-05: ps #174)", () => {
  const subject = new Subject(["a", "b"]);
  for (let request = 0; request < 10; request++)
    subject.end(subject.sendTo("a", range(request * 100, request * 100 + 99)));
  subject.nowMs = 180_000;
  const [a, b] = subject.send(range(90_001, 90_100)).candidates;
  expect(a?.costSeconds).toBe(b?.costSeconds);
});

it.each(["prefix-cache-and-load", "least-request", "prefix-hash", "cache-aware"] as const)(
  "requests counted at once, before any answer, spread a burst over the fleet: %s (LOAD-09: smg #1714; sgl #27547, #34850)",
  (strategy) => {
    const subject = new Subject(["a", "b", "c", "d"], { strategy });
    for (let request = 0; request < 100; request++) subject.send(range(request * 100, request * 100 + 99));
    expect(Object.values(subject.inFlight())).toEqual([25, 25, 25, 25]);
  },
);

it("each end is counted on the pod that served, however many are mixed (LOAD-14: aib #2424, #2585)", () => {
  const subject = new Subject(["a", "b", "c"]);
  const expected: Record<string, number> = { a: 0, b: 0, c: 0 };
  const open = Array.from({ length: 90 }, (_, index) => {
    const pod = ["a", "b", "c"][(index * 7) % 3] as string;
    expected[pod] = (expected[pod] ?? 0) + 1;
    return subject.sendTo(pod, range(index * 100, index * 100 + 9));
  });
  for (const [index, record] of open.entries()) {
    if (index % 2 === 1) continue;
    subject.end(record, index % 4 === 0 ? "ok" : "aborted");
    const pod = record.pod as string;
    expected[pod] = (expected[pod] ?? 0) - 1;
    expect(subject.inFlight()).toEqual(expected);
  }
});

it.each(["prefix-cache-and-load", "prefix-hash", "cache-aware"] as const)(
  "a pod that knows nothing of a prompt carries its real load all the same: %s (LOAD-15: dyn #3811)",
  (strategy) => {
    const subject = new Subject(["warm", "cold"], { strategy });
    subject.end(subject.sendTo("warm", range(1, 64)));
    for (let request = 0; request < 5; request++) subject.sendTo("cold", range(request * 1000, request * 1000 + 99));
    // A quarter known is below every threshold; what is left is load.
    expect(subject.send([...range(1, 16), ...range(5001, 5048)]).pod).toBe("warm");
  },
);
