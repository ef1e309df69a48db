/**
 * Bundles cl100k_base's vocabulary as a file of data that is read with the first text: compiling it as source takes a pod
 * 40 ms before it listens, and keeps the source in memory.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "esbuild";
import { cl100kRanks } from "../../fixtures/tokenizer/cl100k-ranks.ts";

const FILE = "cl100k-ranks.json";
const READS_FILE = `
import { readFileSync } from "node:fs";
let ranks;
export function cl100kRanks() {
  return (ranks ??= JSON.parse(readFileSync(new URL("${FILE}", import.meta.url), "utf8")));
}
`;

/** `directory`: where the bundle's files stand. */
export function ranksAsData(directory: string): Plugin {
  return {
    name: "ranks-as-data",
    setup(bundle) {
      bundle.onLoad({ filter: /tokenizer\/cl100k-ranks\.[jt]s$/ }, () => ({ contents: READS_FILE }));
      bundle.onEnd(() => writeFileSync(join(directory, FILE), JSON.stringify(cl100kRanks())));
    },
  };
}
