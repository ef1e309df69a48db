/**
 * Node spends longer on finding and linking the small files of the schema packages, seven hundred in typebox alone, than a
 * pod takes for everything else before it listens. Written into the package as one file they cost a tenth of that.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { copyLicences } from "./bundled-licences.ts";

const root = join(import.meta.dirname, "../..");
const PACKED = /^(typebox|ajv)$/;
const IMPORTS_PACKED = /from "(typebox|ajv)"/;
const FOLDER = "packed";

/** Only these and what they need are taken in: files of our own stay as they are, each with its own `import.meta.url`. */
const onlyPacked: Plugin = {
  name: "only-packed",
  setup(bundle) {
    bundle.onResolve({ filter: /.*/ }, ({ kind, path, importer }) => {
      const inside = kind === "entry-point" || PACKED.test(path) || importer.includes("/node_modules/");
      return inside ? undefined : { path, external: true };
    });
  },
};

/** Rewrites the compiled files in `directory` that import the packages, so that they share one copy, with its licences. */
export async function packSmallFiles(directory: string): Promise<void> {
  const importers = globSync("**/*.js", { cwd: directory })
    .map((file) => join(directory, file))
    .filter((file) => IMPORTS_PACKED.test(readFileSync(file, "utf8")));
  const { metafile } = await build({
    entryPoints: importers,
    outdir: directory,
    outbase: directory,
    absWorkingDir: root,
    allowOverwrite: true,
    bundle: true,
    splitting: true,
    chunkNames: `${FOLDER}/[name]-[hash]`,
    metafile: true,
    platform: "node",
    format: "esm",
    target: "node22",
    minifySyntax: true,
    minifyWhitespace: true,
    logLevel: "warning",
    plugins: [onlyPacked],
  });
  copyLicences(metafile, join(directory, FOLDER));
}
