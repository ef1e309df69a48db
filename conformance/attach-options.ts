/** The options by which a command line names a router, the same for every command. */
import type { Command } from "commander";
import { OperationalError } from "../fixtures/operational-error.ts";
import { attach } from "./adapters/attached.ts";
import type { RouterAdapter } from "./adapters/router-under-test.ts";
import { quoted } from "./runner/shell-word.ts";
import { urlAdapter } from "./adapters/url-adapter.ts";

export interface AttachOptions {
  readonly adapter?: string;
  readonly url?: string;
  readonly podsListen?: string;
  readonly profile?: string;
}

export const ATTACH_HELP = `Attach a router:
  (nothing)              the reference router, in this process
  --adapter FILE         a router the kit starts, or a running one, as the adapter file says
  --url URL --pods-listen HOST:PORT,...
                         a running router: point it at those addresses first, the kit's pods bind them.
                         --profile FILE says what the router claims; without it most routing cases are unsupported.`;

export function attachOptions(command: Command): Command {
  return command
    .option("--adapter <file>", "adapter file of the router to judge")
    .option("--url <url>", "base URL of a running router")
    .option("--pods-listen <addresses>", "with --url: addresses that the router already points at, comma-separated")
    .option("--profile <file>", "what the router claims, instead of the adapter's own profile");
}

/** `reference` makes the router that is meant when none is named. @throws {OperationalError} */
export async function chooseAdapter(options: AttachOptions, reference: () => RouterAdapter): Promise<RouterAdapter> {
  const { adapter: file, url, podsListen, profile } = options;
  if (file !== undefined && url !== undefined) {
    throw new OperationalError("USAGE", "--adapter and --url name two routers; give one of them");
  }
  if (podsListen !== undefined && url === undefined) throw new OperationalError("USAGE", "--pods-listen needs --url");
  const named = url === undefined ? (file ?? reference()) : fixedRouter(url, podsListen);
  return attach({ adapter: named, profile });
}

function fixedRouter(url: string, podsListen: string | undefined): RouterAdapter {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new OperationalError("USAGE", `--url ${url} is not an http URL; e.g. http://127.0.0.1:8080`);
  }
  const addresses = (podsListen ?? "").split(",").flatMap((word) => (word.trim() === "" ? [] : [word.trim()]));
  if (addresses.length === 0) {
    throw new OperationalError(
      "USAGE",
      "--url needs --pods-listen: the addresses that the router already points at, e.g. 127.0.0.1:9001,127.0.0.1:9002",
    );
  }
  const wrong = addresses.find((address) => !/^(http:\/\/)?[^/:]+:\d+\/?$/.test(address));
  if (wrong !== undefined) throw new OperationalError("USAGE", `--pods-listen: "${wrong}" is not HOST:PORT`);
  return urlAdapter({ file: { kind: "url", name: new URL(url).host, url, podsListen: addresses }, profile: {} });
}

/** The same options as a user writes them, for reproduce lines. */
export function attachedBy({ adapter, url, podsListen, profile }: AttachOptions): string {
  const parts = { adapter, url, "pods-listen": podsListen, profile };
  return Object.entries(parts)
    .flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${quoted(value)}`]))
    .join(" ");
}
