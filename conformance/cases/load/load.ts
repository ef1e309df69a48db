/** LOAD and HOT: who gets requests that no prefix decides. */
import type { Case } from "../../case.ts";
import type { Held, Lab } from "../../lab.ts";
import { loadSignal } from "../../oracle/load-signal.ts";
import { LATE_RELEASE_MAX_MS, WINDOW_EDGE_MS } from "../../oracle/request-load.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { LATE_RELEASES } from "../trials/busy.ts";
import { all, claimed, coldReachable, countableLoad, countsInFlight, loadDecides, prefixAware } from "../claims.ts";
import { completionBody, EVENT_STREAM, exchange } from "../trials/exchange.ts";
import { inLooks, UNMET } from "../trials/looks.ts";
import { probeLabel } from "../trials/judged-probe.ts";
import { routingCase } from "../trials/routing-case.ts";
import { cells, trunk } from "../trials/shape.ts";
import { chunk } from "../trials/stream-text.ts";
import { evenlySpread, FRESH_PER_LOOK, judgeFresh } from "../trials/spread.ts";

const byLoad = all(loadDecides, coldReachable);

const countsForATime = ({ load }: RouterProfile): boolean =>
  load?.signal === "in-flight" || (load?.signal === "window" && (load.windowMs ?? 0) >= 4 * WINDOW_EDGE_MS);
/** Longer than any table of open requests should be swept after. */
const OPEN_MS = 3_600_000;

const fresh = (lab: Lab) => lab.corpus.namespace().prompt([]);

/** Of the pod and of its client: a router that forgets either still counts half of the requests. */
const FAILURES = [500, 400] as const;

/** On idle pods, as many as it takes to tell. */
async function sendEvenly(lab: Lab): Promise<void> {
  const once = async (): Promise<void> => {
    for (let index = 0; index < FRESH_PER_LOOK; index++) await lab.send(fresh(lab), { label: "fresh" });
  };
  await inLooks(lab, once, judgeFresh);
}

/**
 * Holds as many fresh prompts as there are pods: with nothing else in flight, each must find an idle pod. Over HTTP the
 * last ends may not have been noticed yet: a pod that is left out is known to be so only after some more rounds.
 */
export async function holdOnEveryPod(lab: Lab): Promise<void> {
  await lab.quiet();
  const rounds = lab.http === undefined ? 1 : LATE_RELEASES + 2;
  for (let index = 0; index < rounds * lab.pods().length; index++) {
    // No shorter than what ended before: the oracle knows neither whether a router counts requests nor characters.
    await lab.hold(trunk(lab.corpus.namespace(), 4), { label: probeLabel("any") });
  }
}

/** Until what has ended is known to be noticed, no pod is known to be idle. */
export async function noticed(lab: Lab): Promise<void> {
  if (!(await lab.quiet())) await lab.http?.wait(LATE_RELEASE_MAX_MS);
}

/** Ends `count` requests on one pod in the given way, each a short extension of a prompt that pod owns. */
export async function endOnOnePod(
  lab: Lab,
  count: number,
  end: (lab: Lab, prompt: ReturnType<typeof fresh>) => Promise<void>,
): Promise<void> {
  const namespace = lab.corpus.namespace();
  const head = cells("trunk", 2);
  await lab.send(namespace.prompt(head), { label: "seed" });
  for (let index = 0; index < count; index++) {
    await end(lab, namespace.prompt([...head, `end${index}:0.25`]));
    // A success in between: a router may lock out a pod that fails several times in a row.
    await lab.send(namespace.prompt(head), { label: "between" });
  }
}

export const loadCases: readonly Case[] = [
  {
    id: "LOAD-01",
    level: "declared-MUST",
    requirement: "R-LOAD-1",
    title: "Prompts without a match MUST be spread evenly over idle pods where the router claims to do so.",
    needs: { transport: "any", pods: 4, load: true },
    unsupported: all(coldReachable, evenlySpread),
    traffic: sendEvenly,
    judge: judgeFresh,
  },
  routingCase({
    id: "LOAD-02",
    level: "declared-MUST",
    requirement: "R-LOAD-2",
    title: "A prompt without a match MUST go to a pod that is the least loaded by the declared signal.",
    unsupported: all(byLoad, countableLoad),
    trials: 3,
    trial: async (lab) => {
      const held: Held[] = [];
      for (let index = 0; index < 24; index++) {
        held.push(await lab.hold(fresh(lab), { label: probeLabel("any") }));
        if (held.length > 4 && lab.random.below(2) === 0) {
          await held.splice(lab.random.below(held.length), 1)[0]?.release();
        }
      }
    },
  }),
  routingCase({
    id: "LOAD-03",
    level: "declared-MUST",
    requirement: "R-LOAD-3",
    title: "A request that finished MUST no longer count as load.",
    unsupported: all(prefixAware, byLoad, countsInFlight),
    blame: { load: "finished-requests-still-counted" },
    trials: 1,
    trial: async (lab) => {
      const prompt = trunk(lab.corpus.namespace(), 4);
      for (let index = 0; index < 40; index++) await lab.send(prompt, { label: "finished" });
      await holdOnEveryPod(lab);
    },
  }),
  routingCase({
    id: "LOAD-04",
    level: "declared-MUST",
    requirement: "R-LOAD-3",
    title: "A request that failed at its pod MUST no longer count as load.",
    unsupported: all(prefixAware, byLoad, countsInFlight),
    blame: { load: "failed-requests-still-counted" },
    trials: 1,
    trial: async (lab) => {
      let failures = 0;
      await endOnOnePod(lab, 8, async (inLab, prompt) => {
        const status = FAILURES[failures++ % FAILURES.length] ?? 500;
        await inLab.send(prompt, { label: "upstream-error", upstream: { status } });
      });
      await holdOnEveryPod(lab);
    },
  }),
  routingCase({
    id: "LOAD-08",
    level: "declared-MUST",
    requirement: "R-LOAD-3",
    title: "A request whose client went away MUST no longer count as load.",
    needs: { clientsLeave: true },
    unsupported: all(prefixAware, byLoad, countsInFlight),
    blame: { load: "aborted-requests-still-counted" },
    trials: 1,
    trial: async (lab) => {
      await endOnOnePod(lab, 8, async (inLab, prompt) => {
        const held = await inLab.hold(prompt, { label: "aborted" });
        await held.release("aborted");
      });
      await holdOnEveryPod(lab);
    },
  }),
  routingCase({
    id: "LOAD-11",
    level: "declared-MUST",
    requirement: "R-LOAD-11",
    title: "A request MUST count as load while it is under way, and while the declared load window lasts.",
    needs: { movableClock: true },
    unsupported: all(byLoad, countableLoad, claimed("load.signal in-flight or window", countsForATime)),
    blame: { load: "load-forgotten-too-early" },
    trial: async (lab) => {
      const windowMs = loadSignal(lab.profile)?.windowMs;
      // One pod stays idle, and must be the one that gets the next prompt.
      for (let busy = 1; busy < lab.pods().length; busy++) {
        const held = await lab.hold(fresh(lab), { label: "busy" });
        if (windowMs !== undefined) await held.release();
      }
      await lab.advance(windowMs === undefined ? OPEN_MS : windowMs - 2 * WINDOW_EDGE_MS);
      await lab.hold(fresh(lab), { label: probeLabel("any") });
    },
  }),
  routingCase({
    id: "LOAD-12",
    level: "declared-MUST",
    requirement: "R-LOAD-3",
    title: "A request whose pod broke its stream off, or ended it without [DONE], MUST no longer count as load.",
    needs: { transport: "http", scriptedPods: true, happenings: ["failed-answer"] },
    unsupported: all(prefixAware, byLoad, countsInFlight),
    blame: { load: "broken-requests-still-counted" },
    trials: 1,
    trial: async (lab) => {
      let ends = 0;
      await endOnOnePod(lab, 8, async (inLab, { text }) => {
        const body = completionBody(inLab, { prompt: text, stream: true });
        const reply = {
          kind: "respond",
          status: 200,
          headers: EVENT_STREAM,
          body: [chunk("first")],
          end: ends++ % 2 === 0 ? "reset" : "finish",
        } as const;
        await exchange(inLab, { label: "broken stream", body, reply });
      });
      await holdOnEveryPod(lab);
    },
  }),
  routingCase({
    id: "LOAD-19",
    level: "declared-MUST",
    requirement: "R-LOAD-19",
    title: "When pods come and go, requests under way on the others MUST still count as load.",
    needs: { podChanges: ["add", "remove"], outlivesChanges: true },
    unsupported: all(byLoad, countsInFlight),
    blame: { load: "loads-forgotten-on-pod-change" },
    trials: 2,
    trial: async (lab) => {
      const held: Held[] = [];
      for (let count = 0; count < 2 * lab.pods().length; count++)
        held.push(await lab.hold(fresh(lab), { label: "busy" }));
      const added = await lab.addPod();
      await noticed(lab);
      // Nothing is there yet: both must come to it.
      for (let idle = 0; idle < 2; idle++) await lab.hold(fresh(lab), { label: probeLabel("any") });
      const idlePod = held[0]?.step.pod;
      for (const each of held) if (each.step.pod === idlePod) await each.release();
      await lab.removePod(added);
      await noticed(lab);
      // Nothing is there any more: likewise.
      for (let idle = 0; idle < 2; idle++) await lab.hold(fresh(lab), { label: probeLabel("any") });
    },
  }),
  routingCase({
    id: "LOAD-24",
    level: "declared-MUST",
    requirement: "R-LOAD-3",
    title: "A request that ends after another pod has left MUST no longer count as load of its own.",
    needs: { podChanges: ["remove", "add"], outlivesChanges: true, pods: 4 },
    unsupported: all(byLoad, countsInFlight),
    blame: { load: "ends-lost-on-pod-change" },
    trials: 4,
    trial: async (lab, index) => {
      const held: Held[] = [];
      for (let count = 0; count < 2 * lab.pods().length; count++)
        held.push(await lab.hold(fresh(lab), { label: "busy" }));
      await lab.removePod(lab.pods()[index] ?? "");
      for (const each of held) await each.release();
      await noticed(lab);
      for (let idle = 0; idle < 2 * lab.pods().length; idle++) await lab.hold(fresh(lab), { label: probeLabel("any") });
      await lab.settle();
      await lab.addPod();
    },
  }),
  {
    id: "HOT-03",
    level: "declared-MUST",
    requirement: "R-LOAD-1",
    title: "After a hot prefix has cooled, new prompts MUST be spread evenly again.",
    needs: { transport: "any", pods: 4, load: true, drains: true },
    unsupported: all(prefixAware, coldReachable, evenlySpread),
    traffic: async (lab) => {
      const hot = trunk(lab.corpus.namespace(), 2);
      for (let index = 0; index < 60; index++) await lab.hold(hot, { label: "hot" });
      await lab.drain();
      await sendEvenly(lab);
    },
    judge: (observation) => {
      const heated = observation.steps.some((step) => step.kind === "sent" && step.label === "hot" && step.held);
      if (heated) return judgeFresh(observation);
      return { verdict: "inconclusive", reason: UNMET, detail: "no prefix was hot: nothing was held open" };
    },
  },
];
