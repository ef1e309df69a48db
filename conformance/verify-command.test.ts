/** What a user may get wrong on the command line: one clear line each, before anything is started. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { expect, it } from "vitest";
import { testFunctionRouter } from "./runner/test-doubles.ts";
import { defineVerify } from "./verify-command.ts";

async function verify(...words: readonly string[]): Promise<number> {
  let exitCode = -1;
  const command = new Command("verify").exitOverride().configureOutput({ writeErr: () => undefined });
  defineVerify(() => testFunctionRouter())(command, (code) => (exitCode = code));
  await command.parseAsync(["--json", ...words], { from: "user" });
  return exitCode;
}

function file(content: unknown): string {
  const path = join(mkdtempSync(join(tmpdir(), "routeproof-verify-")), "file.json");
  writeFileSync(path, JSON.stringify(content));
  return path;
}

it("holds the corpus to the vocabularies that are installed, and ends with what that says", async () => {
  expect(await verify("--check-corpus")).toBe(0);
});

it.each([
  [["--only", "NOPE-1"], 'no case is called "NOPE-1"'],
  [["--only", ","], "--only selects nothing"],
  [["--adapter", "/no/such/file.json"], "cannot read /no/such/file.json: no such file"],
  [["--adapter", file({ name: "r", kind: "command", comand: [] })], 'file.json: /: unknown key "comand"'],
  [["--adapter", "smg", "--url", "http://127.0.0.1:1"], "--adapter and --url name two routers"],
  [["--url", "http://127.0.0.1:1"], "--url needs --pods-listen"],
  [["--url", "127.0.0.1:1", "--pods-listen", "127.0.0.1:2"], "is not an http URL"],
  [["--url", "http://127.0.0.1:1", "--pods-listen", "9001"], '"9001" is not HOST:PORT'],
  [["--pods-listen", "127.0.0.1:2"], "--pods-listen needs --url"],
  [["--profile", file({ threshold: { value: 2, comparison: ">" } })], "/threshold/value: 2 must be <= 1"],
  [
    ["--known-failing", file([{ patern: "THR-01" }])],
    '/0: unknown key "patern"; allowed: pattern, reason, sometimes, link',
  ],
  [["--seed", "one"], "--seed one is not a whole number"],
  [["--max-time", "-1"], "--max-time -1 is not a whole number"],
  [["--isolation", "L3"], "Allowed choices are L0, L1, L2"],
  [["--check-corpus", "--smoke"], "'--check-corpus [dir]' cannot be used with option '--smoke'"],
  [["--check-corpus", "/no/such/folder"], "cannot read /no/such/folder/tokenizer.json: no such file"],
  [["--nonsense"], "unknown option '--nonsense'"],
])("refuses what is wrong in %#: %s", async (words, message) => {
  await expect(verify(...words)).rejects.toThrow(message);
});
