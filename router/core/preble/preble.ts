/**
 * E2 of the Preble paper (ICLR 2025, section 3): mode `preble`. Where its code of May 2024 differs, the paper's rule.
 *
 * Exploit, when more of the prompt is cached than missing: among the pods that cache the longest node of the matched path,
 * the one of least cost. (The code compares a leaf with its ancestors, so that an exact repeat may explore.) Explore
 * otherwise: a pod that mostly decodes takes the prefill, or else the pod of least cost. Cost is L + M + P in seconds of
 * the pod's own GPU: work given in the last three minutes, recomputation of what must be evicted, prefill of what is
 * missing. (The code has no P, and divides L among the GPUs of a node.)
 *
 * Two adjustments to exploiting. Rebalancing: while the heaviest pod has more than 1.5 times the load of the lightest,
 * what would go to the heaviest goes to the lightest. Replication: when waiting for the first token on the only pod of a
 * prefix has doubled within the window, the lightest pod gets it as well, and cost splits what follows.
 */
import type { LatencyProfile } from "../../../fixtures/profiles/latency-profile.ts";
import { decodeSeconds, prefillSeconds, pricingProfile } from "../cost-model.ts";
import type { Holder, RadixNode } from "../prefix-tree/radix-node.ts";
import { LoadWindow } from "../load-window.ts";
import { namespaceOf } from "../prefix-tree/namespace.ts";
import type { PrefixMatch } from "../prefix-tree/radix-tree.ts";
import type { PrefixCacheAndLoadOptions } from "../strategies/prefix-cache-and-load.ts";
import {
  least,
  type Assessment,
  type Placed,
  type Prompt,
  type ReadyPod,
  type RecentLoad,
} from "../strategies/strategy.ts";
import { TreeStrategy } from "../strategies/tree-strategy.ts";
import { evictionSeconds } from "./eviction-cost.ts";
import { HitRatio } from "./hit-ratio.ts";
import { QueueingTrend } from "./queueing-trend.ts";

/** Th_bal. */
const REBALANCE_RATIO = 1.5;
/** The code's start of rebalancing; the paper has none, and a ratio of loads says nothing while there is no load. */
const REBALANCE_MIN_REQUESTS_PER_POD = 50;
/** IMBALR of the paper depends on GPU and model and is not given. This is the code's stand-in: hits are decode work. */
const DECODING_HIT_RATIO = 0.7;
const HIT_RATIO_SPAN_MS = 30_000;

interface PodState {
  readonly holder: Holder;
  readonly profile: LatencyProfile;
  readonly window: LoadWindow;
  readonly hits: HitRatio;
  readonly queueing: QueueingTrend;
}

interface View {
  readonly pod: ReadyPod;
  readonly state: PodState;
  readonly matchedTokens: number;
  /** L: work it was given in the window. */
  readonly load: number;
  readonly costSeconds: number;
}

export class Preble extends TreeStrategy<PodState> {
  readonly name = "prefix-cache-and-load";
  readonly #windowMs: number;

  constructor(options: PrefixCacheAndLoadOptions) {
    super(options);
    this.#windowMs = options.windowMs;
  }

  protected newState(pod: ReadyPod, holder: Holder): PodState {
    return {
      holder,
      profile: pricingProfile(pod.gpu),
      window: new LoadWindow(this.#windowMs),
      hits: new HitRatio(HIT_RATIO_SPAN_MS),
      queueing: new QueueingTrend(this.#windowMs),
    };
  }

  assess({ request, tokens }: Prompt, pods: readonly ReadyPod[], nowMs: number): Assessment {
    const namespace = namespaceOf(request);
    const match = this.tree.match(namespace, tokens);
    const views = pods.map((pod) => this.#view(pod, tokens, match, nowMs));
    const matchedTokens = Math.max(...views.map((view) => view.matchedTokens));
    const isExploit = tokens.length > 0 && matchedTokens / tokens.length > this.threshold;
    const chosen = isExploit ? exploit(views, match, matchedTokens, nowMs) : explore(views, nowMs);
    return {
      reason: isExploit ? "prefix" : "cost",
      allowed: chosen.map(({ pod }) => pod),
      matchedTokens,
      totalTokens: tokens.length,
      candidates: views.map(({ pod, matchedTokens, load, costSeconds }) => ({
        pod: pod.name,
        matchedTokens,
        load,
        costSeconds,
      })),
      place: (pod) => this.#place(namespace, tokens, pod, match, nowMs),
    };
  }

  recentLoad(pod: ReadyPod): RecentLoad {
    return this.states.of(pod).window;
  }

  #view(pod: ReadyPod, tokens: Int32Array, match: PrefixMatch, nowMs: number): View {
    const state = this.states.of(pod);
    const { holder, profile, window } = state;
    const load = window.seconds(nowMs);
    const matchedTokens = match.byHolder.get(holder) ?? 0;
    const eviction = evictionSeconds(profile, holder, tokens.length - matchedTokens, window.requests(nowMs));
    const costSeconds = load + eviction + prefillSeconds(profile, tokens.length, matchedTokens);
    return { pod, state, matchedTokens, load, costSeconds };
  }

  #place(namespace: string, tokens: Int32Array, pod: ReadyPod, match: PrefixMatch, nowMs: number): Placed {
    const { holder, profile, window, hits, queueing } = this.states.of(pod);
    const matchedTokens = match.byHolder.get(holder) ?? 0;
    const placement = this.tree.claim(namespace, tokens, holder, nowMs, match);
    const seconds = prefillSeconds(profile, tokens.length, matchedTokens) + decodeSeconds(profile, tokens.length);
    const entry = window.add(nowMs, seconds, () => this.tree.lapse(placement));
    hits.add(nowMs, matchedTokens, tokens.length);
    return {
      firstToken: (firstTokenMs) => queueing.add(firstTokenMs, firstTokenMs - nowMs),
      finished: (computed) => {
        if (computed) return;
        window.withdraw(entry);
        this.tree.withdraw(placement);
      },
    };
  }
}

function explore(views: readonly View[], nowMs: number): readonly View[] {
  const [decoding] = least(views, ({ state }) => -state.hits.at(nowMs));
  if (decoding !== undefined && decoding.state.hits.at(nowMs) >= DECODING_HIT_RATIO) return [decoding];
  return least(views, (view) => view.costSeconds);
}

function exploit(views: readonly View[], match: PrefixMatch, matchedTokens: number, nowMs: number): readonly View[] {
  const owners = ownersOfLongestNode(views, match, matchedTokens);
  const chosen = least(owners, (view) => view.costSeconds);
  const byLoad = views.toSorted((a, b) => a.load - b.load);
  const [lightest, heaviest] = [byLoad[0] as View, byLoad.at(-1) as View];
  if (chosen.includes(heaviest) && isImbalanced(views, lightest, heaviest, nowMs)) return [lightest];
  const [only] = owners;
  if (owners.length === 1 && only !== undefined && only !== lightest && only.state.queueing.hasDoubled(nowMs)) {
    only.state.queueing.clear();
    return [lightest];
  }
  return chosen;
}

function isImbalanced(views: readonly View[], lightest: View, heaviest: View, nowMs: number): boolean {
  const requests = views.reduce((sum, { state }) => sum + state.window.requests(nowMs), 0);
  if (requests < REBALANCE_MIN_REQUESTS_PER_POD * views.length) return false;
  return heaviest.load > REBALANCE_RATIO * lightest.load;
}

/** Of the nodes on the matched path that a candidate holds, the one with the most matched tokens: who holds that? */
function ownersOfLongestNode(views: readonly View[], match: PrefixMatch, matchedTokens: number): readonly View[] {
  const candidates = new Map(views.map((view) => [view.state.holder, view]));
  let owners: readonly View[] = [];
  let longestTokens = 0;
  for (let node: RadixNode | undefined = match.node; node?.parent !== undefined; node = node.parent) {
    const tokens = Math.min(matchedTokens, node.contextTokens) - node.parent.contextTokens;
    if (tokens <= longestTokens) continue;
    const holders = node.claims.flatMap(({ holder }) => candidates.get(holder) ?? []);
    if (holders.length > 0) [owners, longestTokens] = [holders, tokens];
  }
  return owners;
}
