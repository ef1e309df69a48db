/**
 * `routeproof pods` starts wherever somebody waits for it: in a test, a pipeline, a container that is scaled up. Node spends
 * more time on finding and linking its hundred and fifty files than they take to run, so the command ships as three.
 */
import { basename, join } from "node:path";
import { build, type Plugin } from "esbuild";
import { copyLicences } from "./bundled-licences.ts";
import { ranksAsData } from "./ranks-as-data.ts";

const COMMAND = "mock-pods/fleet/pods-command.js";

/**
 * What these need stands in files of its own, so that none is longer than 256 kB. From the size of the largest piece of memory that
 * was ever given back glibc concludes how much of what is free it may keep, for each thread: of the whole, 1.7 MB.
 */
const PARTS = ["mock-pods/server/pod-face.js", "fixtures/tokenizer/folder-tokenizer.js"];

/** Optional and native: found, or not, when KV events are asked for. */
const NATIVE = ["zeromq", "msgpackr"];

/** Is CommonJS, and wanted for a `--config` file only. */
const SELDOM = ["yaml"];

/** The command's frame tells our errors by their class, of which there must be one. */
const sharedErrors: Plugin = {
  name: "shared-errors",
  setup(bundle) {
    const shared = { path: "../../fixtures/operational-error.js", external: true };
    bundle.onResolve({ filter: /\/operational-error\.js$/ }, () => shared);
  },
};

/** The schema packages, packed already. */
const packedBefore: Plugin = {
  name: "packed-before",
  setup(bundle) {
    bundle.onResolve({ filter: /\/packed\/[^/]*\.js$/ }, ({ path }) => ({
      path: `../../packed/${basename(path)}`,
      external: true,
    }));
  },
};

/** Rewrites the compiled command in `directory`; the files that it was made of stay for those who import them. */
export async function packPodsCommand(directory: string, root: string): Promise<void> {
  const room = join(directory, "mock-pods/fleet");
  const { metafile } = await build({
    entryPoints: [COMMAND, ...PARTS].map((file) => join(directory, file)),
    entryNames: "[name]",
    outdir: room,
    splitting: true,
    absWorkingDir: root,
    allowOverwrite: true,
    bundle: true,
    metafile: true,
    platform: "node",
    format: "esm",
    target: "node22",
    external: [...NATIVE, ...SELDOM],
    // Node keeps the source in memory; names stay, for stack traces.
    minifySyntax: true,
    minifyWhitespace: true,
    logLevel: "warning",
    plugins: [sharedErrors, packedBefore, ranksAsData(room)],
  });
  copyLicences(metafile, join(directory, "packed"));
}
