/** The bridge where it must fail: a suite of its own, as a process of its own, with what a user would read. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "..");

interface Outcome {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly title: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Title and message of every test that failed. */
function failuresOf(suite: string): ReadonlyMap<string, string> {
  const folder = mkdtempSync(join(tmpdir(), "routeproof-bridge-"));
  writeFileSync(join(folder, "router.test.ts"), suite);
  const outcome = join(folder, "outcome.json");
  const words = ["run", "--root", folder, "--reporter", "json", "--outputFile", outcome];
  spawnSync(join(root, "node_modules/.bin/vitest"), words);
  const { testResults } = JSON.parse(readFileSync(outcome, "utf8")) as Outcome;
  const failed = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter((one) => one.status === "failed"),
  );
  return new Map(failed.map(({ title, failureMessages }) => [title, failureMessages.join("\n")]));
}

it("fails for a broken rule, for a known failure that passes, and for an entry that matches nothing", () => {
  const failures = failuresOf(`
    import { startRule, VARIANTS } from ${JSON.stringify(join(root, "conformance/mutants/pure/variants.ts"))};
    import { describeConformance } from ${JSON.stringify(join(root, "conformance/vitest.ts"))};
    const [variant] = VARIANTS;
    const start = async ({ seed, threshold }) => ({
      kind: "function",
      router: startRule(variant, seed, "ignores-the-threshold")(threshold),
      close: async () => undefined,
    });
    describeConformance({
      adapter: { name: "broken", version: "1", kind: "function", profile: variant.profile, start },
      only: "THR-01,THR-02,THR-04",
      knownFailing: [
        { pattern: "THR-01", reason: "tracked" },
        { pattern: "THR-02", reason: "mended long ago" },
        { pattern: "THR-99", reason: "of another suite" },
      ],
    });
  `);
  expect([...failures.keys()].map((title) => title.split(" ").slice(0, 3).join(" "))).toEqual([
    "known-failing entry THR-99",
    "THR-02 A prompt",
    "THR-04 At exactly",
  ]);
  const [unmatched = "", stale = "", broken = ""] = failures.values();
  expect(unmatched).toContain("matches no case");
  expect(stale).toContain("mended long ago");
  expect(broken).toMatch(/looks like +ignores the threshold/);
  expect(broken).toMatch(/done +pods .*probe/);
});
