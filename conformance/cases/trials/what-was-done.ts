/** What led to a probe, in words: a maintainer replays it in the head before opening the evidence. */
import type { Observation, SentStep, Step } from "../../observation.ts";

/** Every namespace begins with a cell of its own; templates write some marks before it. */
const OWN_CHARACTERS = 200;
const MOST_PARTS = 9;
const LAST_PARTS = 6;

/** From the first request of the probe's namespace to the probe. */
export function whatWasDone({ steps }: Observation, probe: SentStep): string {
  const last = steps.indexOf(probe);
  const own = probe.prompt.text.slice(0, OWN_CHARACTERS);
  const first = steps.findIndex((step) => step.kind === "sent" && step.prompt.text.startsWith(own));
  const pods = steps.slice(0, first).findLast((step) => step.kind === "pods");
  const parts = [...(pods === undefined ? [] : [pods]), ...steps.slice(first, last + 1)].flatMap(part);
  const said = counted(parts);
  const shown =
    said.length <= MOST_PARTS
      ? said
      : [
          ...said.slice(0, MOST_PARTS - LAST_PARTS),
          `${said.length - MOST_PARTS} steps more`,
          ...said.slice(-LAST_PARTS),
        ];
  return shown.join("; ");
}

/** Notes are for the judge. */
function part(step: Step): string[] {
  switch (step.kind) {
    case "sent":
      return [`${name(step)} ${step.held ? "held on" : "went to"} ${step.pod ?? `no pod (status ${step.status})`}`];
    case "released":
      return [`a held request ${step.outcome === "ok" ? "released" : `ended: ${step.outcome}`}`];
    case "pods":
      return [
        `${step.pod === null ? "" : `${step.pod} ${step.change === "remove" ? "removed" : "added"}, `}pods ${step.pods.join(", ") || "none"}`,
      ];
    case "advanced":
      return [`${step.byMs / 1000} s passed`];
    case "quiet":
    case "note":
      return [];
  }
}

function name({ label, prompt: { cells }, cacheSalt }: SentStep): string {
  return `${label} (${cells.length} cells${cacheSalt === undefined ? "" : `, salt ${cacheSalt}`})`;
}

/** Equal ones that follow each other are said once. */
function counted(parts: readonly string[]): string[] {
  const runs: { readonly text: string; times: number }[] = [];
  for (const text of parts) {
    const run = runs.at(-1);
    if (run?.text === text) run.times++;
    else runs.push({ text, times: 1 });
  }
  return runs.map(({ text, times }) => (times === 1 ? text : `${times} x ${text}`));
}
