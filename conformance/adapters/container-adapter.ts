/** A router started in a container. */
import { chmod } from "node:fs/promises";
import { OperationalError } from "../../fixtures/operational-error.ts";
import { claimsOf, startedClaimsOf } from "./adapter-claims.ts";
import type { ContainerAdapterFile, LoadedAdapter } from "./adapter-file.ts";
import { proveRequirements } from "./requirement.ts";
import type { ContainerOptions } from "./router-container.ts";
import type { RouterAdapter } from "./router-under-test.ts";
import { type Launch, startRouter } from "./started-router.ts";
import { expandArguments, expandTexts, portNames, type TemplateValues } from "./template.ts";

/** @throws {OperationalError} REQUIREMENT_MISSING without testcontainers, an engine, or a program that it `requires` */
export async function containerAdapter(loaded: LoadedAdapter<ContainerAdapterFile>): Promise<RouterAdapter> {
  const { file, here } = loaded;
  await proveRequirements(file.requires);
  const { openEngine, imageOf, podsHostFor, RouterContainer } = await containers();
  const engine = await openEngine();
  const image = await imageOf(file, here, engine);
  return {
    ...claimsOf(loaded),
    ...startedClaimsOf(file),
    version: file.version ?? image.id,
    ...(file.network === "host" ? {} : { podsHost: await podsHostFor(engine) }),
    start: async (options) => {
      const launch: Launch = async (values) => {
        // The program inside may run as another user.
        await chmod(textOf(values, "tmp"), 0o755);
        return RouterContainer.start(engine, filledIn(file, image.name, values));
      };
      try {
        return await startRouter(loaded, options, launch);
      } catch (error) {
        throw file.network === "host" ? error : withAdvice(error as Error);
      }
    },
  };
}

/** Docker takes connections for a published port whether or not the program inside listens where they then go. */
function withAdvice(error: Error): Error {
  if (!/last: (ECONNRESET|UND_ERR_SOCKET)/.test(error.message)) return error;
  const advice = "in a container a router must listen on 0.0.0.0, not on 127.0.0.1";
  return new OperationalError("ADAPTER_FAILED", `${error.message}; ${advice}`, { cause: error });
}

function filledIn(file: ContainerAdapterFile, image: string, values: TemplateValues): ContainerOptions {
  const { args = [], env = {}, ports = {}, network } = file;
  const inside = {
    ...values,
    ...Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)])),
  };
  const words = JSON.stringify([args, env]);
  return {
    image,
    args: expandArguments(args, inside),
    env: expandTexts(env, inside),
    folders: (["here", "tmp"] as const)
      .filter((name) => words.includes(`{{${name}`))
      .map((name) => ({ path: textOf(values, name), mode: name === "here" ? "ro" : "rw" })),
    network:
      network === "host"
        ? "host"
        : portNames(file).map((name) => ({ inside: textOf(inside, name), outside: textOf(values, name) })),
  };
}

const textOf = (values: TemplateValues, name: string): string => values[name] as string;

/** Loaded only here: whoever attaches no container need not have testcontainers. */
async function containers() {
  try {
    return { ...(await import("./container-engine.ts")), ...(await import("./router-container.ts")) };
  } catch (cause) {
    throw new OperationalError(
      "REQUIREMENT_MISSING",
      `a container adapter needs the package testcontainers beside routeproof: npm install testcontainers (${(cause as Error).message})`,
      { cause },
    );
  }
}
