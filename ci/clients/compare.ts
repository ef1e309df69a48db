/**
 * `node ci/clients/compare.ts FOLDER`: runs each client of FOLDER/NAME/bin/NAME against a pod of its own, and holds what it
 * reports against the pod's journal. Prints a table; exit code 1 when they differ. `ci/clients.sh` makes the folder.
 */
import { join } from "node:path";
import { request } from "undici";
import { startCommand, type PodsReady } from "../started-command.ts";
import { aiperf } from "./aiperf.ts";
import { differences } from "./differences.ts";
import { guidellm } from "./guidellm.ts";
import { inferencePerf } from "./inference-perf.ts";
import { flags } from "./load-client.ts";
import { podFigures, type JournalRow } from "./pod-figures.ts";
import { runClient } from "./run-client.ts";

const CLIENTS = [guidellm, inferencePerf, aiperf];
const TOKENIZER = join(import.meta.dirname, "../../fixtures/tokenizer/small");
const [environments] = process.argv.slice(2);
if (environments === undefined) {
  process.stderr.write("compare: name the folder of the clients' environments; ci/clients.sh makes one\n");
  process.exit(4);
}

const fleet = await startCommand<PodsReady>([
  "pods",
  ...flags({ "--pods": `a6000:${CLIENTS.length}`, "--model": "mock-model", "--tokenizer": TOKENIZER }),
  // Without it vLLM tells nobody what its cache had.
  "--enable-prompt-tokens-details",
]);
const rows: Record<string, object> = {};
const found: string[] = [];
try {
  for (const [index, client] of CLIENTS.entries()) {
    const url = fleet.ready.urls[index] as string;
    const program = join(environments, client.name, "bin", client.name);
    process.stderr.write(`${client.name} runs against ${url}\n`);
    await warmUp(url, fleet.ready.model);
    const figures = await runClient(client, program, { url, model: fleet.ready.model, tokenizer: TOKENIZER });
    const pod = podFigures(await journalOf(url));
    rows[client.name] = shown(figures);
    rows[`${client.name}'s pod`] = shown(pod);
    found.push(...differences(figures, pod).map((line) => `${client.name}: ${line}`));
  }
} finally {
  await fleet.stop();
}
console.table(rows);
for (const line of found) process.stdout.write(`${line}\n`);
process.stdout.write(found.length === 0 ? "clients and pods agree\n" : `${found.length} figures differ\n`);
process.exitCode = found.length === 0 ? 0 : 1;

/** A pod builds its engine with its first request; what is measured is a pod that runs. The journal then begins anew. */
async function warmUp(url: string, model: string): Promise<void> {
  for (let sent = 0; sent < 8; sent++) {
    const body = JSON.stringify({ model, messages: [{ role: "user", content: "warm" }], max_tokens: 8, stream: true });
    const headers = { "content-type": "application/json" };
    await (await request(`${url}/v1/chat/completions`, { method: "POST", headers, body })).body.dump();
  }
  await (await request(`${url}/__pod/journal`, { method: "DELETE" })).body.dump();
}

async function journalOf(url: string): Promise<readonly JournalRow[]> {
  const { body } = await request(`${url}/__pod/journal`);
  return (await body.json()) as JournalRow[];
}

function shown(figures: object): object {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [name, Number((value as number).toFixed(2))]),
  );
}
