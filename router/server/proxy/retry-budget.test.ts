import { expect, it } from "vitest";
import { RetryBudget } from "./retry-budget.ts";

it("allows a quarter of the traffic once the quiet allowance is spent", () => {
  const budget = new RetryBudget({ ratio: 0.25, minPerSecond: 5 });
  for (let count = 0; count < 5; count++) expect(budget.spend(0)).toBe(true);
  expect(budget.spend(0)).toBe(false);
  for (let count = 0; count < 40; count++) budget.requestArrived();
  let granted = 0;
  while (budget.spend(0)) granted++;
  expect(granted).toBe(10);
});

it("refills its allowance with time, and never above one second's worth", () => {
  const budget = new RetryBudget({ ratio: 0, minPerSecond: 4 });
  while (budget.spend(0));
  expect(budget.spend(200)).toBe(false);
  expect(budget.spend(450)).toBe(true);
  let granted = 0;
  while (budget.spend(60_000)) granted++;
  expect(granted).toBe(4);
});
