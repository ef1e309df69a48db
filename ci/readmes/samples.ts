/** The commands that a README shows: every line of its `sh` blocks, as a person would type them one after the other. */

export interface Sample {
  readonly command: string;
  /** Where it begins in the README, from 1. */
  readonly line: number;
  /** Serves until it is ended; a person would give it a terminal of its own. */
  readonly serves: boolean;
}

const SERVERS = /\brouteproof (?:pods|router)\b(?!.*--help)/;

/** Lines ended by a backslash are one command with the next; comments and empty lines are none. */
export function samplesIn(markdown: string): Sample[] {
  const samples: Sample[] = [];
  let inside = false;
  let pending = "";
  let firstLine = 0;
  for (const [index, text] of markdown.split("\n").entries()) {
    if (text.startsWith("```")) {
      inside = !inside && text.trim() === "```sh";
      continue;
    }
    if (!inside) continue;
    if (pending === "") firstLine = index + 1;
    const whole = `${pending}${text.replace(/(^|\s)#\s.*$/, "").trimEnd()}`;
    if (whole.endsWith("\\")) {
      pending = whole.slice(0, -1);
      continue;
    }
    pending = "";
    const command = whole.trim();
    if (command === "") continue;
    samples.push({ command: command.replace(/\s*&$/, ""), line: firstLine, serves: SERVERS.test(command) });
  }
  return samples;
}
