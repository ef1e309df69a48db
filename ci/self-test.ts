/**
 * `npm run self-test [-- SEEDS] [--only IDS] [--write-matrix]`: the conformance suite proves itself on mutants and conforming
 * variants. With `--only` it proves those cases alone, and leaves the matrix be.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { matrix } from "../conformance/mutants/matrix.ts";
import { selfTest } from "../conformance/mutants/self-test.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { "write-matrix": { type: "boolean" }, only: { type: "string" } },
});
const seeds = Number(positionals[0] ?? 100);
const MATRIX = new URL("../conformance/mutants/matrix.json", import.meta.url);
const startMs = performance.now();
const proven = await selfTest({ seeds, only: values.only }, (line) => process.stdout.write(`${line}\n`));
const whole = values.only === undefined;
const asCommitted = !whole || (await compareMatrix());
process.stdout.write(`wall time: ${((performance.now() - startMs) / 1000).toFixed(1)} s\n`);
// What some proxies left hanging would keep the process.
process.exit(proven && asCommitted ? 0 : 1);

async function compareMatrix(): Promise<boolean> {
  const computed = `${JSON.stringify(await matrix(), null, 2)}\n`;
  if (values["write-matrix"] === true) writeFileSync(MATRIX, computed);
  const isSame = isDeepStrictEqual(JSON.parse(readFileSync(MATRIX, "utf8")), JSON.parse(computed));
  process.stdout.write(`matrix of mutants by cases: ${isSame ? "as committed" : "differs from the committed one"}\n`);
  return isSame;
}
