import { expect, it } from "vitest";
import { inDigits, judgeCounts, type Question } from "./judge-counts.ts";

const FOLLOWS: Question = {
  chance: 1 / 3,
  falsePositiveRate: 1e-6,
  against: { share: 0.9, who: "a router that follows nine times in ten" },
};

it("passes what chance explains easily, fails what it cannot, and asks for more in between", () => {
  const verdict = (events: number): string => judgeCounts([{ n: 24, events }], 3, FOLLOWS).verdict;
  expect(verdict(8)).toBe("pass");
  expect(verdict(17)).toBe("open");
  expect(verdict(22)).toBe("fail");
});

it("decides at the last look", () => {
  const counts = (last: number) => [
    { n: 24, events: 17 },
    { n: 48, events: 30 },
    { n: 96, events: last },
  ];
  expect(judgeCounts(counts(45), 3, FOLLOWS).verdict).toBe("pass");
  expect(judgeCounts(counts(65), 3, FOLLOWS).verdict).toBe("fail");
});

it("states n, bound, false-positive rate and power", () => {
  const { statistic } = judgeCounts([{ n: 24, events: 8 }], 3, FOLLOWS);
  expect(statistic).toMatchObject({ n: 24, observed: 8 });
  expect(statistic.bound).toMatch(/^fails above 20 of 24, passes up to 15; look 1 of 3, at most 96 trials$/);
  expect(statistic.falsePositiveRate).toBeLessThanOrEqual(1e-6);
  expect(statistic.power).toMatch(/^1 - \de-\d+ against a router that follows nine times in ten$/);
});

it("does not pass where no count could have failed", () => {
  expect(judgeCounts([{ n: 3, events: 0 }], 1, FOLLOWS).verdict).toBe("open");
  expect(judgeCounts([{ n: 0, events: 0 }], 1, FOLLOWS).verdict).toBe("open");
  expect(judgeCounts([], 3, FOLLOWS).verdict).toBe("open");
});

it.each([
  [0.9215, "0.921"],
  [0.99993, "1 - 7e-5"],
  [1, "1"],
])("tells a power of %d as %s", (power, words) => {
  expect(inDigits(power)).toBe(words);
});
