import { expect, it } from "vitest";
import { CASES } from "../cases/index.ts";
import { HTTP_MUTANTS } from "./http/http-mutants.ts";
import overHttp from "./http/http-matrix.json" with { type: "json" };
import committed from "./matrix.json" with { type: "json" };

/** Cases that no broken router here fails, with the reason why none does. */
const WITHOUT_KILLER: Readonly<Record<string, string>> = {
  "EVI-09": "it takes many minutes and a process of its own; its judgement is held to figures in memory.test.ts",
  "PERF-02": "it informs, and a router that slows enough over 100,000 prompts takes many minutes to show it",
  "PERF-04": "it informs, and a router that slows enough over 64 pods slows whatever runs beside it",
};

it("has a broken router for every case", () => {
  const rows = [...Object.values(committed.rows), ...Object.values(overHttp.rows)];
  const byMatrix = rows.flatMap((row) => row.map((killer) => killer.split(" ")[0]));
  const killers = new Set([...byMatrix, ...HTTP_MUTANTS.map(({ caseId }) => caseId)]);
  expect(CASES.filter(({ id }) => !killers.has(id)).map(({ id }) => id)).toEqual(Object.keys(WITHOUT_KILLER));
});
