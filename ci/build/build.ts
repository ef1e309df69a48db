/** `npm run build`: JavaScript and types into dist/, with the data files that the sources read beside them. */
import { execFileSync } from "node:child_process";
import { cpSync, globSync, rmSync } from "node:fs";
import { join } from "node:path";
import { bundleForContainer } from "./container-bundle.ts";
import { packPodsCommand } from "./pack-pods-command.ts";
import { packSmallFiles } from "./pack-small-files.ts";

const root = join(import.meta.dirname, "../..");
const dist = join(root, "dist");
const ROOMS = ["fixtures", "mock-pods", "router", "conformance"];
/** Evidence and prose for readers of the repository, which the package works without, and what it has at its own place. */
const LEFT_OUT = /(^|\/)(recordings|golden|reports|__snapshots__|tokenizer\/small)\/|\.ts$|\.md$|Dockerfile$/;

rmSync(dist, { recursive: true, force: true });
execFileSync("tsc", ["-p", "tsconfig.build.json"], { cwd: root, stdio: "inherit" });
for (const file of globSync(`{${ROOMS.join(",")}}/**/*.*`, { cwd: root })) {
  if (!LEFT_OUT.test(file)) cpSync(join(root, file), join(dist, file));
}
await packSmallFiles(dist);
await packPodsCommand(dist, root);
await bundleForContainer(join(dist, "container"));
