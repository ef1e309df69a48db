/** A badge: the suite's version, the verdict and how many of the applicable cases passed. */
import type { FooterRow, Report } from "../runner/report-rows.ts";

const COLOURS: Readonly<Record<FooterRow["verdict"], string>> = {
  conformant: "#2e7d32",
  "non-conformant": "#c62828",
  inconclusive: "#b26a00",
  error: "#6a1b9a",
};
const CHAR_WIDTH = 6.6;

export function badgeSvg({ header, footer }: Report): string {
  const label = `routeproof ${header.suite.version}`;
  const { pass = 0, fail = 0, inconclusive = 0 } = footer.counts;
  const text = `${footer.verdict} ${pass}/${pass + fail + inconclusive}`;
  const left = width(label);
  const right = width(text);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="20" role="img" aria-label="${label}: ${text}">
<title>${label}: ${text}</title>
<rect width="${left}" height="20" fill="#444"/><rect x="${left}" width="${right}" height="20" fill="${COLOURS[footer.verdict]}"/>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="${left / 2}" y="14">${label}</text><text x="${left + right / 2}" y="14">${text}</text></g></svg>
`;
}

function width(text: string): number {
  return Math.round(text.length * CHAR_WIDTH) + 12;
}
