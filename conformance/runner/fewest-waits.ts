/** An order in which a router that must settle after each new pod does so as seldom as the cases let it. */
import { DEFAULT_PODS, type Case } from "../case.ts";

/**
 * First what is judged by the pod that serves: the most pods first, since pods may leave without a wait; then what
 * exchanges pods itself. Last what cares for no pod, however its pods come and go, and what spoils the router.
 */
export function withFewestWaits(cases: readonly Case[]): readonly Case[] {
  return cases.toSorted((a, b) => turnOf(a) - turnOf(b) || podsOf(b) - podsOf(a));
}

function turnOf({ needs }: Pick<Case, "needs">): number {
  if (needs.freshRouter === true) return 3;
  if (needs.anyPod === true) return 2;
  const exchangesPods = needs.podChanges !== undefined || needs.fleet !== undefined || needs.scriptedPods === true;
  return exchangesPods ? 1 : 0;
}

/** Where it decides the order. */
const podsOf = ({ needs }: Pick<Case, "needs">): number => (turnOf({ needs }) === 0 ? (needs.pods ?? DEFAULT_PODS) : 0);
