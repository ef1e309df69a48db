import type { Command } from "commander";
import { OperationalError } from "../fixtures/operational-error.ts";
import { loadProfile } from "../fixtures/profiles/latency-profile.ts";
import { cl100k } from "../fixtures/tokenizer/cl100k.ts";
import { folderTokenizer } from "../fixtures/tokenizer/folder-tokenizer.ts";
import { createFunctionRouter } from "./core/function-router.ts";
import { watchDns } from "./server/discovery/backends-dns.ts";
import { watchBackendsFile } from "./server/discovery/backends-file.ts";
import { parseKubernetes, watchKubernetes } from "./server/discovery/backends-kubernetes.ts";
import type { PodSink, PodSource } from "./server/discovery/pod-source.ts";
import { jsonLines, type Log } from "./server/reporting/log.ts";
import { parseBackends } from "./server/pods/pod-spec.ts";
import {
  CONFIG_KEYS,
  describeSetting,
  flagName,
  LIVE_KEYS,
  readRouterConfig,
  type RouterConfig,
} from "./server/router-config.ts";
import { startRouter, STATIC_SOURCE, type RunningRouter } from "./server/start-router.ts";

/** `routeproof router`: the reference router in front of pods, until a signal ends it. */
export function defineRouter(command: Command, exit: (code: number) => void): void {
  command.option(
    "--config <file>",
    "JSON or YAML file with any of the settings below, in camelCase; read again on SIGHUP",
  );
  for (const key of CONFIG_KEYS) command.option(`${flagName(key)} <value>`, describeSetting(key));
  command
    .addHelpText("after", "\nEach setting may also stand in the environment: --admin-token is ROUTEPROOF_ADMIN_TOKEN.")
    .action(async ({ config, ...flags }: Record<string, string | undefined>) => {
      await serve(() => readRouterConfig(config, process.env, flags));
      exit(0);
    });
}

async function serve(readConfig: () => RouterConfig): Promise<void> {
  const started = readConfig();
  let config = started;
  const log = jsonLines(
    (text) => void process.stderr.write(text),
    () => config.logLevel,
  );
  const router = await start(config, log);
  const sources = await startSources(config, router, log);
  const { backends, backendsFile, backendsDns, backendsKubernetes } = config;
  if ([backends, backendsFile, backendsDns, backendsKubernetes].every((source) => source === undefined))
    log("warn", "no pods", { todo: `add pods: POST ${router.adminUrl}/admin/pods, or start with --backends` });
  for (const setting of withoutEffect(config)) {
    log("warn", "no effect", { setting, strategy: config.strategy, mode: config.mode });
  }
  const { strategy, mode, seed, drainMs } = config;
  const { url, adminUrl } = router;
  process.stdout.write(`${JSON.stringify({ ready: true, url, adminUrl, strategy, mode, seed, pid: process.pid })}\n`);

  await new Promise<void>((ended) => {
    let draining = false;
    const reload = (): void => {
      // A signal nobody listens to would kill the process, and the answers under way with it.
      if (draining) return log("warn", "reload", { kept: "the settings before", error: "the router is draining" });
      config = reloaded({ started, before: config }, readConfig, router, log);
      for (const source of sources) source.refresh();
    };
    const end = (signal: string): void => {
      if (draining) {
        log("warn", "cut short", { signal });
        return ended();
      }
      draining = true;
      for (const source of sources) source.stop();
      log("info", "draining", { signal, atMostMs: drainMs });
      void router.drain(drainMs).then(ended);
    };
    process.on("SIGHUP", reload).on("SIGTERM", end).on("SIGINT", end);
  });
  await router.close();
}

/** Settings that were given and that the strategy in use does not look at. */
function withoutEffect({ strategy, mode, threshold }: RouterConfig): string[] {
  const isDefault = strategy === "prefix-cache-and-load";
  const hasThreshold = isDefault ? mode !== "aibrix-719" : strategy === "cache-aware";
  return [
    ...(mode !== "corrected" && !isDefault ? ["mode"] : []),
    ...(threshold !== undefined && !hasThreshold ? ["threshold"] : []),
  ];
}

async function start(config: RouterConfig, log: Log): Promise<RunningRouter> {
  const tokenizer = config.tokenizer === undefined ? cl100k : folderTokenizer(config.tokenizer);
  const { strategy, mode, seed, threshold, backends = "", ...rest } = config;
  const defaultGpu = loadProfile(config.gpu).name;
  const settings = Object.fromEntries(LIVE_KEYS.map((key) => [key, config[key]]));
  const decision = { strategy, mode, defaultGpu, tokenizer, seed, ...(threshold === undefined ? {} : { threshold }) };
  return startRouter({
    ...rest,
    router: (lookAtPod) => createFunctionRouter({ ...decision, lookAtPod }),
    readMetrics: strategy === "least-kv-cache",
    pods: parseBackends(backends),
    defaultGpu,
    tokenizer,
    settings,
    log,
  });
}

async function startSources(config: RouterConfig, router: RunningRouter, log: Log): Promise<PodSource[]> {
  const { backendsFile, backendsDns, backendsDnsMs, backendsKubernetes } = config;
  const probed: Promise<void>[] = [];
  const sink = (source: string): PodSink => ({
    set: (pods) => {
      const newOnesProbed = router.setPodsOf(source, pods);
      if (!started) probed.push(newOnesProbed);
    },
    log,
  });
  let started = false;
  const sources: PodSource[] = [];
  try {
    if (backendsFile !== undefined) sources.push(watchBackendsFile(backendsFile, sink("file")));
    if (backendsDns !== undefined)
      sources.push(await watchDns({ name: backendsDns, everyMs: backendsDnsMs }, sink("dns")));
    if (backendsKubernetes !== undefined) {
      sources.push(await watchKubernetes(parseKubernetes(backendsKubernetes), sink("kubernetes")));
    }
    started = true;
    await Promise.all(probed);
    return sources;
  } catch (error) {
    for (const source of sources) source.stop();
    await router.close();
    throw error;
  }
}

/** The configuration that holds after SIGHUP: the new one, or the old one where the new one is bad. */
function reloaded(
  { started, before }: { readonly started: RouterConfig; readonly before: RouterConfig },
  readConfig: () => RouterConfig,
  router: RunningRouter,
  log: Log,
): RouterConfig {
  try {
    const config = readConfig();
    if (config.backends !== before.backends) void router.setPodsOf(STATIC_SOURCE, parseBackends(config.backends ?? ""));
    router.change(Object.fromEntries(LIVE_KEYS.map((key) => [key, config[key]])));
    const live: readonly string[] = [...LIVE_KEYS, "backends"];
    const needRestart = CONFIG_KEYS.filter((key) => config[key] !== started[key] && !live.includes(key));
    log(needRestart.length === 0 ? "info" : "warn", "reloaded", { needRestart });
    return config;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    log("error", "reload", { kept: "the settings before", error: error.message });
    return before;
  }
}
