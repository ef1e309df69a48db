/** When a router leaves a busy owner: requests that it should follow are held open one by one until one goes elsewhere. */
import type { Held } from "../lab.ts";
import { gateState } from "../oracle/gate.ts";
import { exactly } from "../oracle/range.ts";
import type { RouterProfile } from "../router-profile.ts";
import { releaseAll, type Driver } from "./driver.ts";

type Gate = NonNullable<RouterProfile["gate"]>;

/** With so many open on every other pod, the first request that left its owner did so when the owner held `spillAt`. */
export interface Spill {
  readonly others: number;
  /** Undefined: none left up to the limit. */
  readonly spillAt: number | undefined;
}

export interface GateMeasure {
  /** Null: none up to the limit. Absent: what was seen fits no rule, or several. */
  readonly gate?: Gate | null;
  readonly spills: readonly Spill[];
  readonly notes: readonly string[];
}

/** Above the largest default known, 64. */
const LIMIT = 80;
const OTHERS = [0, 4, 16, 40];
/** A gate this wide is not driven to where its second condition would bind. */
const MOST_OPEN = 220;

export async function measureGate(driver: Driver): Promise<GateMeasure> {
  const spills: Spill[] = [];
  const podCount = driver.lab.pods().length;
  for (const others of OTHERS) {
    const lead = (spills[0]?.spillAt ?? 0) + others;
    if (spills.length > 0 && (spills[0]?.spillAt === undefined || others * (podCount - 1) + lead > MOST_OPEN)) break;
    spills.push({ others, spillAt: await spillWith(driver, others) });
  }
  if (spills[0]?.spillAt === undefined) return { gate: null, spills, notes: [`no gate up to ${LIMIT} open requests`] };
  const fitting = fit(spills, podCount);
  const gate = fitting[0];
  if (gate !== undefined && fitting.length === 1) return { gate, spills, notes: [] };
  const seen = spills.map(({ others, spillAt }) => `${spillAt ?? "never"} with ${others} elsewhere`).join(", ");
  return { spills, notes: [`a request leaves its owner at ${seen}: ${fitting.length} rules fit`] };
}

/** Whether a declared gate would have behaved so. */
export function gateFits(gate: RouterProfile["gate"], spills: readonly Spill[], podCount: number): boolean {
  return spills.every(({ others, spillAt }) => {
    const open = (own: number): boolean => isOpen(gate, own, others, podCount);
    return spillAt === undefined ? !open(LIMIT + others - 1) : open(spillAt) && (spillAt === 0 || !open(spillAt - 1));
  });
}

async function spillWith(driver: Driver, others: number): Promise<number | undefined> {
  const known = driver.coldText();
  const owner = await driver.send(known);
  const held: Held[] = [];
  try {
    await fillAll(driver, owner, known, others, held);
    for (let own = others; own < LIMIT + others; own++) {
      const request = await driver.hold(known);
      held.push(request);
      if (request.step.pod !== owner) return own;
    }
    return undefined;
  } finally {
    await releaseAll(held);
  }
}

/** One prompt per pod, learnt there, then held as often as asked for; all pods grow together, so that no gate opens. */
async function fillAll(
  driver: Driver,
  owner: string | null,
  known: string,
  count: number,
  held: Held[],
): Promise<void> {
  if (count === 0 || owner === null) return;
  const pods = driver.lab.pods();
  held.push(await driver.hold(known));
  const prompts = new Map([[owner, known]]);
  const strays: Held[] = [];
  for (let tries = 0; tries < 20 * pods.length && prompts.size < pods.length; tries++) {
    const text = driver.coldText();
    const request = await driver.hold(text);
    const { pod } = request.step;
    if (pod === null || prompts.has(pod)) strays.push(request);
    else {
      prompts.set(pod, text);
      held.push(request);
    }
  }
  await releaseAll(strays);
  for (let round = 1; round < count; round++) {
    for (const text of prompts.values()) held.push(await driver.hold(text));
  }
}

const RELATIVES = [0, 1, 1.1, 1.2, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 5, 8];

/** The rules that explain what was seen. */
function fit(spills: readonly Spill[], podCount: number): readonly Gate[] {
  const first = spills[0]?.spillAt ?? 0;
  const rules = RELATIVES.flatMap((relative): Gate[] => [
    { over: "min", absolute: first - 1, relative, comparison: ">" },
    ...Array.from({ length: LIMIT }, (_, absolute): Gate => ({ over: "mean", absolute, relative, comparison: ">" })),
  ]);
  const fitting = rules.filter((rule) => rule.absolute >= 0 && gateFits(rule, spills, podCount));
  const overMin = fitting.filter(({ over }) => over === "min");
  if (overMin.length < fitting.length) return fitting;
  // A factor that was given room to bind and did not is none: the difference alone explains everything.
  const room = Math.max(...spills.map(({ others }) => others)) > 2 * (first - 1);
  const plain = overMin.find(({ relative }) => relative === 1);
  return room && plain !== undefined ? [plain] : overMin;
}

function isOpen(gate: RouterProfile["gate"], own: number, others: number, podCount: number): boolean {
  const pods = Array.from({ length: podCount }, (_, index) => `pod-${index}`);
  const loads = new Map(
    pods.map((pod, index) => [pod, { requests: exactly(index === 0 ? own : others), chars: exactly(0) }]),
  );
  return gateState(gate, loads, pods, pods.slice(0, 1)) === "open";
}
