/** One client, unmodified, against one pod. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readJsonFile } from "../../fixtures/schema.ts";
import type { Figures, LoadClient, Target } from "./load-client.ts";

const LONGEST_RUN_MS = 300_000;
const KEPT_OUTPUT_CHARS = 4_000;

/** @throws Error with the end of what the client said, when it does not end well */
export async function runClient(client: LoadClient, program: string, target: Omit<Target, "folder">): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), `routeproof-${client.name}-`));
  try {
    const whole = { ...target, folder };
    for (const [name, text] of Object.entries(client.files?.(whole) ?? {})) writeFileSync(join(folder, name), text);
    await runToEnd(program, client.argv(whole), { ...surroundings(), ...client.environment }, folder);
    return client.read(readJsonFile(join(folder, client.reportFile)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The caller's environment, but for what would steer the client's tokenizers or send its requests elsewhere. */
function surroundings(): NodeJS.ProcessEnv {
  const steering = /^(hf_|huggingface_|transformers_|(http|https|all|no)_proxy$)/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !steering.test(name)));
}

async function runToEnd(program: string, argv: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Promise<void> {
  const child = spawn(program, argv, { env, cwd, stdio: ["ignore", "pipe", "pipe"], timeout: LONGEST_RUN_MS });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (piece: Buffer) => (said = (said + piece.toString()).slice(-KEPT_OUTPUT_CHARS)));
  }
  // `once` rejects when the program cannot be started.
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  if (code !== 0) throw new Error(`${program} ended with ${signal ?? `exit code ${code}`}; it said:\n${said}`);
}
