/** A proxy, right or broken, as an adapter: real sockets, in this process. */
import type { Observe } from "../../adapters/observe.ts";
import type { PodAddress, RouterAdapter } from "../../adapters/router-under-test.ts";
import { type DeclaredSettle, Settling } from "../../adapters/settling.ts";
import type { Fault } from "../pure/fault.ts";
import { PLAIN_RULE, type RuleOptions } from "../pure/rule.ts";
import { RuleRouter } from "../pure/rule-router.ts";
import { profileOf, REPORTED_LOAD } from "../pure/variants.ts";
import { HealthyPods } from "./healthy-pods.ts";
import { GoesByKvEvents } from "./kv-events-proxy.ts";
import { gaugeOf, type PodWatch } from "./pod-watch.ts";
import { type ProxyHabits, ruleWith, withHabits } from "./proxy-habits.ts";
import { ANSWERS, UNDER_WAY } from "./proxy-pages.ts";
import { DECISION_HEADER, POD_HEADER, RightProxy } from "./right-proxy.ts";

export interface ProxyMake {
  /** How the rule behind it is broken. */
  readonly routing?: Fault;
  /** The proxy itself, right or broken. */
  readonly Proxy?: typeof RightProxy;
  readonly rule?: RuleOptions;
  /** What it declares besides. */
  readonly habits?: ProxyHabits;
}

/** What is declared must hold on a busy machine too. */
const LOOKS_PER_CLAIM = 8;

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

const WITH_GAUGE: Observe = {
  ...OBSERVE,
  ...(OBSERVE.metrics === undefined
    ? {}
    : { metrics: { ...OBSERVE.metrics, inFlight: { name: UNDER_WAY, pod: "pod" } } }),
};

/** By what is broken of it, if anything. */
export const nameOf = ({ routing, Proxy = RightProxy }: ProxyMake): string => routing ?? Proxy.name;

export function proxyAdapter(make: ProxyMake = {}): RouterAdapter {
  const { routing, rule: plainRule = PLAIN_RULE, habits = {} } = make;
  const { Proxy = habits.kvEvents === true ? GoesByKvEvents : RightProxy } = make;
  const rule = ruleWith(plainRule, habits);
  const settle = settleOf(habits);
  return {
    name: nameOf(make),
    version: "1",
    kind: "function",
    profile: withHabits({ ...profileOf(rule), retry: { on: ["connect"], max: 2 } }, habits),
    takesThreshold: true,
    ...(settle === undefined ? {} : { settle }),
    // Pods refuse to render for others unless they are told to.
    ...(habits.podTokenizer === "/v1/completions/render" ? { podFlags: { "enable-scale-out": true } } : {}),
    ...(habits.kvEvents === true ? { kvEvents: { replay: true } } : {}),
    podSeenBy: { header: POD_HEADER, value: "name" },
    requests: { promptForms: ["string", "strings", "ids"] },
    observe: habits.gauge === true ? WITH_GAUGE : OBSERVE,
    async start({ pods, seed, clock, threshold = rule.threshold }) {
      const router = new RuleRouter({ ...rule, threshold }, seed, routing);
      const proxy = new Proxy({ router, clock, habits });
      const health = watchHealth(proxy, habits);
      const metrics = watchMetrics(proxy);
      const settling = new Settling(settle);
      let told: readonly PodAddress[] = [];
      const setPods = async (next: readonly PodAddress[]): Promise<void> => {
        if (next.some((pod) => !told.includes(pod))) settling.podsCame();
        told = next;
        await metrics?.setPods(next);
        if (health === undefined) proxy.use(next);
        else await health.setPods(next);
      };
      await setPods(pods);
      settling.started();
      const url = await proxy.listen();
      const close = async (): Promise<void> => {
        metrics?.close();
        health?.close();
        await proxy.close();
      };
      return { kind: "http", url, setPods, settlesInMs: () => settling.leftMs(), close };
    },
  };
}

function settleOf({ settleMs }: ProxyHabits): DeclaredSettle | undefined {
  if (settleMs === undefined) return undefined;
  return { afterStartMs: settleMs, afterAddMs: settleMs, why: "it herds on the pods that it had before" };
}

/** Tells the proxy what pods report of their load, where it goes by that. */
function watchMetrics(proxy: RightProxy): PodWatch | undefined {
  const scrapeMs = proxy.scrapeMs();
  if (scrapeMs === undefined) return undefined;
  return proxy.watch(scrapeMs, async (pod) => proxy.heardLoad(pod, await gaugeOf(pod, REPORTED_LOAD)));
}

/** Gives the proxy the pods that are well, where it cares. */
function watchHealth(proxy: RightProxy, { healthMs }: ProxyHabits): HealthyPods | undefined {
  if (healthMs === undefined) return undefined;
  return new HealthyPods(
    healthMs / LOOKS_PER_CLAIM,
    (pod, isWell) => proxy.takesForWell(pod, isWell),
    (pods) => proxy.use(pods),
    (...watched) => proxy.watch(...watched),
  );
}
