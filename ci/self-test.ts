/** `npm run self-test [-- SEEDS] [--write-matrix]`: the conformance suite proves itself on mutants and conforming variants. */
import { readFileSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { matrix } from "../conformance/mutants/matrix.ts";
import { selfTest } from "../conformance/mutants/self-test.ts";

const { positionals, values } = parseArgs({ allowPositionals: true, options: { "write-matrix": { type: "boolean" } } });
const seeds = Number(positionals[0] ?? 100);
const MATRIX = new URL("../conformance/mutants/matrix.json", import.meta.url);
const startMs = performance.now();
const proven = await selfTest(seeds, (line) => process.stdout.write(`${line}\n`));
const computed = `${JSON.stringify(await matrix(), null, 2)}\n`;
if (values["write-matrix"] === true) writeFileSync(MATRIX, computed);
const asCommitted = isDeepStrictEqual(JSON.parse(readFileSync(MATRIX, "utf8")), JSON.parse(computed));
process.stdout.write(
  `matrix of mutants by cases: ${asCommitted ? "as committed" : "differs from the committed one"}\n`,
);
process.stdout.write(`wall time: ${((performance.now() - startMs) / 1000).toFixed(1)} s\n`);
process.exitCode = proven && asCommitted ? 0 : 1;
