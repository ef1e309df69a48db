import { execFileSync } from "node:child_process";

/**
 * Whether a Docker engine answers. Says on stderr why container tests are left out when none does.
 *
 * @throws when none does and `ROUTEPROOF_REQUIRE_DOCKER` is set: in the pipeline a container test left out is a failure
 */
export function dockerAnswers(): boolean {
  try {
    execFileSync("docker", ["version", "--format", "{{.Server.Version}}"], { stdio: "pipe", timeout: 10_000 });
    return true;
  } catch (error) {
    const reason = String((error as { stderr?: Buffer }).stderr ?? error).trim() || String(error);
    if (process.env["ROUTEPROOF_REQUIRE_DOCKER"] !== undefined) {
      throw new Error(`container tests are required, and no Docker engine answers: ${reason}`, { cause: error });
    }
    process.stderr.write(`Container tests are left out: no Docker engine answers (${reason.split("\n").at(-1)})\n`);
    return false;
  }
}
