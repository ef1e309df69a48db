/** How many pods own a prefix that several were sent: all of them, two, or the last. */
import type { Held } from "../lab.ts";
import type { RouterProfile } from "../router-profile.ts";
import { releaseAll, type Driver } from "./driver.ts";
import { freshText } from "./probe-text.ts";

type Owners = NonNullable<RouterProfile["owners"]>;

const ROUNDS = 3;
const SHARED_CHARS = 600;
/** Of the threshold: so far under it a prompt is routed by load. */
const CLEARLY_UNDER = 0.6;
const PODS = 3;
const MOST_HOLDS = 8;

/**
 * Teaches one prefix to three pods, by prompts of which it is too small a part to be followed, and asks for it while all
 * but one are busy. Undefined when the set-up does not come about or the answers differ. For a router that keeps away from
 * open requests, leaves no owner for one of them, and ignores small matches.
 */
export async function measureOwners(driver: Driver, threshold: number): Promise<Owners | undefined> {
  const seen = new Set<Owners | undefined>();
  for (let round = 0; round < ROUNDS; round++) seen.add(await askOnce(driver, threshold));
  const [owners] = seen;
  return seen.size === 1 ? owners : undefined;
}

async function askOnce(driver: Driver, threshold: number): Promise<Owners | undefined> {
  const shared = freshText(driver.lab.random, SHARED_CHARS);
  const totalChars = Math.ceil(SHARED_CHARS / (CLEARLY_UNDER * threshold));
  const first = await driver.send(shared);
  if (first === null) return undefined;
  const taught = [first];
  for (const free of driver.lab
    .pods()
    .filter((pod) => pod !== first)
    .slice(0, PODS - 1)) {
    const longer = shared + freshText(driver.lab.random, totalChars - SHARED_CHARS);
    if ((await sendWhileFree(driver, free, longer)) !== free) return undefined;
    taught.push(free);
  }
  const [oldest = "", middle = "", last = ""] = taught;
  // Asked in this order: an answer makes its pod the one that was sent it last.
  if ((await sendWhileFree(driver, oldest, shared)) === oldest) return "all";
  if ((await sendWhileFree(driver, middle, shared)) === middle) return 2;
  return (await sendWhileFree(driver, last, shared)) === last ? "last" : undefined;
}

/** Sends while every other pod holds a request; undefined when they could not be made to. */
async function sendWhileFree(driver: Driver, free: string, text: string): Promise<string | null | undefined> {
  const holds = new Map<string, Held>();
  const extra: Held[] = [];
  try {
    while (holds.size < driver.lab.pods().length && holds.size + extra.length < MOST_HOLDS) {
      const held = await driver.hold(driver.coldText());
      const { pod } = held.step;
      if (pod !== null && !holds.has(pod)) holds.set(pod, held);
      else extra.push(held);
    }
    if (holds.size < driver.lab.pods().length) return undefined;
    await releaseAll([holds.get(free), ...extra].filter((held) => held !== undefined));
    holds.delete(free);
    extra.length = 0;
    await driver.lab.quiet();
    return await driver.send(text);
  } finally {
    await releaseAll([...holds.values(), ...extra]);
    await driver.lab.quiet();
  }
}
