/** From a request's prompt or messages to token ids. */
import type { ByVersion } from "./version.ts";

export interface PromptsProfile {
  /** How prompts are judged and refused: 0.7's way, that of before 0.11, and today's. */
  readonly rules: "2024" | "2025" | "now";
  /**
   * A prompt and an answer that do not fit together: refused in the words of 2024 or in those of March 2026 (#36197); from
   * 0.29 on the answer is cut to what is left.
   */
  readonly tooLong: "refused-2024" | "refused-2026" | "cut";
  /** Templates and media options in requests need no flag. */
  readonly trustsRequests: boolean;
}

export const PROMPTS: ByVersion<PromptsProfile> = {
  "0.7": { rules: "2024", tooLong: "refused-2024", trustsRequests: true },
  "0.10": { rules: "2025", tooLong: "refused-2024", trustsRequests: true },
  "0.28": { rules: "now", tooLong: "refused-2026", trustsRequests: false },
  "0.32": { rules: "now", tooLong: "cut", trustsRequests: false },
};
