/** Puts the licences of packages beside the file that they were bundled into. */
import { cpSync, globSync } from "node:fs";
import { join } from "node:path";
import type { Metafile } from "esbuild";

const root = join(import.meta.dirname, "../..");

export function copyLicences({ inputs }: Metafile, directory: string): void {
  const packages = Object.keys(inputs).flatMap((path) => /^node_modules\/((@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []);
  for (const name of new Set(packages)) {
    for (const licence of globSync(`node_modules/${name}/{LICENSE,license}`, { cwd: root })) {
      cpSync(join(root, licence), join(directory, `${name.replace("/", "+")}.licence`));
    }
  }
}
