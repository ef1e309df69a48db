/**
 * The rule of AIBrix PR #719 with its defects mended: mode `corrected`, the default.
 *
 * More than the threshold of the prompt held by ready pods of this model: to one that holds the most of it, the least
 * loaded of these: fewest requests in flight, then least work in the window. Otherwise to a pod with the least work under
 * way, and among these, all pods of an idle fleet for instance, where the request costs least by the rule. All work is in
 * seconds of the pod's own GPU:
 *
 *     cost = work it was given in the last three minutes + prefill of what it does not hold
 *
 * What is equal still goes by lot. Work under way comes first because the window cannot tell a busy pod from one whose
 * requests have ended: the merged code sends a burst to a busy pod for minutes after the others had one. Within the
 * window, a prompt just below the threshold costs most on the pod that served its prefix, which is the rule's intent.
 */
import type { LatencyProfile } from "../../../fixtures/profiles/latency-profile.ts";
import type { Candidate } from "../../../fixtures/routing.ts";
import { decodeSeconds, prefillSeconds, pricingProfile } from "../cost-model.ts";
import type { Holder } from "../prefix-tree/radix-node.ts";
import { LoadWindow } from "../load-window.ts";
import { namespaceOf } from "../prefix-tree/namespace.ts";
import type { PrefixMatch } from "../prefix-tree/radix-tree.ts";
import { least, type Assessment, type Placed, type Prompt, type ReadyPod, type RecentLoad } from "./strategy.ts";
import { TreeStrategy, type TreeStrategyOptions } from "./tree-strategy.ts";

export interface PrefixCacheAndLoadOptions extends TreeStrategyOptions {
  /** For the load window. */
  readonly windowMs: number;
}

/** What the strategy knows about one pod. */
interface PodState {
  readonly holder: Holder;
  readonly profile: LatencyProfile;
  readonly window: LoadWindow;
  /** Prefill not yet done and decode of what is in flight. */
  pendingSeconds: number;
}

export class PrefixCacheAndLoad extends TreeStrategy<PodState> {
  readonly name = "prefix-cache-and-load";
  readonly #windowMs: number;

  constructor(options: PrefixCacheAndLoadOptions) {
    super(options);
    this.#windowMs = options.windowMs;
  }

  protected newState(pod: ReadyPod, holder: Holder): PodState {
    const window = new LoadWindow(this.#windowMs);
    return { holder, profile: pricingProfile(pod.gpu), window, pendingSeconds: 0 };
  }

  assess({ request, tokens }: Prompt, pods: readonly ReadyPod[], nowMs: number): Assessment {
    const namespace = namespaceOf(request);
    const match = this.tree.match(namespace, tokens);
    const states: PodState[] = [];
    const candidates: Candidate[] = [];
    // Most pods hold nothing of a prompt: that is priced once a card.
    const coldSeconds = new Map<LatencyProfile, number>();
    let matchedTokens = 0;
    for (const pod of pods) {
      const state = this.states.of(pod);
      const { profile } = state;
      const matched = match.byHolder.get(state.holder) ?? 0;
      if (matched > matchedTokens) matchedTokens = matched;
      let prefill = matched === 0 ? coldSeconds.get(profile) : undefined;
      if (prefill === undefined) {
        prefill = prefillSeconds(profile, tokens.length, matched);
        if (matched === 0) coldSeconds.set(profile, prefill);
      }
      const costSeconds = state.window.seconds(nowMs) + prefill;
      states.push(state);
      candidates.push({ pod: pod.name, matchedTokens: matched, load: pod.inFlight, costSeconds });
    }
    const isPrefix = tokens.length > 0 && matchedTokens / tokens.length > this.threshold;
    const windowSeconds = (_pod: ReadyPod, index: number): number => states[index]?.window.seconds(nowMs) ?? 0;
    const allowed = isPrefix
      ? least(
          pods,
          (_pod, index) => -(candidates[index]?.matchedTokens ?? 0),
          (_pod, index) => states[index]?.pendingSeconds ?? 0,
          windowSeconds,
        )
      : least(
          pods,
          (_pod, index) => states[index]?.pendingSeconds ?? 0,
          (_pod, index) => candidates[index]?.costSeconds ?? 0,
        );
    return {
      reason: isPrefix ? "prefix" : "cost",
      allowed,
      matchedTokens,
      totalTokens: tokens.length,
      candidates,
      place: (pod) => this.#place(namespace, tokens, pod, match, nowMs),
    };
  }

  recentLoad(pod: ReadyPod): RecentLoad {
    return this.states.of(pod).window;
  }

  #place(namespace: string, tokens: Int32Array, pod: ReadyPod, match: PrefixMatch, nowMs: number): Placed {
    const state = this.states.of(pod);
    const matchedTokens = match.byHolder.get(state.holder) ?? 0;
    const placement = this.tree.claim(namespace, tokens, state.holder, nowMs, match);
    const decode = decodeSeconds(state.profile, tokens.length);
    let prefill = prefillSeconds(state.profile, tokens.length, matchedTokens);
    const entry = state.window.add(nowMs, prefill + decode);
    state.pendingSeconds += prefill + decode;
    return {
      firstToken: () => {
        state.pendingSeconds -= prefill;
        prefill = 0;
      },
      finished: (computed) => {
        // From a clean zero again, so that rounding never adds up.
        state.pendingSeconds = pod.inFlight === 0 ? 0 : state.pendingSeconds - prefill - decode;
        if (computed) return;
        this.tree.withdraw(placement);
        state.window.withdraw(entry);
      },
    };
  }
}
