/** A router in a container: its ports on loopback, its log kept, removed whatever happens. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { type ContainerRuntimeClient, getReaper, LABEL_TESTCONTAINERS_SESSION_ID } from "testcontainers";
import { OperationalError } from "../../fixtures/operational-error.ts";
import { HOST_NAME } from "./container-engine.ts";
import { RouterLog } from "./router-log.ts";
import type { RouterProgram } from "./router-program.ts";

export interface ContainerOptions {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Folders of this machine, at the same path inside. */
  readonly folders: readonly { readonly path: string; readonly mode: "ro" | "rw" }[];
  /** Published ports, or the network of this machine, where there is nothing to publish. */
  readonly network: "host" | readonly { readonly inside: string; readonly outside: string }[];
}

type Container = ReturnType<ContainerRuntimeClient["container"]["getById"]>;

export class RouterContainer implements RouterProgram {
  readonly log = new RouterLog();
  readonly #container: Container;
  readonly #ended: Promise<void>;
  #ending: string | undefined;
  #stopping = false;

  private constructor(container: Container, log: NodeJS.ReadableStream) {
    this.#container = container;
    this.log.follow(log);
    const wholeLog = once(log, "end");
    this.#ended = container.wait().then(async ({ StatusCode }: { StatusCode: number }) => {
      // What it said last belongs to how it ended.
      await wholeLog;
      this.#ending = `ended with exit code ${StatusCode}`;
    });
  }

  /** @throws {OperationalError} ADAPTER_FAILED with what the engine says */
  static async start(engine: ContainerRuntimeClient, options: ContainerOptions): Promise<RouterContainer> {
    const { container } = engine;
    let created: Container | undefined;
    try {
      created = await container.create(await settingsOf(engine, options));
      await container.start(created);
      return new RouterContainer(created, await container.logs(created));
    } catch (cause) {
      await created?.remove({ force: true, v: true });
      const message = `a container of ${options.image} does not start: ${(cause as Error).message}`;
      throw new OperationalError("ADAPTER_FAILED", message, { cause });
    }
  }

  died(): string | undefined {
    return this.#ending === undefined || this.#stopping ? undefined : `${this.#ending}${this.log.lastLines()}`;
  }

  async signal(name: NodeJS.Signals): Promise<void> {
    await this.#container.kill({ signal: name });
  }

  async stop(signal: NodeJS.Signals, graceMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#ending === undefined) {
      // It may end by itself in this moment, which the engine then reports as an error.
      await this.signal(signal).catch(() => undefined);
      await Promise.race([this.#ended, sleep(graceMs, undefined, { ref: false })]);
    }
    await this.#container.remove({ force: true, v: true });
  }
}

async function settingsOf(
  engine: ContainerRuntimeClient,
  { image, args, env, folders, network }: ContainerOptions,
): Promise<Parameters<ContainerRuntimeClient["container"]["create"]>[0]> {
  const { sessionId } = await getReaper(engine);
  const published = network === "host" ? [] : network;
  const bindings = published.map(({ inside, outside }) => [
    `${inside}/tcp`,
    [{ HostIp: "127.0.0.1", HostPort: outside }],
  ]);
  return {
    Image: image,
    Cmd: [...args],
    Env: Object.entries(env).map(([name, text]) => `${name}=${text}`),
    ExposedPorts: Object.fromEntries(published.map(({ inside }) => [`${inside}/tcp`, {}])),
    // By this label a kit that is killed has its containers removed.
    Labels: { [LABEL_TESTCONTAINERS_SESSION_ID]: sessionId },
    HostConfig: {
      Binds: folders.map(({ path, mode }) => `${path}:${path}:${mode}`),
      ...(network === "host"
        ? { NetworkMode: "host" }
        : { PortBindings: Object.fromEntries(bindings), ExtraHosts: [`${HOST_NAME}:host-gateway`] }),
    },
  };
}
