/**
 * Routers that do nothing right: they fail all that asks for service, for the reasons that the matrix names, and pass only
 * what asks them to do nothing. Where a case needs a pod to see its request it stays undecided.
 */
import { expect, it } from "vitest";
import { runCases } from "../../runner/run-cases.ts";
import { COLUMNS } from "./http-matrix.ts";
import committed from "./http-matrix.json" with { type: "json" };
import { HTTP_MUTANTS } from "./http-mutants.ts";
import { proxyAdapter } from "./proxy-adapter.ts";

const PASSED: Readonly<Record<"null" | "echo", readonly string[]>> = {
  // Neither takes a command from a client; and the page of models is not what is broken.
  null: ["SEC-07"],
  echo: ["MOD-04", "MOD-06", "SEC-07"],
};

const TIMEOUT_MS = 600_000;

it.concurrent.each(Object.entries(PASSED))(
  "fails what it must, and passes what asks for nothing: the %s router",
  async (name, passed) => {
    const broken = HTTP_MUTANTS.find(({ id }) => id === name)?.broken;
    const only = COLUMNS.map(({ id }) => id).join(",");
    const { cases } = await runCases({ adapter: proxyAdapter(broken), only, seed: 1, slow: true });
    const failed = cases.filter(({ verdict }) => verdict === "fail");
    expect(failed.map(({ id, reason }) => `${id} ${reason}`)).toEqual(committed.rows[name as keyof typeof PASSED]);
    expect(cases.filter(({ verdict }) => verdict === "pass").map(({ id }) => id)).toEqual(passed);
    expect(cases.filter(({ verdict }) => verdict === "error" || verdict === "not-run")).toEqual([]);
  },
  TIMEOUT_MS,
);
