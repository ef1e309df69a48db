/** Runs one case and says what became of it: traffic, judgement, and every way either can break. */
import { OperationalError } from "../../fixtures/operational-error.ts";
import { setTimeout as sleep } from "node:timers/promises";
import type { Case } from "../case.ts";
import type { Judgement, Statistic, Verdict } from "../judgement.ts";
import { resolvePointer } from "../adapters/json-pointer.ts";
import type { RouterAdapter } from "../adapters/router-under-test.ts";
import { loadSignal, SHORT_WINDOW_MS } from "../oracle/load-signal.ts";
import { evidenceOf, type Evidence } from "./evidence.ts";
import type { Session } from "./session.ts";
import { borneMs, STALL_RESOLUTION_MS, StallWatch, unlessStalled } from "./stalls.ts";

export interface CaseOutcome {
  readonly verdict: Verdict;
  readonly reason?: string;
  readonly detail?: string;
  readonly done?: string;
  readonly expected?: readonly string[];
  readonly observed?: readonly string[];
  readonly statistic?: Statistic;
  readonly missingClaim?: string;
  /** Made when asked for: the oracle looks at every step again. */
  readonly evidence?: () => Evidence;
  /** The session is not to be trusted with another case. */
  readonly broken?: boolean;
}

/** Real time that a case may wait for, a few times, without being asked to. */
const SHORT_WAIT_MS = 7_000;

/** Why this case cannot be run with this router; undefined when it can. */
export function obstacle(
  { needs, unsupported }: Case,
  adapter: RouterAdapter,
  session: Pick<Session, "transport" | "canAdvance" | "fixedPods">,
  slow: boolean,
): CaseOutcome | undefined {
  const no = (detail: string): CaseOutcome => ({ verdict: "unsupported", reason: "unsupported", detail });
  const missing = unsupported(adapter.profile);
  if (missing !== undefined) {
    return { ...no(missing.why), ...(missing.claim === undefined ? {} : { missingClaim: missing.claim }) };
  }
  if (session.transport === "function" && needs.transport === "http") return no("it needs a router that speaks HTTP");
  const load = loadSignal(adapter.profile);
  const hidden = needs.shows?.find((shown) => resolvePointer(adapter, `/${shown.replaceAll(".", "/")}`) === undefined);
  if (hidden !== undefined) return { ...no(`the adapter does not declare ${hidden}`), missingClaim: hidden };
  if (needs.freshRouter === true && adapter.kind === "url") {
    return no("it may leave the router spoiled, and this one cannot be started anew");
  }
  if (needs.memory === true && (adapter.kind !== "command" || process.platform !== "linux")) {
    return no("the memory of a router is read only where the kit starts it as a process, on Linux");
  }
  if (needs.podChanges !== undefined && adapter.changesPods === false) {
    return no("the adapter cannot tell the router about pods that come and go (pods.channel is none)");
  }
  if (needs.podChanges?.includes("start") === true && adapter.listsPods === false) {
    return no("the adapter tells the router of its pods one by one: no order of them reaches it");
  }
  if (needs.outlivesChanges === true && adapter.restartsForPods === true) {
    return no("pods change by a restart, and the router loses with it what it knows and what it is answering");
  }
  if (needs.fleet !== undefined && (session.fixedPods !== undefined || adapter.changesPods === false)) {
    return no("it needs pods of different kinds, which the adapter cannot give the router");
  }
  const hasSeveral = needs.fleet?.some(({ models, adapter: hasAdapter }) => models.length > 1 || hasAdapter === true);
  if (hasSeveral === true && adapter.tellsOneModel === true) {
    return no("the adapter tells the router one model of each pod ({{pods.models}}), and it needs pods with several");
  }
  if (needs.otherThreshold === true && adapter.takesThreshold !== true) {
    return no("the adapter cannot start the router with another threshold ({{threshold}} is not used)");
  }
  if (needs.kvEvents === true && adapter.kvEvents === undefined) {
    return no("the adapter does not tell the router where pods publish KV events ({{pods.kvEvents}} is not used)");
  }
  if (needs.chats === true && adapter.requests?.paths?.includes("/v1/chat/completions") === false) {
    return no("the adapter says that the router takes no chats");
  }
  if (needs.load === true && session.transport === "function" && load?.shows === "reports") {
    return no("what pods report of their load does not reach a router that is a function");
  }
  const forms = adapter.requests?.promptForms;
  if (needs.idPrompts === true && session.transport === "http" && forms?.includes("ids") !== true) {
    return no("the adapter does not say that the router takes token ids (requests.promptForms)");
  }
  if (session.fixedPods !== undefined && needs.pods !== undefined && needs.pods !== session.fixedPods) {
    return no(`it needs ${needs.pods} pods and the adapter fixes ${session.fixedPods}`);
  }
  if (needs.movableClock === true && !session.canAdvance) {
    return no("its time cannot be moved, and this takes an hour of it");
  }
  const clockMs = session.canAdvance ? 0 : (needs.clockMs?.(adapter.profile) ?? 0);
  const waitMs = Math.max(clockMs, needs.waitMs?.(adapter.profile) ?? 0);
  if (waitMs > SHORT_WAIT_MS && !slow) {
    const detail = `it waits for ${waitMs / 1_000} s of real time, several times; --slow runs it`;
    return { verdict: "skipped", reason: "slow", detail };
  }
  const windowMs = session.canAdvance ? 0 : (load?.windowMs ?? 0);
  const windowSeconds = windowMs / 1_000;
  if (needs.load === true && windowMs > SHORT_WINDOW_MS && session.fixedPods !== undefined) {
    return no(
      `the load window of ${windowSeconds} s still counts what earlier cases sent, and neither its time nor the pods can be changed`,
    );
  }
  if (needs.drains === true && windowMs > SHORT_WINDOW_MS && !slow) {
    const detail = `it waits for the load window of ${windowSeconds} s to pass; --slow runs it`;
    return { verdict: "skipped", reason: "slow", detail };
  }
  if (needs.slow === true && !slow) {
    return { verdict: "skipped", reason: "slow", detail: "it takes many seconds; --slow runs it" };
  }
  return undefined;
}

/** How long a case may take, and what else ends it. */
export interface CaseLimits {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export async function runCase(each: Case, session: Session, seed: number, limits: CaseLimits): Promise<CaseOutcome> {
  const lab = await session.lab(each, seed).catch((error: unknown) => failure(error, session));
  if ("verdict" in lab) return lab;
  const { end } = lab;
  const stalls = new StallWatch();
  const traffic = Promise.race([each.traffic(lab), ...(end === undefined ? [] : [end.come])]);
  const trouble = await within(limits, traffic).catch((error: unknown) => failure(error, session));
  const settled = end?.judgement;
  if (trouble?.broken === true) end?.stop();
  const observation = lab.observation();
  const seen = { wire: lab.http?.wire() ?? [], log: lab.http?.router.logs() ?? "" };
  const evidence = (): Evidence => evidenceOf(observation, lab.profile, seen);
  const leftovers =
    trouble?.broken === true || settled !== undefined
      ? undefined
      : await session.end(lab).catch((error: unknown) => failure(error, session));
  const death = session.died();
  if (death !== undefined) {
    return { verdict: "fail", reason: "router-died", detail: `The router ${death}`, evidence, broken: true };
  }
  // What settled it may have been late at the same moment as the watch.
  if (settled !== undefined) await sleep(2 * STALL_RESOLUTION_MS);
  const stalledMs = session.transport === "http" ? stalls.end() : 0;
  const judged = (judgement: Judgement, broken: boolean): CaseOutcome => ({
    ...unlessStalled(judgement, stalledMs, borneMs(each, lab.profile)),
    evidence,
    broken,
  });
  if (settled !== undefined) return judged(settled, true);
  const broken = trouble ?? leftovers;
  if (broken !== undefined) return { ...broken, evidence };
  try {
    return judged(each.judge(observation, lab.profile), session.spoiled);
  } catch (error) {
    return { verdict: "error", reason: "judgement-broke", detail: message(error), evidence };
  }
}

function failure(error: unknown, session: Session): CaseOutcome {
  if (session.died() !== undefined) {
    return { verdict: "fail", reason: "router-died", detail: `The router ${session.died()}`, broken: true };
  }
  if (error instanceof Interrupted) return { verdict: "not-run", reason: "interrupted", broken: true };
  const reason =
    error instanceof OperationalError ? "adapter-failed" : error instanceof Timeout ? TOOK_TOO_LONG : "kit-broke";
  return { verdict: "error", reason, detail: message(error), broken: true };
}

export const TOOK_TOO_LONG = "took-too-long";

class Timeout extends Error {}

class Interrupted extends Error {}

async function within({ timeoutMs, signal }: CaseLimits, work: Promise<void>): Promise<undefined> {
  const cut = Promise.withResolvers<never>();
  const interrupt = (): void => cut.reject(new Interrupted("the run was interrupted"));
  const timer = setTimeout(
    () => cut.reject(new Timeout(`the case did not end within ${timeoutMs / 1000} s`)),
    timeoutMs,
  );
  signal?.addEventListener("abort", interrupt, { once: true });
  try {
    await Promise.race([work, cut.promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", interrupt);
  }
}

/** A bug in the kit keeps its stack; what is wrong outside is one line. */
function message(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof OperationalError || error instanceof Timeout ? error.message : (error.stack ?? error.message);
}
