/**
 * Bundles cl100k_base's vocabulary as a file of data that is read with the first text: compiling it as source takes a pod
 * 40 ms before it listens, and keeps the source and a hundred thousand strings in memory.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "esbuild";
import { cl100kRanks } from "../../fixtures/tokenizer/cl100k-ranks.ts";

const FILE = "cl100k-ranks.bin";

/** `directory`: where the bundle's files stand. */
export function ranksAsData(directory: string): Plugin {
  const { bytes, lengths } = cl100kRanks();
  const contents = `
import { readFileSync } from "node:fs";
export function cl100kRanks() {
  const file = readFileSync(new URL("${FILE}", import.meta.url));
  return { lengths: file.subarray(0, ${lengths.length}), bytes: file.subarray(${lengths.length}) };
}
`;
  return {
    name: "ranks-as-data",
    setup(bundle) {
      bundle.onLoad({ filter: /tokenizer\/cl100k-ranks\.[jt]s$/ }, () => ({ contents }));
      bundle.onEnd(() => writeFileSync(join(directory, FILE), Buffer.concat([lengths, bytes])));
    },
  };
}
