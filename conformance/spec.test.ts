import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { CASES } from "./cases/index.ts";

const SPEC = readFileSync(new URL("SPEC.md", import.meta.url), "utf8");

/** Requirement ids and the cases each one names, as SPEC.md has them. */
const specified = new Map(
  [...SPEC.matchAll(/^\| (R-[A-Z]+-\d+) *\|.*\| ([A-Z0-9, -]+?) *\|$/gm)].map(([, id = "", cases = ""]) => [
    id,
    cases.split(", "),
  ]),
);

it("names in SPEC.md exactly the cases that name each requirement", () => {
  const tested = Object.groupBy(CASES, ({ requirement }) => requirement);
  expect(Object.fromEntries(specified)).toEqual(
    Object.fromEntries(Object.entries(tested).map(([id, cases = []]) => [id, cases.map((each) => each.id)])),
  );
});

it("has one case per id, named after its group", () => {
  expect(new Set(CASES.map(({ id }) => id)).size).toBe(CASES.length);
  expect(CASES.filter(({ id }) => !/^[A-Z]{3,4}-\d\d$/.test(id))).toEqual([]);
});

it("says its level in the title", () => {
  const modal = (title: string): string =>
    /\bMUST\b/.test(title) ? "MUST" : /\bSHOULD\b/.test(title) ? "SHOULD" : /\bMAY\b/.test(title) ? "INFO" : "none";
  expect(
    CASES.filter(({ level, title }) => modal(title) !== level.replace("declared-", "")).map(({ id }) => id),
  ).toEqual([]);
});

it("keeps id, level and wording of every case", () => {
  expect(CASES.map(({ id, level, title }) => `${id} ${level}: ${title}`).join("\n")).toMatchSnapshot();
});
