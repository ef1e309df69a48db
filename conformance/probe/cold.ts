/** Where prompts go that no pod knows: the spread over idle pods, and which load they keep away from. */
import type { RouterProfile } from "../router-profile.ts";
import { releaseAll, type Driver } from "./driver.ts";

export interface ColdMeasure {
  readonly cold?: NonNullable<RouterProfile["cold"]>;
  readonly load?: NonNullable<RouterProfile["load"]>;
  readonly spread: Readonly<Record<string, number>>;
}

const ROUNDS_OF_PODS = 8;
const BUSY_ROUNDS = 5;
const BUSY_PROMPTS = 5;
const COMPLETED_ROUNDS = 5;
const COMPLETED_REQUESTS = 6;
const COMPLETED_PROMPTS = 4;

export async function measureCold(driver: Driver): Promise<ColdMeasure> {
  const pods = driver.lab.pods();
  const turns: (string | null)[] = [];
  for (let sent = 0; sent < ROUNDS_OF_PODS * pods.length; sent++) turns.push(await driver.send(driver.coldText()));
  const spread = Object.fromEntries(pods.map((pod) => [pod, turns.filter((turn) => turn === pod).length]));
  const completed = await avoidsCompleted(driver);
  const busy = completed === true || (await avoidsBusy(driver));
  const even = isRotation(turns, pods.length);
  const fixed = new Set(turns).size === 1;
  if (completed === true && !(await openCountsFirst(driver))) {
    return { cold: "least-load", load: { signal: "window" }, spread };
  }
  if (busy) {
    const ties = fixed ? "fixed" : even ? "rotate" : "any";
    return { cold: { policy: "least-load", ties }, load: { signal: "in-flight" }, spread };
  }
  if (even) return { cold: "round-robin", spread };
  // A load read from metrics now and then looks like chance: what it is stays open.
  return fixed ? { spread } : { cold: "random", spread };
}

/** One pod holds a request, the others nothing: fresh prompts all go elsewhere. */
async function avoidsBusy(driver: Driver): Promise<boolean> {
  for (let round = 0; round < BUSY_ROUNDS; round++) {
    const held = await driver.hold(driver.coldText());
    try {
      for (let prompt = 0; prompt < BUSY_PROMPTS; prompt++) {
        if ((await driver.send(driver.coldText())) === held.step.pod) return false;
      }
    } finally {
      await releaseAll([held]);
    }
  }
  return true;
}

/** One pod has served more, nothing is open: fresh prompts all go elsewhere. Undefined when no pod could be made so. */
async function avoidsCompleted(driver: Driver): Promise<boolean | undefined> {
  let driven = 0;
  for (let round = 0; round < COMPLETED_ROUNDS; round++) {
    const known = driver.coldText();
    const owner = await driver.send(known);
    if (owner === null) return undefined;
    let copies = 0;
    while (copies < COMPLETED_REQUESTS || (driver.lead(owner, "all") < 2 && copies < 4 * COMPLETED_REQUESTS)) {
      copies++;
      if ((await driver.send(known)) !== owner) break;
    }
    if (driver.lead(owner, "all") < 2) continue;
    driven++;
    for (let prompt = 0; prompt < COMPLETED_PROMPTS; prompt++) {
      if ((await driver.send(driver.coldText())) === owner) return false;
    }
  }
  return driven < 2 ? undefined : true;
}

const HISTORY_ROUNDS = 4;
const HISTORY_REQUESTS = 4;

/**
 * Of routers that keep away from pods that served more, some only break ties so. The pod that served least holds a
 * request: fresh prompts keep away from it where open requests count first, and go to it where all count alike.
 */
async function openCountsFirst(driver: Driver): Promise<boolean> {
  const pods = driver.lab.pods();
  let away = 0;
  let there = 0;
  for (let round = 0; round < HISTORY_ROUNDS; round++) {
    const owned = new Map<string, string>();
    for (let tries = 0; tries < 10 * pods.length && owned.size < pods.length; tries++) {
      const text = driver.coldText();
      const pod = await driver.send(text);
      if (pod !== null) owned.set(pod, text);
    }
    const [, ...others] = owned.values();
    for (const text of others) for (let copy = 0; copy < HISTORY_REQUESTS; copy++) await driver.send(text);
    const held = await driver.hold(driver.coldText());
    const { pod } = held.step;
    try {
      if (pod === null || driver.lead(pod, "all") > -2) continue;
      if ((await driver.send(driver.coldText())) === pod) there++;
      else away++;
    } finally {
      await releaseAll([held]);
    }
  }
  return away > there;
}

function isRotation(turns: readonly (string | null)[], podCount: number): boolean {
  return (
    new Set(turns.slice(0, podCount)).size === podCount &&
    turns.every((turn, index) => turn === turns[index % podCount])
  );
}
