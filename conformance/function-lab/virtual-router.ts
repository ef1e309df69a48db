/** A function router under virtual time, and the pods it was told of: every operation takes a few virtual milliseconds. */
import type { FunctionRouter } from "../../fixtures/routing.ts";
import type { PodKind } from "../case.ts";
import type { PodsStep } from "../observation.ts";

const STEP_MS = 2;
/** A router that works by time is asked to at least this often while time is moved. */
const TICKS_PER_ADVANCE = 20;

/** The second starts with the first, so that a key without a mark between model and salt can be caught. */
export const MODELS = ["model", "model-b"];
export const ADAPTER = "adapter";

export class VirtualRouter {
  readonly router: FunctionRouter;
  #nowMs = 0;
  #podCount = 0;
  #requestCount = 0;
  #pods: readonly string[] = [];
  /** Models of pods that do not serve them all. */
  readonly #modelsOf = new Map<string, readonly string[]>();

  constructor(router: FunctionRouter) {
    this.router = router;
  }

  get pods(): readonly string[] {
    return this.#pods;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  /** The next operation: nothing ties. */
  step(): number {
    this.#nowMs += STEP_MS;
    return this.#nowMs;
  }

  advance(byMs: number): void {
    for (let tick = 0; tick < TICKS_PER_ADVANCE; tick++) {
      this.#nowMs += byMs / TICKS_PER_ADVANCE;
      this.router.tick(this.#nowMs);
    }
  }

  newRequestId(): string {
    return `request-${this.#requestCount++}`;
  }

  newPodName(kind?: PodKind): string {
    const name = `pod-${this.#podCount++}`;
    if (kind === undefined) return name;
    const { models, adapter = false } = kind;
    this.#modelsOf.set(name, [...models.map((index) => MODELS[index] ?? ""), ...(adapter ? [ADAPTER] : [])]);
    return name;
  }

  servesAll(name: string): boolean {
    return !this.#modelsOf.has(name);
  }

  setPods(names: readonly string[]): void {
    this.#pods = names;
    this.router.setPods(
      names.map((name) => {
        const models = this.#modelsOf.get(name);
        return models === undefined ? { name } : { name, models };
      }),
      this.step(),
    );
  }

  /** As a step of an observation says it: nothing where every pod serves every model. */
  serving(): Pick<PodsStep, "serving"> {
    const special = this.#pods.flatMap((name) => {
      const models = this.#modelsOf.get(name);
      return models === undefined ? [] : [[name, models] as const];
    });
    return special.length === 0 ? {} : { serving: Object.fromEntries(special) };
  }
}
