/** What the pods' image is made of: the whole command in a few files, so that nothing need be installed in it. */
import { join } from "node:path";
import { build } from "esbuild";
import { ranksAsData } from "./ranks-as-data.ts";

const root = join(import.meta.dirname, "../..");

/** Absent from the image, and who asks for them is told so: optional native ones, for KV events, and what starts containers. */
const ABSENT = ["zeromq", "msgpackr", "testcontainers"];

/** Writes the files into `directory`: dist/container, where mock-pods/Dockerfile looks for them. */
export async function bundleForContainer(directory: string): Promise<void> {
  await build({
    entryPoints: [join(root, "ci/routeproof.ts")],
    outdir: directory,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    // Subcommands stay files of their own: pods start without loading the router.
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node22",
    minifySyntax: true,
    minifyWhitespace: true,
    external: ABSENT,
    // Some dependencies are CommonJS and call require, which a module has not.
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    logLevel: "warning",
    plugins: [ranksAsData(directory)],
  });
}
