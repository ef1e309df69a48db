/**
 * `npm run http-matrix [-- IDS]`: asks again which cases catch the broken proxies, all or those named (`M43a,M45b`), and
 * writes the rows that changed. The diff is to be reviewed; a proxy that its own case did not catch ends it with 1.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { httpKillersOf } from "../conformance/mutants/http/http-matrix.ts";
import { HTTP_MUTANTS } from "../conformance/mutants/http/http-mutants.ts";

const MATRIX = new URL("../conformance/mutants/http/http-matrix.json", import.meta.url);
const ids = process.argv[2]?.split(",") ?? HTTP_MUTANTS.map(({ id }) => id);
const unknown = ids.filter((wanted) => !HTTP_MUTANTS.some(({ id }) => id === wanted));
if (unknown.length > 0)
  throw new Error(`no broken proxy is called ${unknown.join(" or ")}; http-mutants.ts lists them`);

for (const mutant of HTTP_MUTANTS.filter(({ id }) => ids.includes(id))) {
  const row = await httpKillersOf(mutant);
  const isKilled = row.includes(`${mutant.caseId} ${mutant.reason}`);
  if (!isKilled) process.exitCode = 1;
  const before = committed()[mutant.id];
  // Row by row: it takes minutes, and what is there is kept when it is stopped.
  write(new Map(Object.entries({ ...committed(), [mutant.id]: row })));
  const said = isDeepStrictEqual(before, row) ? "as committed" : before === undefined ? "new" : "changed";
  process.stdout.write(`${mutant.id}: ${isKilled ? said : `ESCAPED ${mutant.caseId}`} (${row.length})\n`);
}

function committed(): Readonly<Record<string, readonly string[]>> {
  return JSON.parse(readFileSync(MATRIX, "utf8")) as Readonly<Record<string, readonly string[]>>;
}

/** In the order of the list, without those that are no more. */
function write(rows: ReadonlyMap<string, readonly string[]>): void {
  const ordered = HTTP_MUTANTS.flatMap(({ id }) => (rows.has(id) ? [[id, rows.get(id)] as const] : []));
  writeFileSync(MATRIX, `${JSON.stringify(Object.fromEntries(ordered), null, 2)}\n`);
}
