/** Who may import whom. The router cannot see into a pod, nor a pod into the router, nor the kit into either's insides. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, it } from "vitest";

const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  fixtures: [],
  "mock-pods": ["fixtures"],
  router: ["fixtures"],
  conformance: ["fixtures", "mock-pods"],
  ci: ["fixtures", "mock-pods", "router", "conformance"],
};

it.each(Object.entries(MAY_IMPORT))("%s imports only from itself and [%s]", (room, allowed) => {
  const files = globSync(`${room}/**/*.ts`);
  expect(files.length).toBeGreaterThan(0);
  expect(files.flatMap((file) => strays(file, readFileSync(file, "utf8"), room, allowed))).toEqual([]);
});

it("sees a stray import, static, dynamic or of types", () => {
  const planted = [
    `import { a } from "../mock-pods/index.ts";`,
    `const b = await import("../mock-pods/engine/engine.ts");`,
    `import type { c } from "../conformance/case.ts";`,
    `export * from "../fixtures/clock.ts";`,
  ].join("\n");
  expect(strays("router/planted.ts", planted, "router", ["fixtures"])).toEqual([
    "router/planted.ts -> mock-pods/index.ts",
    "router/planted.ts -> mock-pods/engine/engine.ts",
    "router/planted.ts -> conformance/case.ts",
  ]);
});

function strays(file: string, source: string, room: string, allowed: readonly string[]): string[] {
  return [...source.matchAll(/(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g)]
    .map(([, target = ""]) => normalize(join(dirname(file), target)))
    .filter((target) => {
      const folder = target.split("/")[0] ?? "";
      return folder !== room && folder in MAY_IMPORT && !allowed.includes(folder);
    })
    .map((target) => `${file} -> ${target}`);
}
