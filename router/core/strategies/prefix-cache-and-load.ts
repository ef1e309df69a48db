/**
 * The rule of AIBrix PR #719 with its defects mended: mode `corrected`, the default.
 *
 * More than the threshold of the prompt held by ready pods of this model: to one that holds the most of it, the least
 * loaded of these: fewest requests in flight, then least work in the window. Otherwise to the pod where the request costs
 * least, in seconds of that pod's GPU:
 *
 *     work it was given in the last three minutes + work it has not finished + prefill of what it does not hold
 *
 * What is equal so far goes by lot. The window is the rule's load, and keeps a prompt just below the threshold off the
 * pod that served its prefix lately. Unfinished work counts again, because the window alone cannot tell a busy pod from
 * one whose requests ended long ago, and forgets a request that runs for longer.
 */
import { loadProfile, type LatencyProfile } from "../../../fixtures/profiles/latency-profile.ts";
import { decodeSeconds, prefillSeconds } from "../cost-model.ts";
import type { Holder } from "../holder.ts";
import { LoadWindow } from "../load-window.ts";
import { namespaceOf } from "../namespace.ts";
import { RadixTree } from "../radix-tree.ts";
import { least, type Assessment, type Placed, type Prompt, type ReadyPod, type Strategy } from "../strategy.ts";

export interface PrefixCacheAndLoadOptions {
  /** The prefix branch needs a ratio strictly above this. */
  readonly threshold: number;
  /** For the load window. */
  readonly windowMs: number;
  readonly ttlMs: number;
  readonly capacityTokens: number;
}

/** What the strategy knows about one pod. */
interface PodState {
  readonly holder: Holder;
  readonly profile: LatencyProfile;
  readonly window: LoadWindow;
  /** Prefill not yet done and decode of what is in flight. */
  pendingSeconds: number;
}

/** One pod in one decision. */
interface View {
  readonly pod: ReadyPod;
  readonly state: PodState;
  readonly matchedTokens: number;
  readonly costSeconds: number;
}

export class PrefixCacheAndLoad implements Strategy {
  readonly name = "prefix-cache-and-load";
  readonly threshold: number;
  readonly tree: RadixTree;
  readonly #options: PrefixCacheAndLoadOptions;
  readonly #states = new Map<ReadyPod, PodState>();

  constructor(options: PrefixCacheAndLoadOptions) {
    this.threshold = options.threshold;
    this.#options = options;
    this.tree = new RadixTree(options);
  }

  podAdded(pod: ReadyPod): void {
    this.#states.set(pod, {
      holder: this.tree.addHolder(pod.name),
      profile: loadProfile(pod.gpu),
      window: new LoadWindow(this.#options.windowMs),
      pendingSeconds: 0,
    });
  }

  podRemoved(pod: ReadyPod): void {
    this.tree.removeHolder(this.#state(pod).holder);
    this.#states.delete(pod);
  }

  assess(prompt: Prompt, pods: readonly ReadyPod[], nowMs: number): Assessment {
    const { tokens } = prompt;
    const namespace = namespaceOf(prompt.request);
    const { byHolder } = this.tree.match(namespace, tokens);
    let matchedTokens = 0;
    const views = pods.map((pod): View => {
      const state = this.#state(pod);
      const matched = byHolder.get(state.holder) ?? 0;
      matchedTokens = Math.max(matchedTokens, matched);
      const costSeconds = this.workSeconds(pod, nowMs) + prefillSeconds(state.profile, tokens.length, matched);
      return { pod, state, matchedTokens: matched, costSeconds };
    });
    const isPrefix = tokens.length > 0 && matchedTokens / tokens.length > this.threshold;
    const best = isPrefix
      ? least(
          views.filter((view) => view.matchedTokens === matchedTokens),
          (view) => view.pod.inFlight,
        )
      : least(views, (view) => view.costSeconds);
    return {
      reason: isPrefix ? "prefix" : "cost",
      allowed: least(best, ({ state }) => state.window.seconds).map(({ pod }) => pod),
      matchedTokens,
      totalTokens: tokens.length,
      candidates: views.map((view) => ({
        pod: view.pod.name,
        matchedTokens: view.matchedTokens,
        load: view.pod.inFlight,
        costSeconds: view.costSeconds,
      })),
      place: (pod) => this.#place(namespace, tokens, pod, byHolder.get(this.#state(pod).holder) ?? 0, nowMs),
    };
  }

  workSeconds(pod: ReadyPod, nowMs: number): number {
    const { window, pendingSeconds } = this.#state(pod);
    window.expire(nowMs);
    return window.seconds + pendingSeconds;
  }

  windowRequests(pod: ReadyPod, nowMs: number): number {
    const { window } = this.#state(pod);
    window.expire(nowMs);
    return window.requests;
  }

  tick(nowMs: number): void {
    this.tree.evict(nowMs);
  }

  #place(namespace: string, tokens: Int32Array, pod: ReadyPod, matchedTokens: number, nowMs: number): Placed {
    const state = this.#state(pod);
    const placement = this.tree.claim(namespace, tokens, state.holder, nowMs);
    const decode = decodeSeconds(state.profile, tokens.length);
    let prefill = prefillSeconds(state.profile, tokens.length, matchedTokens);
    const entry = state.window.add(nowMs, prefill + decode);
    state.pendingSeconds += prefill + decode;
    let hasFirstToken = false;
    return {
      firstToken: () => {
        hasFirstToken = true;
        state.pendingSeconds -= prefill;
        prefill = 0;
      },
      finished: (outcome) => {
        // From a clean zero again, so that rounding never adds up.
        state.pendingSeconds = pod.inFlight === 0 ? 0 : state.pendingSeconds - prefill - decode;
        // A client that left after the first token leaves a finished prefill in the pod's cache.
        if (outcome === "ok" || (outcome === "aborted" && hasFirstToken)) return;
        this.tree.withdraw(placement);
        state.window.withdraw(entry);
      },
    };
  }

  #state(pod: ReadyPod): PodState {
    const state = this.#states.get(pod);
    if (state === undefined) throw new Error(`pod ${pod.name} was never added`);
    return state;
  }
}
