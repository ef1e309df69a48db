/** The manifests and the action say what the command understands. What a cluster or GitHub makes of them is not tried. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { parseBackends } from "../../router/server/pods/pod-spec.ts";
import { main } from "../routeproof.ts";

interface Container {
  readonly image: string;
  readonly command?: readonly string[];
  readonly args: readonly string[];
}

function read(file: string): string {
  return readFileSync(join(import.meta.dirname, file), "utf8");
}

async function optionsOf(subcommand: string): Promise<readonly string[]> {
  let help = "";
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => ((help += String(text)), true));
  await main([subcommand, "--help"]);
  write.mockRestore();
  return [...help.matchAll(/^\s+(?:-\w, )?(--[a-z-]+)/gm)].map(([, option = ""]) => option);
}

function optionsIn(words: readonly string[]): string[] {
  return words.filter((word) => word.startsWith("--")).map((word) => word.replace(/=.*/s, ""));
}

const compose = parse(read("compose.yaml")) as {
  readonly services: Readonly<
    Record<string, { readonly entrypoint?: readonly string[]; readonly command: readonly string[] }>
  >;
};
const kubernetes = parseAllDocuments(read("kubernetes.yaml")).map(
  (document) =>
    document.toJS() as {
      readonly kind: string;
      readonly metadata: { readonly name: string };
      readonly spec: {
        readonly replicas?: number;
        readonly template?: { readonly spec: { readonly containers: readonly Container[] } };
      };
    },
);
const containers = kubernetes.flatMap(({ spec }) => spec.template?.spec.containers ?? []);

const COMMANDS: readonly (readonly [where: string, subcommand: string, words: readonly string[]])[] = [
  ...Object.entries(compose.services).map(
    ([name, { entrypoint, command }]) => [`compose ${name}`, entrypoint?.at(-1) ?? "pods", command] as const,
  ),
  ...containers.map(
    ({ command, args }, index) => [`kubernetes container ${index}`, command?.at(-1) ?? "pods", args] as const,
  ),
];

it.each(COMMANDS)("gives %s options that `routeproof %s` has", async (_, subcommand, words) => {
  expect(await optionsOf(subcommand)).toEqual(expect.arrayContaining(optionsIn(words)));
});

describe("the router", () => {
  const backends = COMMANDS.filter(([, subcommand]) => subcommand === "router").map(([, , words]) =>
    parseBackends(words.find((word) => word.startsWith("--backends="))?.replace("--backends=", "") ?? ""),
  );

  it("knows every pod of the compose file, and every replica in Kubernetes", () => {
    const replicas = kubernetes.find(({ kind }) => kind === "StatefulSet")?.spec.replicas;
    expect(backends.map((pods) => pods.length)).toEqual([6, replicas]);
  });
});

it("runs the action on options that `routeproof verify` has, and uses every input", async () => {
  const action = read("../github-action/action.yml");
  const { inputs } = parse(action) as { readonly inputs: Readonly<Record<string, unknown>> };
  for (const input of Object.keys(inputs)) expect(action).toContain(`\${{ inputs.${input} }}`);
  // Without these a router that runs already cannot be judged.
  expect(Object.keys(inputs)).toEqual(expect.arrayContaining(["url", "pods-listen", "profile"]));
  const used = [...action.matchAll(/(?<=[( ])--(?!yes)[a-z-]+/g)].map(([option]) => option);
  expect(used.length).toBeGreaterThanOrEqual(6);
  expect(await optionsOf("verify")).toEqual(expect.arrayContaining(used));
});
