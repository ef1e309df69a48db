/** A router that the kit starts: ports found, templates filled in, ready when it says so, stopped with all it started. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent } from "undici";
import { OperationalError } from "../../fixtures/operational-error.ts";
import { startedClaimsOf } from "./adapter-claims.ts";
import type { AdapterFile, LoadedAdapter, Poll } from "./adapter-file.ts";
import { freePorts } from "./free-ports.ts";
import { ANSWERS_ANYTHING, answersAnything, pollUntil } from "./http-call.ts";
import { FilePodChannel, HttpPodChannel, podsValues, writePodsFile, type PodChannel } from "./pod-channel.ts";
import { saysPortIsTaken } from "./router-log.ts";
import type { RouterProgram } from "./router-program.ts";
import type { PodAddress, RouterUnderTest, StartOptions } from "./router-under-test.ts";
import { Settling } from "./settling.ts";
import { expandText, portNames, type TemplateValues } from "./template.ts";

const START_ATTEMPTS = 3;
const DEFAULT_GRACE_MS = 5_000;

type StartedFile = Exclude<AdapterFile, { kind: "url" }>;

/** Starts the program in front of these pods, with the ports of this attempt. */
export type Launch = (values: TemplateValues) => Promise<RouterProgram>;

export async function startRouter(
  loaded: LoadedAdapter<StartedFile>,
  options: StartOptions,
  launch: Launch,
): Promise<RouterUnderTest> {
  const { pods } = loaded.file;
  const threshold = thresholdOf(loaded, options);
  const tmp = await mkdtemp(join(tmpdir(), "routeproof-"));
  const run = new StartedRouter(loaded, { ...options, threshold }, tmp, launch);
  try {
    await run.start();
  } catch (error) {
    await run.close();
    throw error;
  }
  return {
    kind: "http",
    // A restart may have to take another port.
    get url() {
      return run.url;
    },
    died: () => run.died(),
    address: (template) => run.address(template),
    memoryBytes: () => run.memoryBytes(),
    logs: () => run.logs(),
    settlesInMs: () => run.settlesInMs(),
    close: () => run.close(),
    ...((pods?.channel ?? "none") === "none" ? {} : { setPods: (now: readonly PodAddress[]) => run.setPods(now) }),
  };
}

function thresholdOf({ file, profile }: LoadedAdapter<StartedFile>, options: StartOptions): number | undefined {
  const threshold = options.threshold ?? profile.threshold?.value;
  if (threshold !== undefined || !startedClaimsOf(file).takesThreshold) return threshold;
  throw new OperationalError(
    "FILE_INVALID",
    `${file.name}: {{threshold}} stands for the profile's, which names none; give it a "threshold", or leave {{threshold}} out`,
  );
}

class StartedRouter {
  readonly #file: StartedFile;
  readonly #options: StartOptions;
  readonly #launch: Launch;
  readonly #fixed: TemplateValues;
  readonly #tmp: string;
  readonly #dispatcher = new Agent({ connections: 4 });
  readonly #settling: Settling;
  #told: readonly PodAddress[];
  #values: TemplateValues = {};
  #program: RouterProgram | undefined;
  #channel: PodChannel | undefined;
  #closed = false;

  constructor({ file, here }: LoadedAdapter<StartedFile>, options: StartOptions, tmp: string, launch: Launch) {
    this.#file = file;
    this.#settling = new Settling(file.settle);
    this.#options = options;
    this.#told = options.pods;
    this.#launch = launch;
    this.#tmp = tmp;
    const { threshold } = options;
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
    return this.#program?.died();
  }

  address(template: string): string {
    return expandText(template, this.#values);
  }

  async memoryBytes(): Promise<number | undefined> {
    return this.#program?.memoryBytes?.();
  }

  settlesInMs(): number {
    return this.#settling.leftMs();
  }

  logs(): string {
    return this.#program?.log.text ?? "";
  }

  async start(): Promise<void> {
    const { pods } = this.#options;
    await this.#startInFrontOf(this.#addsAll ? [] : pods);
    if (this.#addsAll) {
      await this.#channel?.setPods(pods);
      await this.#until(this.#ready);
    }
    this.#settling.started();
  }

  /** It starts without pods, and is told of each by a call. */
  get #addsAll(): boolean {
    return this.#file.startsEmpty === true && this.#file.pods?.channel === "http";
  }

  get #ready(): Poll {
    return this.#file.ready ?? ANSWERS_ANYTHING;
  }

  async setPods(pods: readonly PodAddress[]): Promise<void> {
    this.#alive();
    if (this.#channel !== undefined) {
      const added = pods.some(({ name }) => !this.#told.some((pod) => pod.name === name));
      await this.#channel.setPods(pods);
      if (added) this.#settling.podsCame();
    } else {
      await this.#stop();
      await this.#startInFrontOf(pods);
      this.#settling.started();
    }
    this.#told = pods;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#stop();
    await this.#dispatcher.close();
    await rm(this.#tmp, { recursive: true, force: true });
  }

  /** Starts the program; a port that was lost to someone else in the meantime is chosen anew. */
  async #startInFrontOf(pods: readonly PodAddress[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#startOnce(pods);
      } catch (error) {
        const lostPort = this.#program?.log.saysPortIsTaken() ?? saysPortIsTaken((error as Error).message);
        await this.#stop();
        if (!lostPort || attempt === START_ATTEMPTS) throw error;
      }
    }
  }

  async #startOnce(pods: readonly PodAddress[]): Promise<void> {
    const { url, pods: channel } = this.#file;
    const names = portNames(this.#file);
    const ports = await freePorts(names.length);
    const withPorts = {
      ...this.#fixed,
      ...Object.fromEntries(names.map((name, index) => [name, String(ports[index])])),
    };
    this.#values = { ...withPorts, url: expandText(url, withPorts).replace(/\/$/, "") };
    const values = { ...this.#values, ...podsValues(pods) };
    if (channel?.channel === "file") await writePodsFile(channel, values, pods);
    const program = await this.#launch(values);
    this.#program = program;
    // Without pods a router may rightly call itself not ready.
    await this.#until(pods.length === 0 ? answersAnything(this.#ready) : this.#ready);
    this.#channel = this.#openChannel(pods, program);
  }

  async #until(poll: Poll): Promise<void> {
    try {
      await pollUntil(poll, this.#values, this.#dispatcher, () => this.#alive());
    } catch (error) {
      // The program may have said why; a poll that only timed out has not.
      const said = this.died() === undefined ? (this.#program?.log.lastLines() ?? "") : "";
      throw new OperationalError("ADAPTER_FAILED", `${(error as Error).message}${said}`, { cause: error });
    }
  }

  #openChannel(pods: readonly PodAddress[], program: RouterProgram): PodChannel | undefined {
    const channel = this.#file.pods;
    const target = {
      values: this.#values,
      dispatcher: this.#dispatcher,
      alive: () => this.#alive(),
      signal: (name: NodeJS.Signals) => program.signal(name),
    };
    if (channel?.channel === "http") return new HttpPodChannel(channel, target, pods);
    if (channel?.channel === "file") return new FilePodChannel(channel, target);
    return undefined;
  }

  #alive(): void {
    if (this.#options.signal?.aborted === true) {
      throw new OperationalError("ADAPTER_FAILED", `${this.#file.name} was interrupted before it was ready`);
    }
    const death = this.died();
    if (death === undefined) return;
    const { name, install } = this.#file;
    const how = install !== undefined && death.startsWith("cannot run ") ? `; to get it: ${install}` : "";
    throw new OperationalError("ADAPTER_FAILED", `${name} ${death}${how}`);
  }

  async #stop(): Promise<void> {
    const { signal = "SIGTERM", graceMs = DEFAULT_GRACE_MS } = this.#file.stop ?? {};
    await this.#program?.stop(signal as NodeJS.Signals, graceMs);
    this.#program = undefined;
  }
}
