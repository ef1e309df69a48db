import { expect, it } from "vitest";
import type { Observation, SentStep, Step } from "../../observation.ts";
import { whatWasDone } from "./what-was-done.ts";

const sent = (label: string, text: string, cells: number, pod: string | null, held = false): SentStep => ({
  kind: "sent",
  label,
  requestId: `${label}${text}`,
  model: "m",
  prompt: { text, cells: Array.from({ length: cells }, (_, index) => `c${index}`) },
  attempts: pod === null ? [] : [pod],
  pod,
  status: pod === null ? 503 : 200,
  held,
  startMs: 0,
  endMs: 0,
});
const released: Step = { kind: "released", requestId: "x", outcome: "ok", atMs: 0 };
const observed = (...steps: readonly Step[]): Observation => ({ caseId: "SPL-06", seed: 1, transport: "http", steps });

it("tells the trial of the probe and nothing of the trials before it", () => {
  const probe = sent("probe-owner", "mine and more", 4, null);
  const text = whatWasDone(
    observed(
      { kind: "pods", change: "start", pod: null, pods: ["a", "b"], atMs: 0 },
      sent("seed", "another", 2, "a"),
      sent("seed", "mine and more", 3, "b"),
      sent("busy", "stranger", 1, "b", true),
      sent("busy", "stranger", 1, "b", true),
      { kind: "note", label: "rival", data: "b", atMs: 0 },
      released,
      { kind: "pods", change: "remove", pod: "a", pods: ["b"], atMs: 0 },
      { kind: "advanced", byMs: 1500, atMs: 0 },
      probe,
      sent("probe-owner", "later", 4, "a"),
    ),
    probe,
  );
  expect(text).toBe(
    "pods a, b; seed (3 cells) went to b; 2 x busy (1 cells) held on b; a held request released; " +
      "a removed, pods b; 1.5 s passed; probe-owner (4 cells) went to no pod (status 503)",
  );
});

it("leaves out the middle of a long one, and says how much", () => {
  const many = Array.from({ length: 20 }, (_, index) => sent(`turn-${index}`, `mine ${index}`.padEnd(300), index, "a"));
  const probe = sent("probe-any", "mine 0".padEnd(300), 3, "b");
  const parts = whatWasDone(observed(...many, probe), probe).split("; ");
  expect(parts).toHaveLength(10);
  expect(parts[3]).toBe("12 steps more");
  expect(parts.at(-1)).toBe("probe-any (3 cells) went to b");
});
