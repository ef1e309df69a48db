import { leastLoaded, type Assessment, type Prompt, type ReadyPod, type Strategy } from "./strategy.ts";

const MOST_MODELS = 1000;

/**
 * Each pod in turn, for each model on its own: the pod whose last turn is longest ago.
 *
 * Turns are remembered by pod, not by position, so that a pod that comes or goes shifts nobody's turn; and by model,
 * because one counter for all of them can skip the same pod of a model for ever.
 */
export class RoundRobin implements Strategy {
  readonly name = "round-robin";
  readonly #lastTurns = new Map<string, WeakMap<ReadyPod, number>>();
  #turn = 0;

  assess({ request }: Prompt, pods: readonly ReadyPod[]): Assessment {
    const turns = this.#turnsOf(request.model);
    const assessment = leastLoaded(pods, (pod) => turns.get(pod) ?? 0);
    return {
      ...assessment,
      // Those that never had a turn start in the order they are listed.
      allowed: assessment.allowed.slice(0, 1),
      place: (pod) => void turns.set(pod, ++this.#turn),
    };
  }

  /** The models asked for longest ago are forgotten beyond a bound: clients may name whatever they like. */
  #turnsOf(model: string): WeakMap<ReadyPod, number> {
    const turns = this.#lastTurns.get(model) ?? new WeakMap<ReadyPod, number>();
    this.#lastTurns.delete(model);
    this.#lastTurns.set(model, turns);
    const [oldest] = this.#lastTurns.keys();
    if (this.#lastTurns.size > MOST_MODELS && oldest !== undefined) this.#lastTurns.delete(oldest);
    return turns;
  }
}
