/** From an adapter file to an adapter. */
import {
  loadAdapter,
  type CommandAdapterFile,
  type ContainerAdapterFile,
  type LoadedAdapter,
  type UrlAdapterFile,
} from "./adapter-file.ts";
import { commandAdapter } from "./command-adapter.ts";
import { containerAdapter } from "./container-adapter.ts";
import type { RouterProfile } from "../router-profile.ts";
import { resolveAdapterPath } from "./shipped-adapters.ts";
import type { RouterAdapter } from "./router-under-test.ts";
import { urlAdapter } from "./url-adapter.ts";

/**
 * `path` is an adapter file, or the name of a shipped one; `claimed` stands in for the file's own profile.
 *
 * @throws {OperationalError} FILE_UNREADABLE, FILE_INVALID, or REQUIREMENT_MISSING when a program it needs is not there
 */
export async function openAdapter(path: string, claimed?: RouterProfile): Promise<RouterAdapter> {
  const file = loadAdapter(resolveAdapterPath(path));
  const loaded = { ...file, profile: claimed ?? file.profile };
  switch (loaded.file.kind) {
    case "command":
      return commandAdapter(loaded as LoadedAdapter<CommandAdapterFile>);
    case "url":
      return urlAdapter(loaded as LoadedAdapter<UrlAdapterFile>);
    case "container":
      return containerAdapter(loaded as LoadedAdapter<ContainerAdapterFile>);
  }
}
