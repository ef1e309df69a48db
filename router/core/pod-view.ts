/** What can be known of a pod from outside: by its metrics page, or in a simulation by looking into it. */
export interface PodView {
  /** Referenced KV blocks over all, 0 to 1. Absent when unknown or stale, which is not the same as 0. */
  readonly kvUsageRatio?: number;
  /** Only a simulation knows: leading tokens of this prompt in the pod's cache now. */
  heldPrefixTokens?(promptTokenIds: Int32Array, extra: { readonly cacheSalt?: string; readonly lora?: string }): number;
  /** Only a simulation knows: prompt tokens accepted and not computed yet. */
  readonly pendingPrefillTokens?: number;
}

/** By pod name; undefined where nothing is known. */
export type LookAtPod = (podName: string) => PodView | undefined;
