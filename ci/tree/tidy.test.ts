/** Properties of the source tree itself, checked like any other behaviour. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const ROOMS = ["ci", "conformance", "fixtures", "mock-pods", "router"];

/** Files above 400 lines, and why each is one thing. */
const LONG_FILES: Readonly<Record<string, string>> = {};

/** A name that says nothing collects everything. */
const EMPTY_NAMES = /^(utils?|common|helpers?|lib|misc|shared|types)$/;

const files = execFileSync("git", ["ls-files"], { cwd: root, encoding: "utf8" }).trimEnd().split("\n");
const sources = files.filter((file) => file.endsWith(".ts"));

function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

it("has five rooms and nothing else at the top beside the usual files", () => {
  const top = new Set(files.filter((file) => file.includes("/")).map((file) => file.split("/")[0] ?? ""));
  expect([...top].filter((folder) => !folder.startsWith(".")).sort()).toEqual(ROOMS);
});

it("names no file or folder by an empty word", () => {
  const words = (file: string): string[] => file.split("/").map((part) => part.replace(/\..*$/, ""));
  expect(files.filter((file) => words(file).some((word) => EMPTY_NAMES.test(word)))).toEqual([]);
});

it("keeps files under 400 lines, but for those that are one long thing", () => {
  const long = sources.filter((file) => !file.endsWith(".test.ts") && read(file).split("\n").length > 400);
  expect(long).toEqual(Object.keys(LONG_FILES));
});

it("skips, retries and postpones no test", () => {
  const marks = /\b(?:it|test|describe)(?:\.\w+)*\.(?:skip|only|todo|fails|skipIf|runIf)\b|\bretry:\s*[1-9]/;
  expect(sources.filter((file) => file !== "ci/tree/tidy.test.ts" && marks.test(read(file)))).toEqual([]);
});

describe("CHANGELOG.md", () => {
  const changelog = read("CHANGELOG.md");
  const headings = [...changelog.matchAll(/^## (.*)$/gm)].map(([, heading = ""]) => heading);

  it("has one heading a version, the newest first, with its date or `unreleased`", () => {
    for (const heading of headings) expect(heading).toMatch(/^\d+\.\d+\.\d+ \((\d{4}-\d{2}-\d{2}|unreleased)\)$/);
    const versions = headings.map((heading) => heading.split(" ")[0] ?? "");
    const newestFirst = versions.toSorted((a, b) => b.localeCompare(a, "en", { numeric: true }));
    expect(versions).toEqual(newestFirst);
  });

  it("begins with the version that package.json carries", () => {
    const { version } = JSON.parse(read("package.json")) as { readonly version: string };
    expect(headings[0]?.split(" ")[0]).toBe(version);
  });
});
