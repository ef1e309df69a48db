/** Makes one pod the busiest, inside what the imbalance gate tolerates, so that the prefix answer and the load answer differ. */
import type { Prompt } from "../../corpus/corpus.ts";
import type { Held, Lab } from "../../lab.ts";
import type { SentStep } from "../../observation.ts";
import { gateState } from "../../oracle/gate.ts";
import { historyBefore } from "../../oracle/history.ts";
import { loadSignal } from "../../oracle/load-signal.ts";
import type { PodLoad } from "../../oracle/pod-load.ts";
import { byChance, coldPolicy, type RouterProfile } from "../../router-profile.ts";
import { capacityChars, CELL_CHARS } from "../forgetting/evict-claims.ts";
import { gateAt, maxBusy } from "./lead.ts";
import { reportBusy } from "./reported.ts";
import { cells } from "./shape.ts";

const MAX_TRIES = 40;
/** Work, not the number of requests, makes a pod busy to a cost model; a window may count either, and holds what went before. */
const BALLAST_CELLS: Readonly<Record<string, number>> = { "cost-model": 3, window: 11 };
/** So does a router that has not noticed the last ends yet, for all that anyone sees. */
const BALLAST_CELLS_IN_DOUBT = 11;
/** Most that one pod gets in most trials. */
const REQUESTS_IN_A_TRIAL = 12;
/** Ends of this many requests may not have been noticed yet when the next one is routed over HTTP. */
export const LATE_RELEASES = 2;

export interface BusyOptions {
  /** A prompt that `pod` owns and that may be sent again without harm to the trial. */
  readonly ballast?: Prompt;
}

/** Names the pod that a router which gets the next probe wrong would choose, or must choose: the judge reads it. */
export const RIVAL = "rival";

/**
 * Makes `pod` the busiest by whatever shows in the router's load signal. Where load decides nothing that a client can see,
 * being busy would only shift whose turn it is: nothing is done then.
 *
 * Whether it worked is for the judge to see in the loads.
 */
export async function makeBusy(lab: Lab, pod: string, { ballast }: BusyOptions = {}): Promise<void> {
  lab.note(RIVAL, pod);
  if (coldPolicy(lab.profile) === "round-robin") await outOfStep(lab);
  const shows = loadSignal(lab.profile)?.shows;
  if (shows === "reports") await reportBusy(lab, pod);
  else if (shows === "requests" && !byChance(lab.profile)) await holdUntilBusy(lab, pod, ballast);
}

/**
 * Holds requests on `pod` until it leads all others. Known prompts are drawn to it by their owner; where that fails,
 * fresh ones are held everywhere and those that landed elsewhere are released.
 */
async function holdUntilBusy(lab: Lab, pod: string, given: Prompt | undefined): Promise<void> {
  const { profile } = lab;
  const wanted = maxBusy(profile, lab.pods().length);
  const tight = gateAt(profile.gate, lab.pods().length, wanted + LATE_RELEASES) !== "closed";
  if (tight && isUncertain(lab)) await lab.quiet();
  const learntLate = profile.insert?.at !== "dispatch";
  const inDoubt = endsShow(lab) ? 0 : BALLAST_CELLS_IN_DOUBT;
  const wantedCells = BALLAST_CELLS[profile.load?.signal ?? ""] ?? inDoubt;
  const ballastCells = cells("ballast", Math.min(wantedCells, spareCells(profile)));
  const strays: Held[] = [];
  // Ends of strays that may not have been noticed: a lead more makes up for them, where no gate forbids it.
  const margin = (ends: readonly Held[]): number =>
    lab.http !== undefined && !tight && countsOnlyOpenOnes(lab) && ends.length > 0 ? LATE_RELEASES - 1 : 0;
  let ballast = given;
  let missed = 0;
  for (let tries = 0; tries < MAX_TRIES && leadOf(lab, pod, strays) < wanted + margin(strays); tries++) {
    if (leadOf(lab, pod, strays) > 0 && nextMayOpenGate(lab, pod)) break;
    const known = missed < 2 ? ballast : undefined;
    const request = await lab.hold(known ?? lab.corpus.namespace().prompt(ballastCells), { label: "busy" });
    // What has ended already makes nobody busy: the loads will show it.
    if (!request.step.held && countsOnlyOpenOnes(lab)) break;
    if (request.step.pod !== pod) {
      strays.push(request);
      if (known !== undefined) missed++;
    } else if (ballast === undefined) {
      ballast = request.step.prompt;
      if (learntLate) await request.release();
    }
  }
  await Promise.all(strays.map((stray) => stray.release()));
  if (tight && isUncertain(lab)) await lab.quiet();
}

/** Where the index is small, many requests must not push out what a trial has taught. */
function spareCells(profile: RouterProfile): number {
  const capacity = capacityChars(profile);
  return capacity === 0 ? Infinity : Math.max(0, Math.floor(capacity / CELL_CHARS / REQUESTS_IN_A_TRIAL) - 1);
}

/** Whether ends that may not have been noticed could still count at some pod: under a tight gate they could open it. */
const isUncertain = (lab: Lab): boolean =>
  countsOnlyOpenOnes(lab) && [...(loadsNow(lab)?.values() ?? [])].some(({ requests: { low, high } }) => high > low);

/** Whether the router is known to have noticed what has ended. */
export const endsShow = ({ http }: Lab): boolean =>
  http === undefined || http.router.observe.metrics?.inFlight !== undefined;

/** Ends that were missed may still count at this pod: one more request on it, and the gate is no longer surely closed. */
function nextMayOpenGate(lab: Lab, pod: string): boolean {
  const loads = new Map(loadsNow(lab));
  const own = loads.get(pod);
  if (own === undefined) return false;
  const { low, high } = own.requests;
  loads.set(pod, { ...own, requests: { low: low + 1, high: high + 1 } });
  return gateState(lab.profile.gate, loads, lab.pods(), [pod]) !== "closed";
}

/** A pod in turn would be met by a fixed step from the last one, every time or never: after this, by chance. */
export async function outOfStep(lab: Lab): Promise<void> {
  for (let more = lab.random.below(lab.pods().length); more > 0; more--) {
    await lab.send(lab.corpus.namespace().prompt([]), { label: "out-of-step" });
  }
}

/** What a client knows of the loads at this moment. */
export function loadsNow(lab: Lab): ReadonlyMap<string, PodLoad> | undefined {
  const nowMs = lab.nowMs();
  const history = historyBefore(lab.observation(), momentOf(nowMs, lab.models[0]));
  return loadSignal(lab.profile)?.loads(history, nowMs, "");
}

function countsOnlyOpenOnes({ profile }: Lab): boolean {
  return loadSignal(profile)?.windowMs === undefined;
}

/** Requests by which `pod` surely leads every other pod once the strays are released; 0 while it does not lead in text. */
function leadOf(lab: Lab, pod: string, strays: readonly Held[]): number {
  const loads = loadsNow(lab);
  const own = loads?.get(pod)?.requests.low ?? 0;
  const released = countsOnlyOpenOnes(lab);
  const ownChars = loads?.get(pod)?.chars.low ?? 0;
  if (!released && lab.pods().some((other) => other !== pod && (loads?.get(other)?.chars.high ?? 0) >= ownChars))
    return 0;
  const others = lab.pods().filter((other) => other !== pod);
  const most = others.map((other) => {
    const leaving = released ? strays.filter(({ step }) => step.pod === other).length : 0;
    return (loads?.get(other)?.requests.high ?? 0) - leaving;
  });
  return own - Math.max(0, ...most);
}

/** A request that is not sent: it marks now as the moment to look at. */
function momentOf(nowMs: number, model = ""): SentStep {
  return {
    kind: "sent",
    label: "now",
    requestId: "",
    model,
    prompt: { text: "", cells: [] },
    attempts: [],
    pod: null,
    status: 0,
    held: false,
    startMs: nowMs,
    endMs: nowMs,
  };
}
