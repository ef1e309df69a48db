/** The pass-through proxy as an adapter: real sockets, in this process. */
import type { Observe } from "../../adapters/observe.ts";
import type { RouterAdapter } from "../../adapters/router-under-test.ts";
import type { RouterProfile } from "../../router-profile.ts";
import type { Fault } from "../pure/fault.ts";
import { PLAIN_RULE, type RuleOptions } from "../pure/rule.ts";
import { RuleRouter } from "../pure/rule-router.ts";
import { profileOf } from "../pure/variants.ts";
import type { HttpFault } from "./http-fault.ts";
import { DECISION_HEADER, PassThroughProxy, POD_HEADER } from "./pass-through-proxy.ts";
import type { ProxyHabits } from "./proxy-habits.ts";
import { ANSWERS } from "./proxy-pages.ts";

/** At most one of the two: how it routes, or how it passes things on, is broken. */
export interface Breakage {
  readonly routing?: Fault;
  readonly passing?: HttpFault;
}

const profileFor = (rule: RuleOptions, { firstByteMs, recoveryMs }: ProxyHabits): RouterProfile => ({
  ...profileOf(rule),
  ...(firstByteMs === undefined ? {} : { timeouts: { firstByteMs } }),
  ...(recoveryMs === undefined ? {} : { recoveryMs }),
  discovery: { convergenceMs: 0, returningPodIsCold: true, models: true },
  retry: { on: ["connect"], max: 2 },
});

const OBSERVE: Observe = {
  readiness: { url: "{{url}}/ready" },
  explain: {
    header: DECISION_HEADER,
    podIs: "name",
    pod: "/pod",
    matched: "/matchedTokens",
    total: "/totalTokens",
    ratio: "/ratio",
    threshold: "/threshold",
    reason: "/reason",
    followed: ["prefix"],
  },
  metrics: { url: "{{url}}/metrics", podIs: "name", requests: { name: ANSWERS, pod: "pod", status: "status" } },
};

export function proxyAdapter(
  { routing, passing }: Breakage = {},
  rule: RuleOptions = PLAIN_RULE,
  habits: ProxyHabits = {},
): RouterAdapter {
  return {
    name: routing ?? passing ?? "conforming proxy",
    version: "1",
    kind: "function",
    profile: profileFor(rule, habits),
    takesThreshold: true,
    podSeenBy: { header: POD_HEADER, value: "name" },
    observe: OBSERVE,
    async start({ pods, seed, clock, threshold = rule.threshold }) {
      const proxy = new PassThroughProxy(new RuleRouter({ ...rule, threshold }, seed, routing), clock, passing, habits);
      proxy.setPods(pods);
      const url = await proxy.listen();
      return { kind: "http", url, setPods: async (next) => proxy.setPods(next), close: () => proxy.close() };
    },
  };
}
