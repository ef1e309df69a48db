/** When a prompt is learnt: as it is sent, or only once it is answered. */
import type { RouterProfile } from "../router-profile.ts";
import { releaseAll, type Driver } from "./driver.ts";

type InsertAt = NonNullable<RouterProfile["insert"]>["at"];

const ROUNDS = 5;

/**
 * Repeats a prompt whose first answer has not begun on an otherwise idle fleet: load would send it elsewhere, and a router
 * that learns by responses may do so as soon as one begins. Undefined when the answers differ. For a router that keeps away from open requests and follows repeated prompts.
 */
export async function measureInsert(driver: Driver): Promise<InsertAt | undefined> {
  let followed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const text = driver.coldText();
    const first = await driver.hold(text, { silent: true });
    try {
      if (first.step.pod === null || !first.step.held) return undefined;
      if ((await driver.send(text)) === first.step.pod) followed++;
    } finally {
      await releaseAll([first]);
    }
  }
  return followed === ROUNDS ? "dispatch" : followed === 0 ? "response" : undefined;
}
