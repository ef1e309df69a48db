/** A router started as a program on this machine. */
import { claimsOf, startedClaimsOf } from "./adapter-claims.ts";
import type { CommandAdapterFile, LoadedAdapter } from "./adapter-file.ts";
import { proveRequirements } from "./requirement.ts";
import { RouterProcess, runToEnd } from "./router-process.ts";
import type { RouterAdapter } from "./router-under-test.ts";
import { startRouter } from "./started-router.ts";
import { expandArguments, expandText, expandTexts, type TemplateValues } from "./template.ts";

const VERSION_MS = 10_000;

/** @throws {OperationalError} REQUIREMENT_MISSING when a program that it `requires` is not there */
export async function commandAdapter(loaded: LoadedAdapter<CommandAdapterFile>): Promise<RouterAdapter> {
  const { file, here } = loaded;
  await proveRequirements(file.requires);
  return {
    ...claimsOf(loaded),
    ...startedClaimsOf(file),
    version: await versionOf(file, here),
    start: (options) => startRouter(loaded, options, async (values) => new RouterProcess(filledIn(file, values))),
  };
}

function filledIn({ command, env = {}, cwd }: CommandAdapterFile, values: TemplateValues) {
  return {
    command: expandArguments(command, values),
    env: expandTexts(env, values),
    ...(cwd === undefined ? {} : { cwd: expandText(cwd, values) }),
  };
}

/** A router that cannot tell its version is not thereby broken: starting it will show. */
async function versionOf({ version, versionCommand }: CommandAdapterFile, here: string): Promise<string> {
  if (versionCommand === undefined) return version ?? "unknown";
  try {
    const printed = await runToEnd(expandArguments(versionCommand, { here }), VERSION_MS);
    return printed.split("\n")[0]?.trim() || (version ?? "unknown");
  } catch {
    return version ?? "unknown";
  }
}
