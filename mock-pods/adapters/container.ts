/** A fleet of mock pods in a Docker container, for tests in any language that has testcontainers; here for Node. */
import { fileURLToPath } from "node:url";
import { AbstractStartedContainer, GenericContainer, Wait, type StartedTestContainer } from "testcontainers";
import { parsePodGroups } from "../fleet/pod-groups.ts";

/** Where pods listen inside: the image's first port, then one for each pod. */
const FIRST_PORT = 8000;

/** This package's root: above mock-pods/ in the sources, above dist/mock-pods/ once built. */
const PACKAGE = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "../.." : "../../..", import.meta.url));

/**
 * One container, several pods, each on its own mapped port. Started when every pod answers `/health`.
 *
 * ```ts
 * await VllmFleetContainer.buildImage("routeproof-pods");
 * const fleet = await new VllmFleetContainer("routeproof-pods", "a6000:2").start();
 * fleet.urls; // one per pod
 * ```
 */
export class VllmFleetContainer extends GenericContainer {
  readonly #pods: string;
  readonly #ports: readonly number[];
  readonly #words: string[] = [];

  /**
   * @param pods which cards and how many, as `a6000:4,v100:2`
   * @throws {OperationalError} USAGE or UNKNOWN_PROFILE for pods that cannot be
   */
  constructor(image: string, pods: string) {
    super(image);
    this.#pods = pods;
    const count = parsePodGroups(pods).reduce((sum, group) => sum + group.count, 0);
    this.#ports = Array.from({ length: count }, (_, index) => FIRST_PORT + index);
    this.withExposedPorts(...this.#ports);
    this.withWaitStrategy(Wait.forAll(this.#ports.map((port) => Wait.forHttp("/health", port).forStatusCode(200))));
  }

  /** Builds the image from this package's files (or those in `folder`); later builds are answered by Docker's cache. */
  static async buildImage(name: string, folder = PACKAGE): Promise<void> {
    await GenericContainer.fromDockerfile(folder, "mock-pods/Dockerfile").build(name, { deleteOnExit: false });
  }

  /** Further words for `routeproof pods`, vLLM's flags among them: `withFlags("--max-num-seqs", "8")`. */
  withFlags(...words: readonly string[]): this {
    this.#words.push(...words);
    return this;
  }

  override async start(): Promise<StartedVllmFleetContainer> {
    this.withCommand(["--pods", this.#pods, ...this.#words]);
    return new StartedVllmFleetContainer(await super.start(), this.#ports);
  }
}

export class StartedVllmFleetContainer extends AbstractStartedContainer {
  /** Each pod's URL as seen from here, in the order of the groups. */
  readonly urls: readonly string[];

  constructor(container: StartedTestContainer, ports: readonly number[]) {
    super(container);
    this.urls = ports.map((port) => `http://${container.getHost()}:${container.getMappedPort(port)}`);
  }
}
