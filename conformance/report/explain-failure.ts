/** A failed case in the words a maintainer needs. */
import type { CaseRow } from "../runner/report-rows.ts";
import { listed } from "./counted.ts";

/** Lines: requirement, what came out, what was done, expected and observed, the likely bug, how to see it again. */
export function explainFailure(row: CaseRow, likelyBug?: string): string[] {
  return [
    `${row.id} [${row.level}] ${row.requirement}: ${row.title}`,
    ...(row.detail === undefined ? [] : row.detail.split("\n")),
    ...(row.done === undefined ? [] : [`done             ${row.done}`]),
    ...(row.expected === undefined ? [] : [`expected one of  ${listed(row.expected)}`]),
    ...(row.observed === undefined ? [] : [`observed         ${listed(row.observed)}`]),
    ...(row.statistic === undefined ? [] : [statisticLine(row.statistic)]),
    ...(row.reason === undefined ? [] : [`reason           ${row.reason}`]),
    ...(likelyBug === undefined ? [] : [`looks like       ${likelyBug}`]),
    ...(row.knownFailing === undefined
      ? []
      : [`known failing    ${row.knownFailing.reason} ${row.knownFailing.link ?? ""}`.trimEnd()]),
    `reproduce        ${row.reproduce}`,
  ];
}

function statisticLine({ n, observed, bound, falsePositiveRate, power }: NonNullable<CaseRow["statistic"]>): string {
  return `statistic        ${observed} of ${n}, bound ${bound}, false-positive rate ${falsePositiveRate}, power ${power}`;
}
