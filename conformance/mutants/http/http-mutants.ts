/** Proxies broken on purpose, and for each the case that must catch it, with the reason it must give. */
import type { Breakage } from "./proxy-adapter.ts";
import type { ProxyHabits } from "./proxy-habits.ts";

export interface HttpMutant {
  readonly id: string;
  readonly broken: Breakage;
  readonly caseId: string;
  readonly reason: string;
  /** What the proxy claims to do besides, rightly but for the breakage. */
  readonly habits?: ProxyHabits;
}

const mutant = (id: string, broken: Breakage, caseId: string, reason: string, habits?: ProxyHabits): HttpMutant => ({
  id,
  broken,
  caseId,
  reason,
  ...(habits === undefined ? {} : { habits }),
});

const TOKENIZES: ProxyHabits = { podTokenizer: true };
const RECOVERS: ProxyHabits = { recoveryMs: 400 };
const KV_EVENTS: ProxyHabits = { kvEvents: true };

export const HTTP_MUTANTS: readonly HttpMutant[] = [
  mutant("M35h", { routing: "leaks-on-finish" }, "LOAD-03", "finished-requests-still-counted"),
  mutant("M36h", { routing: "leaks-on-abort" }, "LOAD-08", "aborted-requests-still-counted"),
  mutant("M43a", { passing: "buffers-streams" }, "STR-02", "stream-buffered"),
  mutant("M43b", { passing: "re-encodes-events" }, "STR-01", "stream-bytes-changed"),
  mutant("M43c", { passing: "cuts-long-streams" }, "STR-01", "stream-bytes-changed"),
  mutant("M44a", { passing: "ends-broken-streams-cleanly" }, "STR-07", "clean-end-after-reset"),
  mutant("M44b", { passing: "splices-another-pod" }, "STR-07", "retried-after-first-byte"),
  mutant("M45a", { passing: "repeats-after-first-byte" }, "ERR-05", "retried-after-first-byte"),
  mutant("M45b", { passing: "retries-client-errors" }, "ERR-04", "retried-a-client-error"),
  mutant("M45c", { passing: "retries-server-errors" }, "ERR-02", "more-attempts-than-declared"),
  mutant("M45d", { passing: "swallows-retry-after" }, "ERR-03", "shedding-swallowed"),
  mutant("M45e", { passing: "hangs-on-dead-pods" }, "ERR-01", "hung-on-a-dead-pod"),
  mutant("M45f", { passing: "never-retries" }, "ERR-10", "not-retried-elsewhere"),
  mutant("M46a", { passing: "stays-when-client-leaves-early" }, "STR-05", "disconnect-not-propagated"),
  mutant("M46b", { passing: "stays-when-client-leaves-late" }, "STR-06", "disconnect-not-propagated"),
  mutant("M47a", { passing: "drops-unknown-fields" }, "STR-03", "request-body-changed"),
  mutant("M47b", { passing: "rounds-big-integers" }, "STR-03", "request-body-changed"),
  mutant("M47c", { passing: "own-request-id" }, "STR-04", "header-lost"),
  mutant("M47d", { passing: "drops-repeated-headers" }, "STR-04", "header-lost"),
  mutant("M47e", { passing: "small-body-limit" }, "STR-09", "large-body-not-passed"),
  mutant("M48a", { passing: "follows-target-header" }, "SEC-01", "client-steered-to-a-stranger"),
  mutant("M48b", { passing: "follows-target-header" }, "SEC-02", "client-steered-to-a-pod"),
  mutant("M49a", { passing: "breaks-inside-characters" }, "TOK-01", "request-not-served"),
  mutant("M49b", { passing: "breaks-on-lone-surrogates" }, "TOK-02", "text-broke-the-router"),
  mutant("M49c", { passing: "breaks-on-content-parts" }, "TOK-06", "chat-broke-the-router"),
  mutant("M49d", { passing: "breaks-on-prompt-lists" }, "TOK-07", "prompt-form-broke-the-router"),
  mutant("M49e", { passing: "breaks-on-bad-json" }, "ERR-07", "bad-request-not-refused"),
  mutant("M50a", { passing: "crosses-responses" }, "CON-01", "responses-crossed"),
  mutant("M50b", { passing: "loses-ends-under-load" }, "CON-03", "finished-requests-still-counted"),
  mutant("M50c", { passing: "loses-refused-ends" }, "LOAD-10", "refused-requests-still-counted", RECOVERS),
  mutant("M54a", { passing: "reads-ahead" }, "STR-08", "pod-not-held-back"),
  mutant("M54b", { passing: "drops-usage" }, "STR-10", "usage-changed"),
  mutant("M54c", { passing: "drops-unknown-fields" }, "STR-10", "usage-not-asked"),
  mutant("M55a", { passing: "echoes-credentials" }, "SEC-05", "credential-exposed"),
  mutant("M55b", { passing: "echoes-prompts" }, "SEC-06", "prompt-exposed"),
  mutant("M55c", { passing: "open-admin" }, "SEC-07", "open-admin"),
  mutant("M55d", { passing: "believes-lengths" }, "SEC-03", "request-smuggled"),
  mutant("M56a", { passing: "always-ready" }, "OBS-01", "ready-without-pods"),
  mutant("M56b", { passing: "counts-errors-as-good" }, "OBS-02", "requests-miscounted"),
  mutant("M56c", { passing: "names-the-first-pod" }, "OBS-03", "pod-header-lies"),
  mutant("M56d", { passing: "drops-trace" }, "OBS-04", "trace-lost"),
  mutant("M56e", { passing: "explains-by-load" }, "OBS-05", "explanation-contradicts-rule"),
  mutant("M57a", { passing: "refuses-during-changes" }, "CON-05", "request-not-served"),
  mutant("M57b", { passing: "guesses-under-load" }, "CON-02", "routed-by-load-above-threshold"),
  mutant("M57c", { passing: "lists-the-first-pods-models" }, "MOD-04", "models-not-listed"),
  mutant("M57d", { passing: "forgets-simultaneous-firsts" }, "CON-04", "routed-by-load-above-threshold"),
  mutant("M59a", { passing: "drops-roles" }, "TOK-03", "roles-ignored"),
  mutant("M59b", { passing: "runs-messages-together" }, "TOK-04", "messages-run-together"),
  mutant("M59c", { passing: "matches-the-first-message" }, "TOK-05", "only-the-first-message-matched"),
  mutant("M59e", { passing: "ignores-content-parts" }, "TOK-13", "content-parts-not-matched"),
  mutant("M59d", { passing: "matches-raw-json" }, "TOK-08", "json-spelling-changes-the-match"),
  mutant("M60a", { passing: "cuts-streams-of-removed-pods" }, "POD-14", "stream-cut-by-removal"),
  mutant("M60b", { passing: "few-at-a-time" }, "HOT-02", "stuck-behind-a-hot-prefix"),
  mutant("M60c", { passing: "waits-for-silent-pods" }, "ERR-06", "hung-on-a-silent-pod", { firstByteMs: 400 }),
  mutant("M60d", { passing: "never-readmits" }, "ERR-08", "recovered-pod-not-used", RECOVERS),
  mutant("M60e", { passing: "ignores-health" }, "POD-13", "unhealthy-pod-used", { healthMs: 800 }),
  mutant("M60f", { passing: "never-readmits" }, "POD-13", "recovered-pod-not-used", { healthMs: 800 }),
  mutant("M60g", { passing: "needs-the-tokenizer" }, "TOK-09", "not-served-without-tokenizer", TOKENIZES),
  mutant("M60h", { passing: "waits-for-the-tokenizer" }, "TOK-09", "waits-for-a-silent-tokenizer", TOKENIZES),
  mutant("M51a", { passing: "failed-scrape-is-idle" }, "LOAD-09", "failing-metrics-taken-for-idle", { scrapeMs: 100 }),
  mutant("M51b", { routing: "cold-round-robin" }, "LOAD-09", "reported-load-ignored", { scrapeMs: 100 }),
  mutant("M61a", { passing: "ignores-stored-blocks" }, "EVI-10", "stored-blocks-not-followed", KV_EVENTS),
  mutant("M61b", { passing: "ignores-cleared-blocks" }, "EVI-10", "cleared-blocks-followed", KV_EVENTS),
  mutant("M61c", { passing: "ignores-removed-blocks" }, "EVI-10", "removed-blocks-followed", KV_EVENTS),
  mutant("M61d", { passing: "counts-blocks-twice" }, "EVI-10", "repeated-events-counted-twice", KV_EVENTS),
  mutant("M61e", { passing: "drops-late-events" }, "EVI-10", "late-events-dropped", KV_EVENTS),
  mutant("M61f", { passing: "never-replays" }, "EVI-10", "lost-events-not-replayed", KV_EVENTS),
  mutant("M58a", { passing: "dawdles" }, "PERF-01", "many-times-slower"),
  mutant("M58b", { passing: "matches-quadratically" }, "PERF-03", "slows-faster-than-prompts-grow"),
  mutant("null", { passing: "always-503" }, "TOK-01", "request-not-served"),
  mutant("echo", { passing: "never-calls-a-pod" }, "TOK-01", "request-not-served"),
];
