/** The pass-through proxy as an adapter: real sockets, in this process. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Observe } from "../../adapters/observe.ts";
import type { PodAddress, RouterAdapter } from "../../adapters/router-under-test.ts";
import { Settling } from "../../adapters/settling.ts";
import type { Fault } from "../pure/fault.ts";
import { PLAIN_RULE, type RuleOptions } from "../pure/rule.ts";
import { RuleRouter } from "../pure/rule-router.ts";
import { profileOf, REPORTED_LOAD } from "../pure/variants.ts";
import type { HttpFault } from "./http-fault.ts";
import { DECISION_HEADER, PassThroughProxy, POD_HEADER } from "./pass-through-proxy.ts";
import { EventRouter } from "./event-router.ts";
import { ReportedBlocks } from "./reported-blocks.ts";
import { HealthyPods } from "./healthy-pods.ts";
import { gaugeOf, PodWatch } from "./pod-watch.ts";
import { type ProxyHabits, ruleWith, withHabits } from "./proxy-habits.ts";
import { ANSWERS } from "./proxy-pages.ts";

/** At most one of the two: how it routes, or how it passes things on, is broken. */
export interface Breakage {
  readonly routing?: Fault;
  readonly passing?: HttpFault;
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

export function proxyAdapter(
  { routing, passing }: Breakage = {},
  plainRule: RuleOptions = PLAIN_RULE,
  habits: ProxyHabits = {},
): RouterAdapter {
  const rule = ruleWith(plainRule, habits);
  const { settleMs, convergenceMs = 0 } = habits;
  const why = "herds on the pods that it had before";
  const settle = settleMs === undefined ? undefined : { afterStartMs: settleMs, afterAddMs: settleMs, why };
  return {
    name: routing ?? passing ?? "conforming proxy",
    version: "1",
    kind: "function",
    profile: withHabits({ ...profileOf(rule), retry: { on: ["connect"], max: 2 } }, habits),
    takesThreshold: true,
    ...(settle === undefined ? {} : { settle }),
    ...(habits.kvEvents === true ? { kvEvents: { replay: true } } : {}),
    podSeenBy: { header: POD_HEADER, value: "name" },
    observe: OBSERVE,
    async start({ pods, seed, clock, threshold = rule.threshold }) {
      const router = new RuleRouter({ ...rule, threshold }, seed, routing);
      const blocks = habits.kvEvents === true ? new ReportedBlocks(passing) : undefined;
      const byEvents = blocks && new EventRouter(blocks, threshold);
      const proxy = new PassThroughProxy(byEvents ?? router, clock, passing, habits);
      const health = watchHealth(proxy, passing, habits);
      const metrics = watchMetrics(router, passing, habits);
      const takeNote = async (next: readonly PodAddress[]): Promise<void> => {
        await metrics?.setPods(next);
        await blocks?.setPods(next);
        if (health === undefined) proxy.setPods(next);
        else await health.setPods(next);
      };
      const settling = new Settling(settle);
      let told = pods;
      let closed = false;
      const setPods = async (next: readonly PodAddress[]): Promise<void> => {
        if (next.some((pod) => !told.includes(pod))) settling.podsCame();
        told = next;
        if (convergenceMs === 0) return takeNote(next);
        void sleep(convergenceMs / 2).then(() => (closed ? undefined : takeNote(next)));
      };
      await takeNote(pods);
      settling.started();
      const url = await proxy.listen();
      const close = async (): Promise<void> => {
        closed = true;
        metrics?.close();
        blocks?.close();
        health?.close();
        await proxy.close();
      };
      return { kind: "http", url, setPods, settlesInMs: () => settling.leftMs(), close };
    },
  };
}

/** Tells the router what pods report of themselves, where it goes by that. */
function watchMetrics(
  router: RuleRouter,
  fault: HttpFault | undefined,
  { scrapeMs }: ProxyHabits,
): PodWatch | undefined {
  if (scrapeMs === undefined) return undefined;
  return new PodWatch(scrapeMs, async (pod) => {
    const load = await gaugeOf(pod, REPORTED_LOAD);
    if (load !== undefined) router.report(pod.name, load);
    else if (fault === "failed-scrape-is-idle") router.report(pod.name, 0);
  });
}

/** Shows the proxy the pods that are well, where it cares. */
function watchHealth(
  proxy: PassThroughProxy,
  fault: HttpFault | undefined,
  { healthMs }: ProxyHabits,
): HealthyPods | undefined {
  if (healthMs === undefined || fault === "ignores-health") return undefined;
  return new HealthyPods(healthMs / LOOKS_PER_CLAIM, fault === "never-readmits", (pods) => proxy.setPods(pods));
}
