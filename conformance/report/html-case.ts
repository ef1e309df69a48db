/** One case on the report page: requirement, what was done, what was allowed and seen at each step, the wire. */
import type { SentStep, Step } from "../observation.ts";
import type { Evidence, JudgedDecision } from "../runner/evidence.ts";
import type { CaseRow } from "../runner/report-rows.ts";
import type { WireExchange, WireMessage } from "../http-lab/wire-log.ts";
import { listed } from "./counted.ts";
import { html, type Html } from "./html-text.ts";

interface Beside {
  readonly evidence: Evidence | undefined;
  readonly likelyBug: string | undefined;
}

/** Failures stand open, everything else is folded. */
export function caseSection(row: CaseRow, { evidence, likelyBug }: Beside, anchor: string): Html {
  const open = row.verdict === "fail" || row.verdict === "error" ? html` open` : undefined;
  return html`<details id="${anchor}" ${open}>
    <summary>
      <b>${row.id}</b><span class="${row.verdict}">${row.verdict}</span>
      <span class="soft">${row.level}</span> ${row.title}
    </summary>
    <dl>
      <dt>requirement</dt>
      <dd>${row.requirement}: ${row.title}</dd>
      ${entry("what happened", row.detail)} ${entry("what was done", row.done)}
      ${entry("expected one of", row.expected && listed(row.expected))}
      ${entry("observed", row.observed && listed(row.observed))} ${entry("reason", row.reason)}
      ${entry("looks like", likelyBug)} ${entry("statistic", row.statistic && statistic(row.statistic))}
      ${entry("known failing", row.knownFailing && `${row.knownFailing.reason} ${row.knownFailing.link ?? ""}`)}
      <dt>took</dt>
      <dd>${row.durationMs} ms</dd>
    </dl>
    <pre>${row.reproduce}</pre>
    ${evidence && steps(evidence, row.verdict === "pass" ? FEW_STEPS : MOST_STEPS)}
    ${evidence && row.verdict !== "pass" && evidence.wire.length > 0 ? wire(evidence.wire) : undefined}
    ${evidence && row.verdict !== "pass" && evidence.log.length > 0 ? routerLog(evidence.log) : undefined}
  </details> `;
}

function entry(name: string, value: string | undefined): Html | undefined {
  return value === undefined || value === ""
    ? undefined
    : html`<dt>${name}</dt>
        <dd>${value}</dd>`;
}

function statistic({ n, observed, bound, falsePositiveRate, power }: NonNullable<CaseRow["statistic"]>): string {
  return `${observed} of ${n}; ${bound}; false-positive rate ${falsePositiveRate}; ${power}`;
}

function steps({ observation, decisions }: Evidence, most: number): Html {
  const views = new Map(decisions.map((decision) => [decision.requestId, decision]));
  const startMs = observation.steps[0] === undefined ? 0 : momentOf(observation.steps[0]);
  const rows = observation.steps.slice(0, most).map((step) => stepRow(step, views, startMs));
  const hidden = observation.steps.length - rows.length;
  return html`<h3>Steps</h3>
    <div class="scroll">
      <table>
        <tr>
          <th>ms</th>
          <th>step</th>
          <th>prompt</th>
          <th>allowed</th>
          <th>observed</th>
          <th>matched</th>
          <th>loads</th>
        </tr>
        ${rows}
      </table>
    </div>
    ${hidden > 0 ? html`<p class="soft">and ${hidden} steps more, in the evidence file</p>` : undefined}`;
}

/** A page is read, not searched: what went well is shown in short. */
const FEW_STEPS = 40;
const MOST_STEPS = 300;

function stepRow(step: Step, views: ReadonlyMap<string, JudgedDecision>, startMs: number): Html {
  const atMs = Math.round(momentOf(step) - startMs);
  if (step.kind !== "sent") {
    return html`<tr class="soft">
      <td>${atMs}</td>
      <td colspan="6">${describeStep(step)}</td>
    </tr>`;
  }
  const view = views.get(step.requestId);
  const wrong = view !== undefined && step.label.startsWith("probe") && !view.allowed.includes(step.pod ?? "");
  return html`<tr${wrong ? html` class="wrong"` : undefined}><td>${atMs}</td><td>${step.label}${step.held ? " (held)" : ""}</td><td>${cellsOf(step)}</td>
<td>${view === undefined ? "" : `${view.allowed.join(", ")} (by ${view.zone})`}</td><td>${observedBy(step)}</td>
<td>${view === undefined ? "" : matches(view)}</td><td>${view === undefined ? "" : ranges(view.loads)}</td></tr>
`;
}

function momentOf(step: Step): number {
  return step.kind === "sent" ? step.startMs : step.atMs;
}

function describeStep(step: Exclude<Step, SentStep>): string {
  switch (step.kind) {
    case "released":
      return `${step.requestId} released: ${step.outcome}`;
    case "pods":
      return `pods ${step.change}${step.pod === null ? "" : ` ${step.pod}`}: now ${step.pods.join(", ") || "none"}`;
    case "advanced":
      return `time moved by ${step.byMs} ms`;
    case "quiet":
      return "the router counts nothing that has ended";
    case "note":
      return `${step.label}: ${JSON.stringify(step.data)?.slice(0, 300) ?? ""}`;
  }
}

function cellsOf({ prompt: { cells } }: SentStep): string {
  return cells.length <= 6
    ? cells.join(" ")
    : `${cells.slice(0, 3).join(" ")} ... ${cells.at(-1)} (${cells.length} cells)`;
}

function observedBy({ attempts, pod, status }: SentStep): string {
  const where = attempts.length > 1 ? attempts.join(" then ") : (pod ?? "no pod");
  return status === 200 ? where : `${where}, status ${status}`;
}

function matches({ matchedUnits, totalUnits }: JudgedDecision): string {
  const text = ranges(matchedUnits);
  return text === "" ? `none of ${totalUnits}` : `${text} of ${totalUnits}`;
}

function ranges(byPod: Readonly<Record<string, readonly [number, number]>>): string {
  return Object.entries(byPod)
    .map(([pod, [low, high]]) => `${pod} ${low === high ? low : `${low}-${high}`}`)
    .join(", ");
}

function wire(exchanges: readonly WireExchange[]): Html {
  return html`<details>
    <summary>Wire log, ${exchanges.length} exchanges</summary>
    ${exchanges.map(exchangeText)}
  </details>`;
}

function routerLog(lines: readonly string[]): Html {
  return html`<details>
    <summary>The router's log, its last ${lines.length} lines</summary>
    <pre>${lines.join("\n")}</pre>
  </details>`;
}

function exchangeText({ request, response, pods, atMs, endMs }: WireExchange): Html {
  const lines = [
    `${request.method} ${request.path}   ${Math.round(endMs - atMs)} ms, pods: ${pods.join(", ") || "none"}`,
    ...headerLines("> ", request.headers),
    `> ${body(request)}`,
    `< ${response.status} ${response.end}`,
    ...headerLines("< ", response.headers),
    `< ${body(response)}`,
  ];
  return html`<pre>${lines.join("\n")}</pre>`;
}

function headerLines(mark: string, headers: WireMessage["headers"]): string[] {
  return Object.entries(headers).map(([name, value]) => `${mark}${name}: ${String(value)}`);
}

function body({ bodyStart, bodyBytes }: WireMessage): string {
  return bodyBytes <= Buffer.byteLength(bodyStart) ? bodyStart : `${bodyStart}... (${bodyBytes} bytes)`;
}
