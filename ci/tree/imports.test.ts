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

it("has no imports that go round in a circle, those of types included", () => {
  const files = globSync(`{${Object.keys(MAY_IMPORT).join(",")}}/**/*.ts`);
  expect(circle(new Map(files.map((file) => [file, targets(file, readFileSync(file, "utf8"))])))).toBeUndefined();
});

it("sees a circle", () => {
  const planted = { "a.ts": ["b.ts"], "b.ts": ["c.ts", "d.ts"], "c.ts": ["e.ts"], "d.ts": ["a.ts"] };
  expect(circle(new Map(Object.entries(planted)))).toEqual(["a.ts", "b.ts", "d.ts", "a.ts"]);
});

/** The first circle found, from a file back to itself. */
function circle(imports: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>();
  const from = (file: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const target of imports.get(file) ?? []) {
      const found = from(target, [...path, file]);
      if (found !== undefined) return found;
    }
    done.add(file);
    return undefined;
  };
  for (const file of imports.keys()) {
    const found = from(file, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

function targets(file: string, source: string): string[] {
  return [...source.matchAll(/(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g)].map(([, target = ""]) =>
    normalize(join(dirname(file), target)),
  );
}

function strays(file: string, source: string, room: string, allowed: readonly string[]): string[] {
  return targets(file, source)
    .filter((target) => {
      const folder = target.split("/")[0] ?? "";
      return folder !== room && folder in MAY_IMPORT && !allowed.includes(folder);
    })
    .map((target) => `${file} -> ${target}`);
}
