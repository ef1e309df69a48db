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
import { resolveAdapterPath } from "./shipped-adapters.ts";
import type { RouterAdapter } from "./router-under-test.ts";
import { urlAdapter } from "./url-adapter.ts";

/**
 * `path` is an adapter file, or the name of a shipped one.
 *
 * @throws {OperationalError} FILE_UNREADABLE, FILE_INVALID, or REQUIREMENT_MISSING when a program it needs is not there
 */
export async function openAdapter(path: string): Promise<RouterAdapter> {
  const loaded = loadAdapter(resolveAdapterPath(path));
  switch (loaded.file.kind) {
    case "command":
      return commandAdapter(loaded as LoadedAdapter<CommandAdapterFile>);
    case "url":
      return urlAdapter(loaded as LoadedAdapter<UrlAdapterFile>);
    case "container":
      return containerAdapter(loaded as LoadedAdapter<ContainerAdapterFile>);
  }
}
