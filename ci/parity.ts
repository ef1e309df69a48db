/**
 * `npm run parity`: replays what a real vLLM was recorded answering against pods started with its flags, and prints how
 * much agrees, by group, and every difference. Takes another file of recorded exchanges as its argument.
 */
import { readExchanges } from "../mock-pods/parity/recorded-exchange.ts";
import type { ParityResult } from "../mock-pods/parity/played-pod.ts";
import { replayAll } from "../mock-pods/parity/replay.ts";

const RECORDINGS = ["fixtures/recordings/wire-public.jsonl", "fixtures/recordings/wire-more.jsonl.gz"];

const [own] = process.argv.slice(2);
const files = own === undefined ? RECORDINGS : [own];
const results: ParityResult[] = [];
for (const file of files) results.push(...(await replayAll(readExchanges(file))));
for (const { differences } of results) {
  for (const { server, id, what, recorded, ours } of differences) {
    process.stdout.write(`\n${server} ${id}: ${what}\n  vLLM  ${recorded}\n  ours  ${ours}\n`);
  }
}
const groups = Map.groupBy(results, ({ exchange }) => exchange.group);
process.stdout.write("\n");
for (const [group, members] of groups) process.stdout.write(`${group.padEnd(16)} ${tally(members)}\n`);
process.stdout.write(`${"all".padEnd(16)} ${tally(results)}\n`);
process.exitCode = results.every(({ differences }) => differences.length === 0) ? 0 : 1;

function tally(members: typeof results): string {
  const agreed = members.filter(({ differences }) => differences.length === 0).length;
  return `${agreed} / ${members.length}`;
}
