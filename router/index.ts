/** The reference router as a library: start it in-process, or take its decision alone. */
export { createFunctionRouter, type FunctionRouterOptions, type ReferenceRouter } from "./core/function-router.ts";
export { MODES, STRATEGIES, type Mode, type StrategyName } from "./core/options.ts";
export { startRouter, type RouterOptions, type RunningRouter } from "./server/start-router.ts";
export type { Log, LogLevel } from "./server/reporting/log.ts";
export type { LiveSettings } from "./server/settings.ts";
export type { PodInput } from "./server/pods/pod-spec.ts";
