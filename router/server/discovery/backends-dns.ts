/**
 * Pods from DNS, looked up again and again: every address of a host, or every target of a service record.
 *
 * An outage of the name server changes nothing (dynamo #3493): only an answer does, and "there is none" is an answer.
 */
import { lookup as systemLookup, Resolver } from "node:dns/promises";
import { OperationalError } from "../../../fixtures/operational-error.ts";
import type { PodInput } from "../pods/pod-spec.ts";
import type { PodSink, PodSource } from "./pod-source.ts";

export interface DnsOptions {
  /** `host:port`, or `_service._proto.name`. */
  readonly name: string;
  readonly everyMs: number;
  /** `address:port` of name servers; the system's by default. With it, `/etc/hosts` is not asked. */
  readonly servers?: readonly string[];
}

/** @throws {OperationalError} USAGE when the name is of neither form */
export async function watchDns(options: DnsOptions, sink: PodSink): Promise<PodSource> {
  const question = parseName(options.name);
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  if (options.servers !== undefined) resolver.setServers(options.servers);
  const addresses = async (host: string): Promise<string[]> => {
    // getaddrinfo knows search domains and /etc/hosts, a resolver does not.
    if (options.servers === undefined) return (await systemLookup(host, { all: true })).map(({ address }) => address);
    const answers = await Promise.all([orNone(resolver.resolve4(host)), orNone(resolver.resolve6(host))]);
    return answers.flat();
  };
  const ask = async (): Promise<PodInput[]> => {
    const targets = question.kind === "host" ? [question] : await orNone(resolver.resolveSrv(question.name));
    const found = await Promise.all(
      targets.map(async (target) => {
        const host = "host" in target ? target.host : target.name;
        return (await orNone(addresses(host))).map((address) => urlOf(address, target.port));
      }),
    );
    return [...new Set(found.flat())].sort().map((url) => ({ url }));
  };

  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let last = "";
  const look = async (): Promise<void> => {
    clearTimeout(timer);
    try {
      const pods = await ask();
      const now = JSON.stringify(pods);
      if (stopped) return;
      if (now !== last) sink.set(pods);
      last = now;
    } catch (error) {
      sink.log("warn", "dns", { name: options.name, kept: "the list before", error: (error as Error).message });
    }
    if (stopped) return;
    timer = setTimeout(() => void look(), options.everyMs);
    timer.unref();
  };
  await look();
  return {
    refresh: () => void look(),
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      resolver.cancel();
    },
  };
}

type Question =
  | { readonly kind: "host"; readonly host: string; readonly port: number }
  | { readonly kind: "service"; readonly name: string };

function parseName(name: string): Question {
  if (/^_[^.]+\._(?:tcp|udp)\../i.test(name)) return { kind: "service", name };
  const [, host, port] = /^(?:http:\/\/)?([^:/\s]+):(\d+)$/.exec(name) ?? [];
  if (host === undefined || Number(port) > 65535) {
    throw new OperationalError("USAGE", `${JSON.stringify(name)} is neither host:port nor _service._tcp.name`);
  }
  return { kind: "host", host, port: Number(port) };
}

/** No such name, or no record of this kind: an empty answer. Everything else is an outage. */
async function orNone<T>(answer: Promise<T[]>): Promise<T[]> {
  try {
    return await answer;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOTFOUND" || code === "ENODATA") return [];
    throw error;
  }
}

function urlOf(address: string, port: number): string {
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
}
