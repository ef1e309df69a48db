import { expect, it } from "vitest";
import { footerFor } from "../runner/overall-verdict.ts";
import type { CaseRow, HeaderRow } from "../runner/report-rows.ts";
import { junitXml } from "./junit.ts";

const header: HeaderRow = {
  type: "header",
  format: 1,
  suite: { version: "0.1.0", cases: 4, catalogue: "c" },
  router: { name: "a<b>", version: "1", kind: "command" },
  profile: {},
  seed: 1,
  startedAt: "2026-01-02T03:04:05.678Z",
  host: { platform: "linux x64", node: "v24", cpus: 2 },
  reproduce: "routeproof verify",
};

const row = (id: string, verdict: CaseRow["verdict"], rest: Partial<CaseRow> = {}): CaseRow => ({
  type: "case",
  id,
  level: "MUST",
  requirement: `R-${id}`,
  title: "A router MUST.",
  verdict,
  seed: 1,
  durationMs: 1500,
  reproduce: "routeproof verify --only",
  ...rest,
});

const report = (cases: readonly CaseRow[], stale: readonly string[] = []): string =>
  junitXml({ header, cases, footer: footerFor(cases, { strict: false, stale, durationMs: 2000 }) });

it("gives each verdict the element that CI systems count", () => {
  const xml = report([
    row("THR-01", "pass"),
    row("THR-02", "fail", {
      reason: "wrong-pod",
      detail: 'went to "b" & not <a>\u0007',
      expected: ["a"],
      observed: ["b"],
    }),
    row("STR-01", "error", { reason: "adapter-failed", detail: "no" }),
    row("STR-02", "unsupported", { detail: "no claim" }),
    row("STR-03", "fail", { knownFailing: { reason: "tracked" } }),
  ]);
  expect(xml).toContain(
    '<testsuites name="routeproof 0.1.0: a&lt;b&gt; 1" tests="5" failures="1" errors="1" time="2.000">',
  );
  expect(xml).toContain(
    '<testsuite name="THR" tests="2" failures="1" errors="0" skipped="0" time="3.000" timestamp="2026-01-02T03:04:05">',
  );
  expect(xml).toContain('<testcase name="THR-01 A router MUST." classname="routeproof.THR" time="1.500"/>');
  expect(xml).toContain(
    '<failure message="wrong-pod: went to &quot;b&quot; &amp; not &lt;a&gt;\ufffd" type="wrong-pod">',
  );
  expect(xml).toContain('<error message="adapter-failed: no" type="adapter-failed"/>');
  expect(xml).toContain('<skipped message="unsupported: no claim"/>');
  expect(xml).toContain('<skipped message="fail: known failing (tracked): fail"/>');
});

/** By element: the attributes that readers of JUnit XML know, `!` where it must be there, and the elements inside. */
const SCHEMA: Readonly<Record<string, { readonly attributes: string; readonly inside: string }>> = {
  testsuites: { attributes: "name time tests failures disabled errors", inside: "testsuite" },
  testsuite: {
    attributes: "name! tests! failures errors time disabled skipped timestamp hostname id package",
    inside: "properties testcase system-out system-err",
  },
  testcase: {
    attributes: "name! classname time assertions status",
    inside: "skipped error failure system-out system-err",
  },
  skipped: { attributes: "message type", inside: "" },
  error: { attributes: "message type", inside: "" },
  failure: { attributes: "message type", inside: "" },
};
const VALUES: Readonly<Record<string, RegExp>> = {
  ...Object.fromEntries(["tests", "failures", "errors", "skipped"].map((name) => [name, /^\d+$/])),
  time: /^\d+\.\d{3}$/,
  timestamp: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/,
};

/** What a schema would say, and a parser before it. */
function complaints(xml: string): string[] {
  const found: string[] = [];
  const open: string[] = [];
  const body = xml.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, "");
  for (const [, close, name = "", rest = "", end, text] of body.matchAll(
    /<(\/?)([a-z-]+)((?: [a-z]+="[^"<]*")*)(\/?)>|([^<]+|<)/g,
  )) {
    if (text !== undefined) {
      const isText = open.at(-1) === "failure" || text.trim() === "";
      if (!isText || /[<>]|&(?!(?:amp|lt|gt|quot|#10);)/.test(text)) found.push(`text ${JSON.stringify(text)}`);
    } else if (close !== "") {
      if (open.pop() !== name) found.push(`</${name}> closes nothing`);
    } else {
      const { attributes = "" } = SCHEMA[name] ?? {};
      const isPlaced =
        open.length === 0 ? name === "testsuites" : SCHEMA[open.at(-1) ?? ""]?.inside.split(" ").includes(name);
      if (isPlaced !== true) found.push(`<${name}> in <${open.at(-1)}>`);
      const given = new Map([...rest.matchAll(/ ([a-z]+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, value]));
      for (const word of attributes.split(" ")) {
        if (word.endsWith("!") && !given.has(word.slice(0, -1))) found.push(`<${name}> without ${word}`);
      }
      for (const [key, value] of given) {
        if (!attributes.replaceAll("!", "").split(" ").includes(key)) found.push(`<${name} ${key}>`);
        if (VALUES[key]?.test(value) === false) found.push(`${key}="${value}"`);
        if (/&(?!(?:amp|lt|gt|quot|#10);)/.test(value)) found.push(`${key}="${value}"`);
      }
      if (end === "") open.push(name);
    }
  }
  return open.length === 0 ? found : [...found, `never closed: ${open.join(", ")}`];
}

it("is valid against the schema that CI systems read JUnit XML by, whatever a router says", () => {
  const said = { reason: "wrong-pod", detail: 'a "b" & <c> \u0000\n]]>', expected: ["<a>"], observed: ["&b;"] };
  const xml = report(
    [
      row("THR-01", "pass", { title: 'A router MUST "<&>".' }),
      row("THR-02", "fail", said),
      row("STR-01", "error", said),
      ...(["unsupported", "inconclusive", "skipped", "not-run"] as const).map((verdict, index) =>
        row(`STR-1${index}`, verdict, { detail: "<no> & no" }),
      ),
      row("STR-03", "fail", { ...said, knownFailing: { reason: "<tracked>" } }),
    ],
    ['"THR-0<1>": THR-01 passes'],
  );
  expect(complaints(xml)).toEqual([]);
  const broken = [
    xml.replace("</testsuite>", ""),
    xml.replace(' name="THR"', ""),
    xml.replace('time="1.500"', 'time="1.5 s"'),
    xml.replace("<testcase ", "<case "),
    xml.replace("&amp;", "&"),
    xml.replace(' type="wrong-pod"', ' kind="wrong-pod"'),
  ];
  expect(broken.map((text) => complaints(text).length > 0)).toEqual(broken.map(() => true));
});

it("fails on an entry of the known-failing list that must go", () => {
  expect(report([row("THR-01", "pass")], ['"THR-01": THR-01 passes'])).toContain('failures="1"');
});
