/** Proxies broken on purpose, and for each the case that must catch it, with the reason it must give. */
import * as answering from "./faults/answering.ts";
import * as choosing from "./faults/choosing.ts";
import * as forwarding from "./faults/forwarding.ts";
import * as hearing from "./faults/hearing.ts";
import * as reading from "./faults/reading.ts";
import * as receiving from "./faults/receiving.ts";
import * as streaming from "./faults/streaming.ts";
import type { ProxyMake } from "./proxy-adapter.ts";

export interface HttpMutant {
  readonly id: string;
  readonly broken: ProxyMake;
  readonly caseId: string;
  readonly reason: string;
}

const mutant = (id: string, broken: ProxyMake, caseId: string, reason: string): HttpMutant => ({
  id,
  broken,
  caseId,
  reason,
});

const KV_EVENTS = { kvEvents: true };
const SCRAPES = { scrapeMs: 100 };
const TOKENIZES = { podTokenizer: true };

export const HTTP_MUTANTS: readonly HttpMutant[] = [
  mutant("M35h", { routing: "leaks-on-finish" }, "LOAD-03", "finished-requests-still-counted"),
  mutant("M36h", { routing: "leaks-on-abort" }, "LOAD-08", "aborted-requests-still-counted"),
  mutant("M40h", { routing: "key-undelimited" }, "MOD-05", "key-parts-run-together"),
  mutant("M35p", { Proxy: choosing.CountsClientErrors }, "LOAD-04", "failed-requests-still-counted"),
  mutant("M36i", { Proxy: choosing.CountsBrokenStreams }, "LOAD-12", "broken-requests-still-counted"),
  mutant("M36j", { Proxy: choosing.CountsUntilTheFirstByte }, "LOAD-02", "not-the-least-loaded"),
  mutant("M36k", { Proxy: choosing.CountsNothing }, "LOAD-17", "unanswered-requests-not-counted"),
  mutant("M43a", { Proxy: streaming.BuffersStreams }, "STR-02", "stream-buffered"),
  mutant("M43b", { Proxy: streaming.ReEncodesEvents }, "STR-01", "stream-bytes-changed"),
  mutant("M43d", { Proxy: streaming.EndsAtDoneInText }, "STR-01", "stream-bytes-changed"),
  mutant("M43e", { Proxy: streaming.ReadsPiecesAlone }, "STR-01", "stream-bytes-changed"),
  mutant("M43f", { Proxy: streaming.NeverEndsStreams }, "STR-01", "stream-bytes-changed"),
  mutant("M43g", { Proxy: streaming.RenamesTheModel }, "STR-01", "stream-bytes-changed"),
  mutant("M43c", { Proxy: streaming.CutsLongStreams }, "STR-01", "stream-bytes-changed"),
  mutant("M44a", { Proxy: streaming.EndsBrokenStreamsCleanly }, "STR-07", "clean-end-after-reset"),
  mutant("M44b", { Proxy: streaming.SplicesAnotherPod }, "STR-07", "retried-after-first-byte"),
  mutant("M45a", { Proxy: streaming.RepeatsAfterFirstByte }, "ERR-05", "retried-after-first-byte"),
  mutant("M45b", { Proxy: forwarding.RetriesClientErrors }, "ERR-04", "retried-a-client-error"),
  mutant("M45c", { Proxy: forwarding.RetriesServerErrors }, "ERR-02", "more-attempts-than-declared"),
  mutant("M45d", { Proxy: answering.SwallowsRetryAfter }, "ERR-03", "shedding-swallowed"),
  mutant("M45e", { Proxy: forwarding.HangsOnDeadPods }, "ERR-01", "hung-on-a-dead-pod"),
  mutant("M45f", { Proxy: forwarding.NeverRetries }, "ERR-10", "not-retried-elsewhere"),
  mutant("M45k", { Proxy: forwarding.NeverRetries, habits: { retries503: true } }, "ERR-12", "declared-retry-not-made"),
  mutant("M45g", { Proxy: forwarding.RetriesTheSamePod }, "ERR-10", "not-retried-elsewhere"),
  mutant("M45j", { Proxy: receiving.TellsNoPodsAs429 }, "POD-08", "empty-fleet-not-refused-with-503"),
  mutant("M46a", { Proxy: forwarding.StaysWhenClientLeavesEarly }, "STR-05", "disconnect-not-propagated"),
  mutant("M46b", { Proxy: forwarding.StaysWhenClientLeavesLate }, "STR-06", "disconnect-not-propagated"),
  mutant("M47a", { Proxy: forwarding.DropsUnknownFields }, "STR-03", "request-body-changed"),
  mutant("M47b", { Proxy: forwarding.RoundsBigIntegers }, "STR-03", "request-body-changed"),
  mutant("M47c", { Proxy: forwarding.OwnRequestId }, "STR-04", "header-lost"),
  mutant("M47d", { Proxy: answering.DropsRepeatedHeaders }, "STR-04", "header-lost"),
  mutant("M47e", { Proxy: receiving.SmallBodyLimit }, "STR-09", "large-body-not-passed"),
  mutant("M47f", { Proxy: forwarding.ComposesText }, "STR-03", "request-body-changed"),
  mutant("M47g", { Proxy: forwarding.PassesHopByHop }, "STR-11", "hop-by-hop-passed-on"),
  mutant("M47h", { Proxy: answering.CallsStreamsJson }, "STR-04", "content-type-changed"),
  mutant("M47i", { Proxy: forwarding.DoublesTheId }, "STR-04", "header-doubled"),
  mutant("M47j", { Proxy: forwarding.DropsCredentials }, "SEC-08", "credentials-not-as-declared"),
  mutant("M47k", { Proxy: forwarding.AsksForUsage }, "STR-10", "usage-not-wanted"),
  mutant("M47l", { Proxy: streaming.WrapsErrors }, "ERR-04", "client-error-changed"),
  mutant("M47m", { Proxy: forwarding.DropsQueries }, "STR-12", "query-lost"),
  mutant("M47n", { Proxy: forwarding.SendsOneOfAList }, "TOK-07", "prompt-changed"),
  mutant("M47o", { Proxy: streaming.ImpatientWithPauses }, "STR-13", "paused-stream-cut"),
  mutant("M47p", { Proxy: choosing.BlamesPodsForClients }, "ERR-11", "client-errors-end-service"),
  mutant("M48a", { Proxy: choosing.FollowsTargetHeader }, "SEC-01", "client-steered-to-a-stranger"),
  mutant("M48c", { Proxy: choosing.FollowsItsOwnHeader }, "SEC-02", "client-steered-to-a-pod"),
  mutant("M48b", { Proxy: choosing.FollowsTargetHeader }, "SEC-02", "client-steered-to-a-pod"),
  mutant("M49a", { Proxy: reading.BreaksInsideCharacters }, "TOK-01", "request-not-served"),
  mutant("M49b", { Proxy: reading.BreaksOnLoneSurrogates }, "TOK-02", "text-broke-the-router"),
  mutant("M49c", { Proxy: reading.BreaksOnContentParts }, "TOK-06", "chat-broke-the-router"),
  mutant("M49d", { Proxy: reading.BreaksOnPromptLists }, "TOK-07", "prompt-form-broke-the-router"),
  mutant("M49f", { Proxy: reading.BreaksOnLongPrompts }, "STR-09", "large-body-not-passed"),
  mutant("M49g", { Proxy: reading.BreaksOnEmptyPrompts }, "SPL-05", "tiny-prompt-not-answered"),
  mutant("M49e", { Proxy: receiving.BreaksOnBadJson }, "ERR-07", "bad-request-not-refused"),
  mutant("M50a", { Proxy: forwarding.CrossesResponses }, "CON-01", "responses-crossed"),
  mutant("M50c", { Proxy: receiving.RefusesCrowds }, "CON-01", "request-lost"),
  mutant("M50d", { Proxy: receiving.BreaksOnRepeatedIds }, "CON-06", "repeated-id-not-served"),
  mutant("M50b", { Proxy: choosing.LosesEndsUnderLoad }, "CON-03", "finished-requests-still-counted"),
  mutant(
    "M50e",
    { Proxy: choosing.LosesRefusedEnds, habits: { recoveryMs: 400 } },
    "LOAD-13",
    "refused-requests-still-counted",
  ),
  mutant("M54a", { Proxy: streaming.ReadsAhead }, "STR-08", "pod-not-held-back"),
  mutant("M54b", { Proxy: streaming.DropsUsage }, "STR-10", "usage-changed"),
  mutant("M54c", { Proxy: forwarding.DropsUnknownFields }, "STR-10", "usage-not-asked"),
  mutant("M55a", { Proxy: receiving.EchoesCredentials }, "SEC-05", "credential-exposed"),
  mutant("M55b", { Proxy: answering.EchoesPrompts }, "SEC-06", "prompt-exposed"),
  mutant("M55c", { Proxy: receiving.OpenAdmin }, "SEC-07", "open-admin"),
  mutant("M55d", { Proxy: receiving.BelievesLengths }, "SEC-03", "request-smuggled"),
  mutant("M56a", { Proxy: answering.AlwaysReady }, "OBS-01", "ready-without-pods"),
  mutant("M56b", { Proxy: answering.CountsErrorsAsGood }, "OBS-02", "requests-miscounted"),
  mutant("M56c", { Proxy: answering.NamesTheFirstPod }, "OBS-03", "pod-header-lies"),
  mutant("M56d", { Proxy: forwarding.DropsTrace }, "OBS-04", "trace-lost"),
  mutant("M56e", { Proxy: answering.ExplainsByLoad }, "OBS-05", "explanation-contradicts-rule"),
  mutant("M57a", { Proxy: receiving.RefusesDuringChanges }, "CON-05", "request-not-served"),
  mutant("M57b", { Proxy: choosing.GuessesUnderLoad }, "CON-02", "routed-by-load-above-threshold"),
  mutant("M57c", { Proxy: answering.ListsTheFirstPodsModels }, "MOD-04", "models-not-listed"),
  mutant("M57d", { Proxy: choosing.ForgetsSimultaneousFirsts }, "CON-04", "routed-by-load-above-threshold"),
  mutant("M59a", { Proxy: reading.DropsRoles }, "TOK-03", "roles-ignored"),
  mutant("M59b", { Proxy: reading.RunsMessagesTogether }, "TOK-04", "messages-run-together"),
  mutant("M59c", { Proxy: reading.MatchesTheFirstMessage }, "TOK-05", "only-the-first-message-matched"),
  mutant("M59e", { Proxy: reading.IgnoresContentParts }, "TOK-13", "content-parts-not-matched"),
  mutant("M59d", { Proxy: reading.MatchesRawJson }, "TOK-08", "json-spelling-changes-the-match"),
  mutant("M60a", { Proxy: forwarding.CutsStreamsOfRemovedPods }, "POD-14", "stream-cut-by-removal"),
  mutant("M60b", { Proxy: receiving.FewAtATime }, "HOT-02", "stuck-behind-a-hot-prefix"),
  mutant(
    "M60c",
    { Proxy: forwarding.WaitsForSilentPods, habits: { firstByteMs: 400 } },
    "ERR-06",
    "hung-on-a-silent-pod",
  ),
  mutant("M60i", { Proxy: answering.TellsTimeoutsAs500, habits: { firstByteMs: 400 } }, "ERR-06", "silent-pod-not-504"),
  mutant(
    "M60d",
    { Proxy: choosing.NeverClosesItsBreaker, habits: { recoveryMs: 400 } },
    "ERR-08",
    "recovered-pod-not-used",
  ),
  mutant("M60e", { Proxy: choosing.IgnoresHealth, habits: { healthMs: 800 } }, "POD-13", "unhealthy-pod-used"),
  mutant("M60f", { Proxy: choosing.NeverReadmitsPods, habits: { healthMs: 800 } }, "POD-13", "recovered-pod-not-used"),
  mutant("M60g", { Proxy: receiving.NeedsTheTokenizer, habits: TOKENIZES }, "TOK-09", "not-served-without-tokenizer"),
  mutant(
    "M60h",
    { Proxy: receiving.WaitsForTheTokenizer, habits: TOKENIZES },
    "TOK-09",
    "waits-for-a-silent-tokenizer",
  ),
  mutant("M51a", { Proxy: choosing.FailedScrapeIsIdle, habits: SCRAPES }, "LOAD-09", "failing-metrics-taken-for-idle"),
  mutant("M51c", { Proxy: choosing.NeedsEveryMetric, habits: SCRAPES }, "LOAD-09", "request-not-served"),
  mutant("M51b", { routing: "cold-round-robin", habits: SCRAPES }, "LOAD-09", "reported-load-ignored"),
  mutant("M51d", { routing: "ignores-the-threshold", habits: SCRAPES }, "THR-01", "followed-the-owner-below-threshold"),
  mutant("M51e", { routing: "always-by-load", habits: SCRAPES }, "THR-02", "routed-by-load-above-threshold"),
  mutant("M51f", { routing: "busiest-owner", habits: SCRAPES }, "LPM-07", "chose-the-busier-owner"),
  mutant("M61a", { Proxy: hearing.IgnoresStoredBlocks, habits: KV_EVENTS }, "EVI-10", "stored-blocks-not-followed"),
  mutant("M61b", { Proxy: hearing.IgnoresClearedBlocks, habits: KV_EVENTS }, "EVI-10", "cleared-blocks-followed"),
  mutant("M61c", { Proxy: hearing.IgnoresRemovedBlocks, habits: KV_EVENTS }, "EVI-10", "removed-blocks-followed"),
  mutant("M61d", { Proxy: hearing.CountsBlocksTwice, habits: KV_EVENTS }, "EVI-10", "repeated-events-counted-twice"),
  mutant("M61e", { Proxy: hearing.DropsLateEvents, habits: KV_EVENTS }, "EVI-10", "late-events-dropped"),
  mutant("M61f", { Proxy: hearing.NeverReplays, habits: KV_EVENTS }, "EVI-10", "lost-events-not-replayed"),
  mutant("M58a", { Proxy: receiving.Dawdles }, "PERF-01", "many-times-slower"),
  mutant("M58b", { Proxy: reading.MatchesQuadratically }, "PERF-03", "slows-faster-than-prompts-grow"),
  mutant("null", { Proxy: receiving.Always503 }, "TOK-01", "request-not-served"),
  mutant("echo", { Proxy: receiving.NeverCallsAPod }, "TOK-01", "request-not-served"),
];
