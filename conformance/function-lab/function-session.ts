/** One started function router, used by one case after another without a restart. */
import type { FunctionRouter } from "../../fixtures/routing.ts";
import { type Case, DEFAULT_PODS } from "../case.ts";
import type { RouterProfile } from "../router-profile.ts";
import { FunctionLab } from "./function-lab.ts";
import { VirtualRouter } from "./virtual-router.ts";

export class FunctionSession {
  readonly #running: VirtualRouter;
  readonly #profile: RouterProfile;

  constructor(router: FunctionRouter, profile: RouterProfile) {
    this.#running = new VirtualRouter(router);
    this.#profile = profile;
  }

  /** A lab for one case, with the pods it asks for; pods of the case before stay where they can. */
  lab({ id, needs }: Pick<Case, "id" | "needs">, seed: number): FunctionLab {
    this.#gather(needs);
    return new FunctionLab(this.#running, this.#profile, id, seed);
  }

  /** The next case begins with fresh pods. */
  leaveAllPods(): void {
    this.#running.setPods([]);
  }

  #gather({ fleet, pods: wanted = DEFAULT_PODS }: Case["needs"]): void {
    const running = this.#running;
    if (fleet !== undefined) return running.setPods(fleet.map((kind) => running.newPodName(kind)));
    const kept = running.pods.filter((name) => running.servesAll(name)).slice(0, wanted);
    const added = Array.from({ length: wanted - kept.length }, () => running.newPodName());
    if (added.length > 0 || kept.length < running.pods.length) running.setPods([...kept, ...added]);
  }
}
