/** How an operator names a pod: on the command line, in a file, or over the admin port. */
import { Type, type Static } from "typebox";
import { loadProfile } from "../../../fixtures/profiles/latency-profile.ts";
import { OperationalError } from "../../../fixtures/operational-error.ts";

export interface PodSpec {
  /** Unique; the host and port of its URL unless given. */
  readonly name: string;
  /** Normalised: scheme, host, explicit path without a slash at its end. */
  readonly url: string;
  /** Latency profile that prices it; absent means the router's default. */
  readonly gpu?: string;
  /** Overrides what the pod's `/v1/models` says. */
  readonly models?: readonly string[];
  /** Changes when another pod takes over the name and the address. */
  readonly uid?: string;
}

export const PodInputSchema = Type.Object(
  {
    url: Type.String({ minLength: 1 }),
    name: Type.Optional(Type.String({ minLength: 1 })),
    gpu: Type.Optional(Type.String()),
    models: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })),
    uid: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);

/** What may be left out is left out. */
export interface PodInput extends Readonly<Omit<Static<typeof PodInputSchema>, "models">> {
  readonly models?: readonly string[];
}

/** @throws {OperationalError} USAGE when the URL is not one, UNKNOWN_PROFILE when the GPU has no curve */
export function podSpec(input: PodInput): PodSpec {
  const url = normalPodUrl(input.url);
  return {
    name: input.name ?? new URL(url).host,
    url,
    ...(input.gpu === undefined ? {} : { gpu: loadProfile(input.gpu).name }),
    ...(input.models === undefined ? {} : { models: input.models }),
    ...(input.uid === undefined ? {} : { uid: input.uid }),
  };
}

/** A list as somebody wrote it: of two pods with one name or address, one is a slip. @throws {OperationalError} as above, or USAGE */
export function podSpecs(inputs: readonly PodInput[]): readonly PodSpec[] {
  const specs = inputs.map(podSpec);
  for (const [index, { name, url }] of specs.entries()) {
    const twin = specs.slice(0, index).find((spec) => spec.name === name || spec.url === url);
    if (twin === undefined) continue;
    const what = twin.url === url ? url : `the name ${JSON.stringify(name)}`;
    throw new OperationalError("USAGE", `${what} is listed twice; list each pod once, under a name of its own`);
  }
  return specs;
}

/**
 * One spelling per address, so that a pod cannot be listed twice and every spelling that added it removes it:
 * `host:port` means http, a slash or `/v1` at the end means nothing.
 */
export function normalPodUrl(text: string): string {
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  const withScheme = hasScheme ? text : `http://${text}`;
  // A bare word is a slip of the hand, not a host on port 80.
  const isAddress = hasScheme || /:\d+(\/|$)/.test(text);
  const url = isAddress && URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  if (url === undefined || url.hostname === "" || !["http:", "https:"].includes(url.protocol)) {
    throw new OperationalError("USAGE", `${JSON.stringify(text)} is not a pod URL; write http://host:port`);
  }
  if (url.username !== "" || url.search !== "" || url.hash !== "") {
    throw new OperationalError("USAGE", `${JSON.stringify(text)}: a pod URL has no user, query or fragment`);
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "").replace(/\/v1$/, "")}`;
}

/** `URL[=gpu],...` as `--backends` takes it. @throws {OperationalError} as {@link podSpecs} */
export function parseBackends(text: string): PodInput[] {
  const inputs = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      const [url = "", gpu] = part.split("=", 2);
      return gpu === undefined ? { url } : { url, gpu };
    });
  podSpecs(inputs);
  return inputs;
}
