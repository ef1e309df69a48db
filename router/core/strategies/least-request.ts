import { leastLoaded, type Strategy } from "./strategy.ts";

/** The pod with the fewest requests in flight. */
export const leastRequest: Strategy = {
  name: "least-request",
  assess: (_prompt, pods) => leastLoaded(pods, (pod) => pod.inFlight),
};
