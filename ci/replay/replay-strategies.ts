/** The reference router's strategies for a replay, written `NAME[:KEY=VALUE]...`, as `prefix-cache-and-load:ttlMs=1200000`. */
import { OperationalError } from "../../fixtures/operational-error.ts";
import { cl100k } from "../../fixtures/tokenizer/cl100k.ts";
import type { LiveRouter } from "../../conformance/replay/play-live.ts";
import type { ReplayStrategy } from "../../conformance/replay/simulate.ts";
import {
  createFunctionRouter,
  MODES,
  STRATEGIES,
  startRouter,
  type FunctionRouterOptions,
  type Mode,
  type StrategyName,
} from "../../router/index.ts";

const SETTINGS: Readonly<Record<string, (value: string, spec: string) => Partial<FunctionRouterOptions>>> = {
  mode: (value, spec) => ({ mode: oneOf<Mode>(MODES, value, "mode", spec) }),
  threshold: (value, spec) => ({ threshold: number(value, spec) }),
  ttlMs: (value, spec) => ({ ttlMs: number(value, spec) }),
  windowMs: (value, spec) => ({ windowMs: number(value, spec) }),
};

/** @throws {OperationalError} USAGE naming what there is */
export function replayStrategy(spec: string): ReplayStrategy & LiveRouter {
  const [name = "", ...settings] = spec.split(":");
  const options = settings.reduce<Partial<FunctionRouterOptions>>(
    (all, setting) => ({ ...all, ...parseSetting(setting, spec) }),
    { strategy: oneOf<StrategyName>(STRATEGIES, name, "strategy", spec) },
  );
  return {
    name: spec,
    makeRouter: (seed, lookAtPod) => createFunctionRouter({ ...options, seed, lookAtPod, tokenizer: cl100k }),
    start: (pods, seed) => startRouter({ router: createFunctionRouter({ ...options, seed, tokenizer: cl100k }), pods }),
  };
}

function parseSetting(setting: string, spec: string): Partial<FunctionRouterOptions> {
  const equals = setting.indexOf("=");
  const key = equals < 0 ? setting : setting.slice(0, equals);
  return SETTINGS[oneOf(Object.keys(SETTINGS), key, "setting", spec)]?.(setting.slice(equals + 1), spec) ?? {};
}

function oneOf<T extends string>(choices: readonly T[], value: string, what: string, spec: string): T {
  if (choices.includes(value as T)) return value as T;
  throw new OperationalError("USAGE", `no ${what} "${value}" in "${spec}"; there are ${choices.join(", ")}`);
}

function number(text: string, spec: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0) return value;
  throw new OperationalError("USAGE", `"${text}" in "${spec}" is not a number from 0`);
}
