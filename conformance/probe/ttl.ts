/** How long a prompt is remembered: many are taught at once, and each is asked for once, at an age of its own. */
import type { Held } from "../lab.ts";
import { releaseAll, type Driver } from "./driver.ts";

const FIRST_AGE_MS = 1_000;
const LAST_AGE_MS = 1_000_000;
const GROWTH = 1.15;
/** As many in a row, and the prompt is taken as forgotten: one alone may have strayed. */
const FORGOTTEN_IN_A_ROW = 3;
const MOST_HOLDS = 24;
const ROUND_MS = [600_000, 300_000, 120_000, 60_000, 30_000, 10_000, 5_000, 1_000];

export interface TtlMeasure {
  /** Undefined when every prompt was still known. */
  readonly ttlMs: number | undefined;
  readonly knownMs: number;
  readonly forgottenMs: number | undefined;
}

/** Takes as long as the router remembers, where its time cannot be moved. */
export async function measureTtl(driver: Driver): Promise<TtlMeasure | undefined> {
  const ages: number[] = [];
  for (let age = FIRST_AGE_MS; age <= LAST_AGE_MS; age *= GROWTH) ages.push(Math.round(age));
  const taught: { readonly text: string; readonly owner: string; readonly ageMs: number }[] = [];
  const startMs = driver.lab.nowMs();
  for (const ageMs of ages) {
    const text = driver.coldText();
    const owner = await driver.send(text);
    if (owner !== null) taught.push({ text, owner, ageMs });
  }
  let knownMs = 0;
  const missed: number[] = [];
  for (const { text, owner, ageMs } of taught) {
    await driver.lab.advance(Math.max(0, startMs + ageMs - driver.lab.nowMs()));
    const followed = await asksBusy(driver, text, owner);
    if (followed === undefined) continue;
    if (followed) {
      knownMs = ageMs;
      missed.length = 0;
    } else missed.push(ageMs);
    if (missed.length === FORGOTTEN_IN_A_ROW) break;
  }
  const [forgottenMs] = missed;
  if (forgottenMs === undefined) return { ttlMs: undefined, knownMs, forgottenMs };
  return { ttlMs: roundest(knownMs, forgottenMs), knownMs, forgottenMs };
}

/** What people write: the multiple of the longest of {@link ROUND_MS} between the two. */
function roundest(knownMs: number, forgottenMs: number): number | undefined {
  for (const stepMs of ROUND_MS) {
    const multiple = Math.floor(forgottenMs / stepMs) * stepMs;
    if (multiple >= knownMs && multiple > 0) return multiple;
  }
  return undefined;
}

/** Whether the prompt goes to its owner while that alone holds a request; undefined when it could not be made so. */
async function asksBusy(driver: Driver, text: string, owner: string): Promise<boolean | undefined> {
  const elsewhere: Held[] = [];
  let there: Held | undefined;
  while (there === undefined && elsewhere.length < MOST_HOLDS) {
    const held = await driver.hold(driver.coldText());
    if (held.step.pod === owner) there = held;
    else elsewhere.push(held);
  }
  await releaseAll(elsewhere);
  if (there === undefined) return undefined;
  const pod = await driver.send(text);
  await there.release();
  return pod === owner;
}
