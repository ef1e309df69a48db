/** The package as a stranger gets it: packed, installed in an empty folder, every door opened. Asks the npm registry only. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, "../..");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
const doors = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target === "object" && existsSync(join(root, sourceOf(target.default))))
  .map(([door]) => `routeproof${door.slice(1)}`);

function sourceOf(built: string): string {
  return built.replace("./dist/", "").replace(/\.js$/, ".ts");
}

describe("the packed package, installed in an empty folder", { timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "routeproof-package-"));
  let files: readonly string[] = [];

  const run = (command: string, ...words: string[]): string =>
    execFileSync(command, words, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

  beforeAll(() => {
    const packed = JSON.parse(
      execFileSync("npm", ["pack", "--json", "--silent", "--pack-destination", folder], {
        cwd: root,
        encoding: "utf8",
      }),
    ) as readonly { readonly filename: string; readonly files: readonly { readonly path: string }[] }[];
    files = packed[0]?.files.map(({ path }) => path) ?? [];
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "stranger", private: true, type: "module" }));
    const peers = Object.entries(manifest.peerDependencies).map(([name, range]) => `${name}@${range}`);
    const quiet = ["--no-audit", "--no-fund", "--prefer-offline", "--silent"];
    run("npm", "install", ...quiet, join(folder, packed[0]?.filename ?? ""), ...peers);
  }, 240_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }), 60_000);

  it("holds what is needed to run and nothing else", () => {
    expect(files).toEqual(
      expect.arrayContaining(["README.md", "LICENSE", "CHANGELOG.md", "dist/ci/routeproof.js", "ci/command.js"]),
    );
    expect(files).toEqual(expect.arrayContaining(["mock-pods/Dockerfile", "dist/container/routeproof.mjs"]));
    expect(files).toEqual(expect.arrayContaining(["fixtures/tokenizer/small/tokenizer.json"]));
    expect(files.filter((file) => /\.test\.|\/test-|recordings|golden|(?<!\.d)\.ts$/.test(file))).toEqual([]);
  });

  it.each(doors)("opens %s", (door) => {
    const names = run(
      "node",
      "-e",
      `import(${JSON.stringify(door)}).then((room) => console.log(Object.keys(room).join()))`,
    );
    expect(names.trim()).not.toBe("");
  });

  it("gives each door types that a strict project accepts", () => {
    writeFileSync(
      join(folder, "doors.ts"),
      doors.map((door, index) => `import * as door${index} from "${door}";\nvoid door${index};\n`).join(""),
    );
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2024"];
    expect(run("node", tsc, ...options, "doors.ts")).toBe("");
  });

  it("has in its doors all that a decision in process needs", () => {
    const program = `
      import { cl100k } from "routeproof/fixtures";
      import { createFunctionRouter } from "routeproof/router";
      const router = createFunctionRouter({ tokenizer: cl100k, seed: 0 });
      router.setPods([{ name: "a" }, { name: "b" }], 0);
      const decide = (requestId) => router.decide({ requestId, model: "m", prompt: "The same words. ".repeat(20) }, 1);
      console.log(decide("first").pod === decide("second").pod, decide("third").reason);`;
    expect(run("node", "--input-type=module", "-e", program).trim()).toBe("true prefix");
  });

  it.each(["ci/routeproof.js", "container/routeproof.mjs"])("has in %s what pods load only when asked", (bundle) => {
    writeFileSync(join(folder, "config.yaml"), "max-model-len: lots\n");
    const words = [`node_modules/routeproof/dist/${bundle}`, "pods", "--pods", "a6000:1", "--config", "config.yaml"];
    const { stderr } = spawnSync("node", words, { cwd: folder, encoding: "utf8" });
    expect(stderr).toBe('routeproof: max-model-len "lots"; give a whole number from 1\n');
  });

  it("runs the command", () => {
    expect(run("npx", "routeproof", "--help")).toContain("Usage: routeproof");
    expect(run("npx", "routeproof", "verify", "--list").match(/\b[A-Z]{2,5}-\d{2}\b/g)?.length).toBeGreaterThanOrEqual(
      20,
    );
  });
});
