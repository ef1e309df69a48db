import { leastLoaded, type Strategy } from "./strategy.ts";

/** Any pod, by lot: the lower bound of every comparison. */
export const random: Strategy = {
  name: "random",
  assess: (_prompt, pods) => leastLoaded(pods, () => 0),
};
