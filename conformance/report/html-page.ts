/** The report as one self-contained page: verdict first, a matrix when there are several routers, a section per case. */
import { readFileSync } from "node:fs";
import type { Evidence } from "../runner/evidence.ts";
import type { CaseRow, Report } from "../runner/report-rows.ts";
import { groupOf } from "../runner/select-cases.ts";
import { counted } from "./counted.ts";
import { gravestFirst } from "./gravest-first.ts";
import { caseSection } from "./html-case.ts";
import { html, Html } from "./html-text.ts";
import { likelyBugs } from "./likely-bug.ts";
import { missingClaims } from "./missing-claims.ts";

export interface PageReport {
  readonly report: Report;
  readonly evidence: (id: string) => Evidence | undefined;
}

const STYLE = new Html(readFileSync(new URL("html-style.css", import.meta.url), "utf8"));

export function htmlPage(reports: readonly PageReport[]): string {
  const title = reports.map(({ report }) => report.header.router.name).join(", ");
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>routeproof: ${title}</title>
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        ${reports.length > 1 ? [html`<h1>${reports.length} routers</h1>`, matrix(reports)] : undefined}
        ${reports.map((each, index) => routerPart(each, index))}
      </body>
    </html> `.source;
}

function routerPart({ report, evidence }: PageReport, index: number): Html {
  const { header, cases, footer } = report;
  const { router, suite, host } = header;
  const likely = likelyBugs(cases);
  const left = cases.filter((row) => !isSelected(row));
  const groups = [
    ...Map.groupBy(
      cases.filter((row) => !left.includes(row)),
      groupOf,
    ),
  ];
  return html`<section id="r${index}">
    <h1>${router.name} <span class="soft">${router.version}</span></h1>
    <p class="verdict ${verdictClass(footer.exitCode)}">${footer.verdict}</p>
    <ul class="counts">
      ${counted(footer).map(
        ({ verdict, count, known }) =>
          html`<li class="${verdict}">
            <b>${count}</b> ${verdict}${known === 0 ? "" : html` <span class="soft">(${known} known)</span>`}
          </li>`,
      )}
    </ul>
    ${footer.error === undefined ? undefined : html`<pre class="error">${footer.error}</pre>`}
    ${footer.stale.map((entry) => html`<p class="fail">known-failing list: ${entry}; remove the entry</p>`)}
    <p class="soft">
      routeproof ${suite.version}, ${suite.cases} cases, seed ${header.seed}, ${header.startedAt},
      ${(footer.durationMs / 1000).toFixed(1)} s on ${host.cpus} cores, ${host.platform}, Node ${host.node}
    </p>
    ${header.settle === undefined ? undefined : html`<p class="soft">Waits a declared time before the rule holds: ${header.settle.why}</p>`}
    <pre>${header.reproduce}</pre>
    ${troubles(cases, index)} ${unlocking(cases)}
    <details>
      <summary>What the router claims</summary>
      <pre>${JSON.stringify(header.profile, null, 2)}</pre>
    </details>
    ${groups.map(
      ([group, rows]) =>
        html`<h2>${group}</h2>
          ${rows.map((row) => caseSection(row, { evidence: evidence(row.id), likelyBug: likely.get(row.id) }, anchor(index, row)))}`,
    )}
    ${left.length === 0 ? undefined : html`<p class="soft">Not selected: ${left.map(({ id }) => id).join(", ")}</p>`}
  </section> `;
}

/** What is wrong or undecided, first and by name. */
function troubles(cases: readonly CaseRow[], index: number): Html | undefined {
  const rows = (["fail", "error", "inconclusive"] as const).flatMap((verdict) =>
    gravestFirst(cases.filter((row) => row.verdict === verdict)),
  );
  if (rows.length === 0) return undefined;
  const lines = rows.map(
    (row) =>
      html`<li>
        <b class="${row.verdict}">${row.verdict}</b> <a href="#${anchor(index, row)}">${row.id}</a> ${row.level}
        <span class="soft">${row.knownFailing ? "known failing" : row.reason}</span><br />${row.title}
      </li>`,
  );
  return html`<ul class="troubles">
    ${lines}
  </ul>`;
}

function unlocking(cases: readonly CaseRow[]): Html | undefined {
  const claims = missingClaims(cases).map(([claim, count]) => `${claim} (${count})`);
  if (claims.length === 0) return undefined;
  return html`<p class="soft">Cases that a claim more would unlock: ${claims.join(", ")}</p>`;
}

function matrix(reports: readonly PageReport[]): Html {
  const asked = reports.flatMap(({ report }) => report.cases.filter(isSelected));
  const ids = [...new Set(reports.flatMap(({ report }) => report.cases.map(({ id }) => id)))].filter((id) =>
    asked.some((row) => row.id === id),
  );
  const rows = ids.map((id) => {
    const cells = reports.map(({ report }, index) => {
      const row = report.cases.filter(isSelected).find((each) => each.id === id);
      return row === undefined
        ? html`<td></td>`
        : html`<td class="mark ${row.verdict}"><a href="#${anchor(index, row)}">${row.verdict}</a></td>`;
    });
    return html`<tr>
      <td class="id">${id}</td>
      ${cells}
    </tr>`;
  });
  const heads = reports.map(({ report: { header, footer } }, index) => {
    const { name, version } = header.router;
    return html`<th>
      <a href="#r${index}">${name}</a><br />${version}<br /><span class="${verdictClass(footer.exitCode)}"
        >${footer.verdict}</span
      >
    </th>`;
  });
  return html`<div class="scroll">
    <table>
      <tr>
        <th>case</th>
        ${heads}
      </tr>
      ${rows}
    </table>
  </div>`;
}

const isSelected = ({ reason }: CaseRow): boolean => reason !== "not-selected";

function anchor(index: number, { id }: CaseRow): string {
  return `r${index}-${id}`;
}

function verdictClass(exitCode: number): string {
  return ["pass", "fail", "inconclusive"][exitCode] ?? "error";
}
