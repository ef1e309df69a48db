import { expect, it } from "vitest";
import { StepOrder } from "./step-order.ts";

const kept = new Map(["a", "b", "c"].map((id) => [id, { id }] as const));
const find = (order: StepOrder<{ readonly id: string }>, ids: string) => {
  const found = Array.from(ids, (id, place) => order.find(place, id)?.id ?? "-").join("");
  order.forgetFrom(ids.length);
  return found;
};

it("finds who is kept, wherever they stood in the step before", () => {
  const order = new StepOrder(kept);
  expect(["abc", "abc", "bc", "cab", "xab", ""].map((ids) => find(order, ids))).toEqual([
    "abc",
    "abc",
    "bc",
    "cab",
    "-ab",
    "",
  ]);
});

it("asks no map for those who stand where they stood, and forgets those who are gone from a step", () => {
  const asked: string[] = [];
  const counting = { get: (id: string) => (asked.push(id), kept.get(id)) } as ReadonlyMap<string, { id: string }>;
  const order = new StepOrder(counting);
  for (const ids of ["ab", "ab", "b", "ab"]) find(order, ids);
  expect(asked.join("")).toBe("abbab");
});
