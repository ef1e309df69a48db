/** Programs that an adapter file says its router needs: a missing one is never a failure of the router. */
import { OperationalError } from "../../fixtures/operational-error.ts";
import type { AdapterFile } from "./adapter-file.ts";
import { runToEnd } from "./router-process.ts";

const PROOF_MS = 30_000;

/** @throws {OperationalError} REQUIREMENT_MISSING */
export async function proveRequirements(requirements: AdapterFile["requires"] = []): Promise<void> {
  for (const requirement of requirements) {
    const { command, why }: { command: string[]; why?: string } = Array.isArray(requirement)
      ? { command: requirement }
      : requirement;
    try {
      await runToEnd(command, PROOF_MS);
    } catch (cause) {
      const reason = why === undefined ? "" : ` (${why})`;
      throw new OperationalError("REQUIREMENT_MISSING", `the adapter requires ${(cause as Error).message}${reason}`, {
        cause,
      });
    }
  }
}
