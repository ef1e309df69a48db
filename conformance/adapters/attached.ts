/** How a program names the router to judge, in the words of the command line's `--adapter` and `--profile`. */
import { OperationalError } from "../../fixtures/operational-error.ts";
import { readJsonFile } from "../../fixtures/schema.ts";
import { checkRouterProfile, type RouterProfile } from "../router-profile.ts";
import { openAdapter } from "./open-adapter.ts";
import type { RouterAdapter } from "./router-under-test.ts";

export interface Attached {
  /** One that starts a router by itself; or the path of an adapter file, or the name of a shipped one. */
  readonly adapter: RouterAdapter | string;
  /** What the router claims, instead of the adapter's own profile; or the path of a file that says so. */
  readonly profile?: RouterProfile | string | undefined;
}

/** @throws {OperationalError} USAGE, FILE_UNREADABLE, FILE_INVALID or REQUIREMENT_MISSING */
export async function attach({ adapter: given, profile }: Attached): Promise<RouterAdapter> {
  const claimed =
    typeof profile === "string"
      ? checkRouterProfile(readJsonFile(profile), profile)
      : profile && checkRouterProfile(profile, "profile");
  if (typeof given === "string") return openAdapter(given, claimed);
  if (typeof (given as Partial<RouterAdapter> | undefined)?.start !== "function") {
    throw new OperationalError(
      "USAGE",
      "adapter: give an object with start(), the path of an adapter file, or the name of a shipped adapter",
    );
  }
  return claimed === undefined ? given : { ...given, profile: claimed };
}
