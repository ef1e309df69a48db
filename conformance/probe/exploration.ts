/** How often a prompt that is repeated at once, on an idle fleet, goes elsewhere all the same. */
import type { Driver } from "./driver.ts";

/** One stray in a hundred is seen with a probability of 95 %. */
const PAIRS = 300;
/** Above this share nothing sticks: prompts go by something else than who had them. */
const MOST_EXPLORATION_RATIO = 0.3;

export interface ExplorationMeasure {
  readonly exploration: number;
  readonly strays: number;
  readonly pairs: number;
}

/** Each prompt is new and repeated once: a stray teaches its pod too, which a third time would not tell from the owner. */
export async function measureExploration(driver: Driver): Promise<ExplorationMeasure | undefined> {
  let strays = 0;
  for (let pair = 0; pair < PAIRS; pair++) {
    const text = driver.coldText();
    const owner = await driver.send(text);
    if ((await driver.send(text)) !== owner) strays++;
  }
  const pods = driver.lab.pods().length;
  // Who goes anywhere goes to the owner by chance, too.
  const share = (strays / PAIRS) * (pods / (pods - 1));
  if (share > MOST_EXPLORATION_RATIO) return undefined;
  return { exploration: Math.round(share * 1_000) / 1_000, strays, pairs: PAIRS };
}
