/** `npm run self-test [-- SEEDS]`: the conformance suite proves itself on mutants and conforming variants. */
import { selfTest } from "../conformance/mutants/self-test.ts";

const seeds = Number(process.argv[2] ?? 100);
const startMs = performance.now();
const proven = await selfTest(seeds, (line) => process.stdout.write(`${line}\n`));
process.stdout.write(`wall time: ${((performance.now() - startMs) / 1000).toFixed(1)} s\n`);
process.exitCode = proven ? 0 : 1;
