import { expect, it } from "vitest";
import type { Case } from "../case.ts";
import { selectCases } from "./select-cases.ts";

const make = (id: string, level: Case["level"], requirement: string): Case => ({
  id,
  level,
  requirement,
  title: "",
  needs: { transport: "any" },
  unsupported: () => undefined,
  traffic: async () => undefined,
  judge: () => ({ verdict: "pass" }),
});

const catalogue = [
  make("THR-01", "MUST", "R-THR-1"),
  make("THR-02", "declared-MUST", "R-THR-2"),
  make("STR-01", "MUST", "R-STR-1"),
  make("STR-11", "SHOULD", "R-STR-1"),
];

const ids = (only?: string): string[] => selectCases(catalogue, only).map(({ id }) => id);

it.each([
  [undefined, ["THR-01", "THR-02", "STR-01", "STR-11"]],
  ["THR-02", ["THR-02"]],
  ["str-11,thr-01", ["THR-01", "STR-11"]],
  ["STR", ["STR-01", "STR-11"]],
  ["*-01", ["THR-01", "STR-01"]],
  ["MUST", ["THR-01", "STR-01"]],
  ["R-STR-1", ["STR-01", "STR-11"]],
  ["R-THR", ["THR-01", "THR-02"]],
])("%s selects %j", (only, expected) => {
  expect(ids(only)).toEqual(expected);
});

it.each(["NOPE-1", "THR-1", "", " , "])("refuses %j, which selects nothing", (only) => {
  expect(() => ids(only)).toThrow(expect.objectContaining({ code: "USAGE" }));
});
