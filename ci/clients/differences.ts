/** Whether a client and the pod it measured tell the same story. */
import type { Figures } from "./load-client.ts";

/** Times may differ by so much: a client and its sockets cost something, more so on a busy machine. */
export const TOLERANCE = { ratio: 0.1, ms: 5 } as const;

const COUNTS = ["requests", "promptTokens", "outputTokens", "cachedTokens"] as const;
const TIMES = ["ttftMs", "perTokenMs"] as const;

/** One line for each figure that differs: counts by anything, times by more than the tolerance. */
export function differences(client: Figures, pod: Required<Figures>): string[] {
  const apart = [
    ...COUNTS.filter((name) => client[name] !== undefined && client[name] !== pod[name]),
    ...TIMES.filter((name) => !(Math.abs(client[name] - pod[name]) <= TOLERANCE.ratio * pod[name] + TOLERANCE.ms)),
  ];
  return apart.map((name) => `${name}: client ${client[name]}, pod ${pod[name]}`);
}
