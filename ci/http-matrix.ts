/**
 * `npm run http-matrix [-- --proxies PATTERNS] [--cases CASES]`: asks which cases catch the broken proxies, and writes the
 * rows that changed. By itself it asks what was never asked: new proxies of every case, the others of new cases. Named
 * ones are asked anew (`--proxies 'M43*,null'`, `--cases STR-14,ERR` as `verify --only` takes them). The diff is to be
 * reviewed; a proxy that its own case did not catch ends it with 1.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual, parseArgs } from "node:util";
import type { Case } from "../conformance/case.ts";
import { CASES } from "../conformance/cases/index.ts";
import { COLUMNS, httpKillersOf, NO_COLUMN, withAnswers } from "../conformance/mutants/http/http-matrix.ts";
import { HTTP_MUTANTS, type HttpMutant } from "../conformance/mutants/http/http-mutants.ts";
import type { Matrix } from "../conformance/mutants/matrix.ts";
import { matchesPattern, selectCases } from "../conformance/runner/select-cases.ts";

const MATRIX = new URL("../conformance/mutants/http/http-matrix.json", import.meta.url);
/** They mostly wait, for sockets and for what routers may take. */
const AT_ONCE = 4;

interface Job {
  readonly mutant: HttpMutant;
  readonly asked: readonly Case[];
}

const { values } = parseArgs({ options: { proxies: { type: "string" }, cases: { type: "string" } } });
const before = committed();
// What is asked of no proxy yet is asked of all of them.
if (Object.keys(before.rows).length === 0) write({ ...before, cases: COLUMNS.map(({ id }) => id) });
const jobs = plan();
const isTimed = ({ mutant }: Job): boolean => mutant.caseId in NO_COLUMN;
const waiting = jobs.filter((job) => !isTimed(job));
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) await ask(job);
  }),
);
for (const job of jobs.filter(isTimed)) await ask(job);
const isWhole = ({ id }: Case): boolean =>
  committed().cases.includes(id) ||
  HTTP_MUTANTS.every((each) => jobs.some(({ mutant, asked }) => mutant === each && asked.some((one) => one.id === id)));
write({ ...committed(), cases: COLUMNS.filter(isWhole).map(({ id }) => id) });
// What some proxies left hanging would keep the process.
process.exit();

function plan(): readonly Job[] {
  const isNamed = values.proxies !== undefined || values.cases !== undefined;
  const patterns = (values.proxies ?? "*").split(",");
  const strange = patterns.filter((pattern) => !HTTP_MUTANTS.some(({ id }) => matchesPattern(pattern, id)));
  if (strange.length > 0)
    throw new Error(`no broken proxy is called ${strange.join(" or ")}; http-mutants.ts lists them`);
  const named = selectCases(COLUMNS, values.cases);
  return HTTP_MUTANTS.flatMap((mutant) => {
    const isNew = !(mutant.id in before.rows);
    if (isNamed && !patterns.some((pattern) => matchesPattern(pattern, mutant.id))) return [];
    const columns = isNamed ? named : COLUMNS.filter(({ id }) => isNew || !before.cases.includes(id));
    if (columns.length === 0) return [];
    return [{ mutant, asked: CASES.filter((each) => each.id === mutant.caseId || columns.includes(each)) }];
  });
}

async function ask({ mutant, asked }: Job): Promise<void> {
  const killers = await httpKillersOf(mutant, asked);
  const isKilled = killers.includes(`${mutant.caseId} ${mutant.reason}`);
  if (!isKilled) process.exitCode = 1;
  const old = committed();
  const now = withAnswers(old, mutant, asked, killers);
  // Row by row: it takes its time, and what is there is kept when it is stopped.
  write(now);
  const [was, is] = [old.rows[mutant.id], now.rows[mutant.id]];
  const said = isDeepStrictEqual(was, is) ? "as committed" : was === undefined ? "new" : "changed";
  process.stdout.write(`${mutant.id}: ${isKilled ? said : `ESCAPED ${mutant.caseId}`} (${is?.length ?? 0})\n`);
}

function committed(): Matrix {
  return JSON.parse(readFileSync(MATRIX, "utf8")) as Matrix;
}

function write(matrix: Matrix): void {
  writeFileSync(MATRIX, `${JSON.stringify(matrix, null, 2)}\n`);
}
