/** A router started as a program: ports found, arguments filled in, ready when it says so, stopped with its children. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent } from "undici";
import { OperationalError } from "../../fixtures/operational-error.ts";
import type { CommandAdapterFile, LoadedAdapter } from "./adapter-file.ts";
import { freePorts } from "./free-ports.ts";
import { pollUntil } from "./http-call.ts";
import { FilePodChannel, HttpPodChannel, podsValues, writePodsFile, type PodChannel } from "./pod-channel.ts";
import { RouterProcess, runToEnd } from "./router-process.ts";
import type { PodAddress, RouterAdapter, RouterUnderTest, StartOptions } from "./router-under-test.ts";
import { expandArguments, expandText, portNames, type TemplateValues } from "./template.ts";

const START_ATTEMPTS = 3;
const DEFAULT_READY_MS = 30_000;
const DEFAULT_GRACE_MS = 5_000;
const VERSION_MS = 10_000;

type Loaded = LoadedAdapter<CommandAdapterFile>;

/** @throws {OperationalError} REQUIREMENT_MISSING when a program that it `requires` is not there */
export async function commandAdapter(loaded: Loaded): Promise<RouterAdapter> {
  const { file, profile } = loaded;
  for (const requirement of file.requires ?? []) await prove(requirement);
  return {
    name: file.name,
    version: await versionOf(file, loaded.here),
    kind: "command",
    profile,
    takesThreshold: /\{\{threshold[|}]/.test(JSON.stringify([file.command, file.env, file.pods])),
    changesPods: file.pods !== undefined && file.pods.channel !== "none",
    ...(file.requests === undefined ? {} : { requests: file.requests }),
    ...(file.podSeenBy === undefined ? {} : { podSeenBy: file.podSeenBy }),
    ...(file.settle === undefined ? {} : { settle: file.settle }),
    ...(file.observe === undefined ? {} : { observe: file.observe }),
    start: (options) => startCommand(loaded, options),
  };
}

async function startCommand(loaded: Loaded, options: StartOptions): Promise<RouterUnderTest> {
  const { file } = loaded;
  const tmp = await mkdtemp(join(tmpdir(), "routeproof-"));
  const run = new CommandRun(loaded, options, tmp);
  try {
    await run.start();
  } catch (error) {
    await run.close();
    throw error;
  }
  const channel = file.pods?.channel ?? "none";
  return {
    kind: "http",
    // A restart may have to take another port.
    get url() {
      return run.url;
    },
    died: () => run.died(),
    address: (template) => run.address(template),
    logs: () => run.logs(),
    close: () => run.close(),
    ...(channel === "none" ? {} : { setPods: (pods: readonly PodAddress[]) => run.setPods(pods) }),
  };
}

class CommandRun {
  readonly #file: CommandAdapterFile;
  readonly #options: StartOptions;
  readonly #fixed: TemplateValues;
  readonly #tmp: string;
  readonly #dispatcher = new Agent({ connections: 4 });
  #values: TemplateValues = {};
  #process: RouterProcess | undefined;
  #channel: PodChannel | undefined;
  #closed = false;

  constructor({ file, here, profile }: Loaded, options: StartOptions, tmp: string) {
    this.#file = file;
    this.#options = options;
    this.#tmp = tmp;
    const threshold = options.threshold ?? profile.threshold?.value;
    this.#fixed = {
      here,
      tmp,
      seed: String(options.seed),
      model: options.pods[0]?.models?.[0] ?? "",
      ...(threshold === undefined ? {} : { threshold: String(threshold) }),
    };
  }

  get url(): string {
    return expandText("{{url}}", this.#values);
  }

  died(): string | undefined {
    return this.#process?.died();
  }

  address(template: string): string {
    return expandText(template, this.#values);
  }

  logs(): string {
    return this.#process?.logs() ?? "";
  }

  async start(): Promise<void> {
    const { pods } = this.#options;
    const addsAll = this.#file.startsEmpty === true && this.#file.pods?.channel === "http";
    await this.#launch(addsAll ? [] : pods);
    if (addsAll) await this.#channel?.setPods(pods);
    await sleep(this.#file.settle?.afterStartMs ?? 0);
  }

  async setPods(pods: readonly PodAddress[]): Promise<void> {
    this.#alive();
    if (this.#channel !== undefined) {
      await this.#channel.setPods(pods);
      await sleep(this.#file.settle?.afterAddMs ?? 0);
    } else {
      await this.#stop();
      await this.#launch(pods);
      await sleep(this.#file.settle?.afterStartMs ?? 0);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#stop();
    await this.#dispatcher.close();
    await rm(this.#tmp, { recursive: true, force: true });
  }

  /** Starts the program in front of these pods; a port that was lost to someone else in the meantime is chosen anew. */
  async #launch(pods: readonly PodAddress[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#launchOnce(pods);
      } catch (error) {
        const lostPort = this.#process?.lostPort() === true;
        await this.#stop();
        if (!lostPort || attempt === START_ATTEMPTS) throw error;
      }
    }
  }

  async #launchOnce(pods: readonly PodAddress[]): Promise<void> {
    const { command, env = {}, cwd, url, ready, pods: channel } = this.#file;
    const names = portNames(this.#file);
    const ports = await freePorts(names.length);
    const withPorts = {
      ...this.#fixed,
      ...Object.fromEntries(names.map((name, index) => [name, String(ports[index])])),
    };
    this.#values = { ...withPorts, url: expandText(url, withPorts).replace(/\/$/, "") };
    const values = { ...this.#values, ...podsValues(pods) };
    if (channel?.channel === "file") await writePodsFile(channel, values);
    const router = new RouterProcess({
      command: expandArguments(command, values),
      env: Object.fromEntries(Object.entries(env).map(([name, text]) => [name, expandText(text, values)])),
      ...(cwd === undefined ? {} : { cwd: expandText(cwd, values) }),
    });
    this.#process = router;
    try {
      await pollUntil(ready ?? ANSWERS_ANYTHING, values, this.#dispatcher, () => this.#alive());
    } catch (error) {
      // The process may have said why; a poll that only timed out has not.
      const said = router.died() === undefined ? router.lastLines() : "";
      throw new OperationalError("ADAPTER_FAILED", `${(error as Error).message}${said}`, { cause: error });
    }
    this.#channel = this.#openChannel(pods, router);
  }

  #openChannel(pods: readonly PodAddress[], router: RouterProcess): PodChannel | undefined {
    const channel = this.#file.pods;
    const target = {
      values: this.#values,
      dispatcher: this.#dispatcher,
      alive: () => this.#alive(),
      signal: (name: NodeJS.Signals) => router.signal(name),
    };
    if (channel?.channel === "http") return new HttpPodChannel(channel, target, pods);
    if (channel?.channel === "file") return new FilePodChannel(channel, target);
    return undefined;
  }

  #alive(): void {
    const death = this.died();
    if (death !== undefined) throw new OperationalError("ADAPTER_FAILED", `${this.#file.name} ${death}`);
  }

  async #stop(): Promise<void> {
    const { signal = "SIGTERM", graceMs = DEFAULT_GRACE_MS } = this.#file.stop ?? {};
    await this.#process?.stop(signal as NodeJS.Signals, graceMs);
    this.#process = undefined;
  }
}

/** Without a `ready` poll, a router is ready when it answers anything. */
const ANSWERS_ANYTHING = { url: "{{url}}/", status: Array.from({ length: 500 }, (_, index) => 100 + index) };

type Requirement = NonNullable<CommandAdapterFile["requires"]>[number];

async function prove(requirement: Requirement): Promise<void> {
  const { command, why }: { command: string[]; why?: string } = Array.isArray(requirement)
    ? { command: requirement }
    : requirement;
  try {
    await runToEnd(command, DEFAULT_READY_MS);
  } catch (cause) {
    const reason = why === undefined ? "" : ` (${why})`;
    throw new OperationalError("REQUIREMENT_MISSING", `the adapter requires ${(cause as Error).message}${reason}`, {
      cause,
    });
  }
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
