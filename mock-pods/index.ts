/** Mock vLLM pods for tests: a fleet of them in this process, each on a port of 127.0.0.1. */
export { startFleet } from "./fleet/fleet.ts";
export type { BlockView, EngineStats } from "./engine/engine.ts";
export { createPod, type PodOptions } from "./pod/in-process.ts";
export type { Fault, FaultPlan } from "./faults/fault.ts";
export type {
  Fleet,
  FleetLateness,
  FleetOptions,
  InProcessPod,
  JournalEntry,
  Pod,
  PodGroup,
  RequestHook,
} from "./pod/pod.ts";
export type { Model, ModelAnswer, Question } from "./server/generation/model-answer.ts";
