/** One life of a pod, from a start to a crash: its engine, cache, metrics and face, all new. */
import type { ModelTokenizer } from "../../fixtures/tokenizer/model-tokenizer.ts";
import { createEngine } from "../engine/create-engine.ts";
import type { KvEvent } from "../engine/engine.ts";
import { slowedEngine } from "../faults/slowed-engine.ts";
import { lazyEngine } from "./lazy-engine.ts";
import { lazily } from "./lazily.ts";
import { PodMetrics } from "../metrics/pod-metrics.ts";
import { PodEngine } from "./pod-engine.ts";
import type { Route } from "../server/routes.ts";
import type { PodSettings } from "../arguments/pod-settings.ts";
import type { RealTimeDriver } from "../drivers/real-time-driver.ts";
import type { Model } from "../server/generation/model-answer.ts";
import type { KvEndpoints } from "../server/pod-context.ts";
import { createPodFace, type PodFace } from "../server/pod-face.ts";
import { serveSettings, type ServeSettings } from "../server/serve-settings.ts";

export interface PodCoreOptions {
  readonly name: string;
  readonly settings: PodSettings;
  readonly tokenizer: ModelTokenizer;
  readonly answers?: Model;
  readonly driver: RealTimeDriver;
  /** Of everything random about this pod. */
  readonly seed: number;
}

/** What dies with a crash. */
export interface Life {
  readonly engine: PodEngine;
  readonly serving: ServeSettings;
  /** Made with the first exchange, as most of a large fleet idles: a page has hundreds of numbers, and routes are many. */
  readonly metrics: () => PodMetrics;
  readonly face: () => PodFace;
  readonly died: AbortController;
}

/** What a life asks of the pod that lives it. */
export interface Living {
  /** By what factor steps take longer that begin then. */
  readonly slowness: (atMs: number) => number;
  readonly publish: (events: readonly KvEvent[]) => void;
  readonly publishedAt: () => KvEndpoints | undefined;
  readonly controls: () => readonly Route[];
}

export function bornPod(options: PodCoreOptions, of: Living): Life {
  const { settings, driver, name } = options;
  const { engine: config, profile } = settings;
  const serving = serveSettings(settings);
  const createdSeconds = Date.now() / 1000;
  const metrics = lazily(
    () =>
      new PodMetrics({
        version: serving.version.metrics,
        model: settings.models[0],
        maxModelLenTokens: config.maxModelLen,
        cache: settings.cache,
        toolParser: settings.flags["tool-call-parser"] !== undefined,
        ...(settings.engine.maxLoras !== undefined && { maxLoras: settings.engine.maxLoras }),
        createdSeconds,
        unixSeconds: () => Date.now() / 1000,
      }),
  );
  const engine = new PodEngine(
    driver,
    slowedEngine(
      lazyEngine(() => createEngine(config, profile), config.numGpuBlocks - 1),
      of.slowness,
    ),
    metrics,
    {
      onStep: (step) => {
        face().onStep(step);
        if (step.kvEvents.length > 0) of.publish(step.kvEvents);
      },
      // Events are published step by step, and are known only once it is made.
      ...(config.kvEvents !== true && { follow: (plan) => face().follow(plan) }),
    },
  );
  const face = lazily(() =>
    createPodFace({
      podName: name,
      settings: serving,
      tokenizer: options.tokenizer,
      ...(options.answers !== undefined && { model: options.answers }),
      engine,
      publishedAt: of.publishedAt,
      routes: of.controls(),
    }),
  );
  return { engine, metrics, serving, face, died: new AbortController() };
}
