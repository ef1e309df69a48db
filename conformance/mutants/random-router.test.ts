import { expect, it } from "vitest";
import { CASES } from "../cases/index.ts";
import { killersOf } from "./matrix.ts";
import committed from "./matrix.json" with { type: "json" };
import { MUTANTS } from "./pure/mutants.ts";
import { VARIANTS } from "./pure/variants.ts";
import { functionCases } from "./trial-run.ts";

/** They ask for service by pods that are there, for the use of each, and for an even spread: chance gives them that. */
const RIGHT_BY_CHANCE = [
  "SPL-05",
  "POD-01",
  "POD-02",
  "POD-04",
  "POD-08",
  "POD-09",
  "POD-11",
  "TOK-01",
  "MOD-02",
  "MOD-07",
];

it("has the random router fail every case that asks for a choice, for the reasons in its row", async () => {
  const random = MUTANTS.find(({ id }) => id === "random");
  const profile = VARIANTS.find(({ name }) => name === random?.variant)?.profile;
  if (random === undefined || profile === undefined) throw new Error("the random router is gone");
  const killers = await killersOf(random);
  expect(killers).toEqual(committed.rows.random);
  // Of fifty cases one may be passed by luck, and will not be a second time.
  const ever = [...killers, ...(await killersOf(random, 2))].map((killer) => killer.split(" ")[0]);
  const passed = functionCases(CASES, profile).filter(({ id }) => !ever.includes(id));
  expect(passed.map(({ id }) => id)).toEqual(RIGHT_BY_CHANCE);
});
