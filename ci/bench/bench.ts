/** `npm run bench -- NAME` runs ci/bench/benches/NAME.ts; without a name it lists them. Run by hand, on an idle machine. */
import { globSync } from "node:fs";
import { cpus } from "node:os";
import { basename, join } from "node:path";

const names = globSync(join(import.meta.dirname, "benches", "*.ts"))
  .map((file) => basename(file, ".ts"))
  .sort();
const name = process.argv[2];

if (name === undefined || !names.includes(name)) {
  process.stderr.write(
    `bench: ${name === undefined ? "name one of" : `no bench "${name}"; there are`} ${names.join(", ")}\n`,
  );
  process.exitCode = 4;
} else {
  process.stdout.write(
    `${name} on Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? "unknown processor"}\n`,
  );
  const { run } = (await import(`./benches/${name}.ts`)) as { run: () => Promise<void> };
  await run();
}
