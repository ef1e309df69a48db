import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { withConfigFile } from "./config-file.ts";
import { readVllmArguments } from "./vllm-arguments.ts";

function configFile(text: string, name = "config.yaml"): string {
  const folder = mkdtempSync(join(tmpdir(), "routeproof-config-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

async function read(text: string, ...words: string[]) {
  return readVllmArguments(await withConfigFile([...words, "--config", configFile(text)]));
}

const REAL = `
# as in vLLM's documentation
model: meta-llama/Llama-3.1-8B-Instruct
port: 12323
tensor_parallel_size: 4
gpu-memory-utilization: 0.9
max-model-len: 32k
served-model-name: [llama, llama-8b]
lora-modules:
  - sql=/adapters/sql
  - {name: chat, path: /adapters/chat}
enable-lora: yes
enable-prefix-caching: false
kv-events-config:
  enable_kv_cache_events: true
  topic: kv
`;

it("gives flags by name: values, lists, switches and mappings", async () => {
  const { flags, model, warnings } = await read(REAL.replace(/.*chat.*\n/, ""));
  expect([model, warnings]).toEqual([undefined, []]);
  expect(flags).toEqual({
    model: "meta-llama/Llama-3.1-8B-Instruct",
    port: "12323",
    "tensor-parallel-size": "4",
    "gpu-memory-utilization": "0.9",
    "max-model-len": "32000",
    "served-model-name": "llama llama-8b",
    "lora-modules": "sql=/adapters/sql",
    "enable-lora": true,
    "enable-prefix-caching": false,
    "kv-events-config": '{"enable_kv_cache_events":true,"topic":"kv"}',
  });
});

it("gives way to the command line, wherever the file stands on it", async () => {
  const file = configFile(REAL);
  for (const line of [
    ["vllm", "serve", "mine", "-tp", "2", "--config", file, "--served-model-name", "m", "--enable-prefix-caching"],
    ["mine", `--config=${file}`, "--tensor-parallel-size=2", "--served_model_name", "m", "--enable-prefix-caching"],
  ]) {
    const { flags, model } = readVllmArguments(await withConfigFile(line));
    expect(model).toBe("mine");
    expect(flags).toMatchObject({
      "tensor-parallel-size": "2",
      "served-model-name": "m",
      "enable-prefix-caching": true,
      port: "12323",
    });
    expect(flags).not.toHaveProperty("config");
  }
});

it.each([
  ["swap_spaces: 4", { "max-num-seqs": "3" }, ["vLLM has no flag --swap-spaces; it is ignored"]],
  ["enable_prefix_caching: false", { "max-num-seqs": "3" }, []],
  ["served-model-name: []", { "max-num-seqs": "3" }, []],
  ["max-num-seqs: 7", { "max-num-seqs": "3" }, []],
])("%s, as vLLM takes it", async (text, flags, warnings) => {
  expect(await read(text, "--max-num-seqs", "3")).toMatchObject({ flags, warnings });
});

it.each([
  ["port: [", /config\.yaml: not YAML: .* at line 1/],
  ["", /config\.yaml: no flags by name/],
  ["- port", /config\.yaml: no flags by name/],
])("refuses the file %j in one line", async (text, message) => {
  await expect(read(text)).rejects.toThrow(message);
  await expect(read(text)).rejects.not.toThrow(/\n/);
});

it.each([
  [["--config"], "--config stands without a file"],
  [["--config", "--port", "1"], "--config stands without a file"],
  [["--config", "/no/such.yaml"], "cannot read /no/such.yaml: no such file"],
  [["--config", "c.json"], "--config c.json; vLLM takes a file that ends in .yaml or .yml"],
  [["--config", "a.yaml", "--config=b.yaml"], "more than one --config; vLLM takes one"],
])("refuses %j", async (words, message) => {
  await expect(withConfigFile(words)).rejects.toThrow(message);
});
