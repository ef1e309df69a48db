/** The versions of vLLM whose wire a pod speaks; `--vllm-version` names one. */
export type Version = "0.7" | "0.10" | "0.28" | "0.32";

/** What one layer of a pod does, in each version: the differences stand side by side. */
export type ByVersion<Layer> = Readonly<Record<Version, Layer>>;
