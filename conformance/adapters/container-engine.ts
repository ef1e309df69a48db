/** The Docker engine as container adapters need it: images, and how its containers reach this machine. */
import { once } from "node:events";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { GenericContainer, getContainerRuntimeClient, ImageName, type ContainerRuntimeClient } from "testcontainers";
import { OperationalError } from "../../fixtures/operational-error.ts";
import type { ContainerAdapterFile } from "./adapter-file.ts";
import type { PodsHost } from "./router-under-test.ts";
import { expandText } from "./template.ts";

/** By which a container knows this machine; Docker Desktop defines it, elsewhere it is given to each container. */
export const HOST_NAME = "host.docker.internal";

/** @throws {OperationalError} REQUIREMENT_MISSING */
export async function openEngine(): Promise<ContainerRuntimeClient> {
  try {
    return await getContainerRuntimeClient();
  } catch (cause) {
    throw new OperationalError(
      "REQUIREMENT_MISSING",
      `a container adapter needs a Docker engine, and none answers: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/**
 * Builds the image, or pulls it unless it is there. Resolves to its name and id.
 *
 * @throws {OperationalError} ADAPTER_FAILED
 */
export async function imageOf(
  { name, image, build }: ContainerAdapterFile,
  here: string,
  engine: ContainerRuntimeClient,
): Promise<{ readonly name: string; readonly id: string }> {
  const wanted = image ?? `routeproof/${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}:adapter`;
  const imageName = ImageName.fromString(wanted);
  try {
    if (build === undefined) await engine.image.pull(imageName);
    else {
      const context = resolve(here, expandText(build.context, { here }));
      await GenericContainer.fromDockerfile(context, build.dockerfile).build(wanted, { deleteOnExit: false });
    }
    return { name: wanted, id: (await engine.image.inspect(imageName)).Id };
  } catch (cause) {
    const what = build === undefined ? `image ${wanted}` : `building ${wanted} from ${build.context}`;
    throw new OperationalError("ADAPTER_FAILED", `${what}: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Pods bind no wider than a container needs: the bridge's own address where this machine has it (Linux), else loopback,
 * which Docker Desktop passes on to.
 */
export async function podsHostFor(engine: ContainerRuntimeClient): Promise<PodsHost> {
  const { IPAM } = (await engine.container.dockerode.getNetwork("bridge").inspect()) as {
    readonly IPAM?: { readonly Config?: readonly { readonly Gateway?: string }[] };
  };
  const gateway = IPAM?.Config?.find(({ Gateway }) => Gateway !== undefined)?.Gateway;
  return { bind: gateway !== undefined && (await isOwn(gateway)) ? gateway : "127.0.0.1", seenAs: HOST_NAME };
}

/** The list of interfaces would not do: it leaves out a bridge that no container uses yet. */
async function isOwn(address: string): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(0, address), "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
