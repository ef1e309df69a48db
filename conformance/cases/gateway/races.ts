/** CON-02, CON-04, CON-05, CON-07: what is decided at once is decided rightly. */
import type { Case } from "../../case.ts";
import type { Lab } from "../../lab.ts";
import type { Observation, SentStep } from "../../observation.ts";
import { makeBusy } from "../trials/busy.ts";
import { maxBusy } from "../trials/lead.ts";
import { all, claimed, coldReachable, followed, no, none, prefixAware } from "../claims.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { probeLabel } from "../trials/judged-probe.ts";
import { judgeProbes } from "../trials/probes.ts";
import { judgeService } from "../trials/judge-service.ts";
import { routingCase } from "../trials/routing-case.ts";
import { cells, trunk } from "../trials/shape.ts";

const DURING_CHANGE = "during-change";

export const raceCases: readonly Case[] = [
  concurrentHistory(),
  concurrentFirsts(),
  concurrentStrangers(),
  changesUnderTraffic(),
];

function concurrentHistory(): Case {
  const BURSTS = 10;
  const BURST_REQUESTS = 10;
  const HELD = 2;
  return {
    id: "CON-02",
    level: "declared-MUST",
    requirement: "R-CON-2",
    title:
      "Requests that overlap each other and changes of pods MUST each go to a pod that the rule allows in some order of them.",
    needs: { transport: "http", scriptedPods: true, podChanges: ["add", "remove"], outlivesChanges: true },
    unsupported: all(
      prefixAware,
      claimed("gate (null when there is none)", ({ gate }) => gate !== undefined),
    ),
    traffic: async (lab) => {
      for (let index = 0; index < BURSTS; index++) {
        const namespace = lab.corpus.namespace();
        const path = (): string[] => cells("trunk", lab.random.below(5)).concat(lab.random.pick(["", "a", "b"]) || []);
        const known = namespace.prompt(path());
        await lab.send(known, { label: "seed" });
        for (let held = 0; held < HELD; held++) await lab.hold(lab.corpus.namespace().prompt([]), { label: "busy" });
        const changes = index % 3 === 2;
        const label = changes ? DURING_CHANGE : probeLabel("any");
        const burst = Array.from({ length: BURST_REQUESTS }, () => lab.send(namespace.prompt(path()), { label }));
        if (changes) await (index % 2 === 0 ? lab.addPod() : lab.removePod(lab.pods().at(-1) ?? ""));
        await Promise.all(burst);
        await lab.settle();
        // One alone, when all is settled: what the burst taught.
        await lab.send(known, { label: probeLabel("any") });
      }
    },
    judge: (observation, profile) => {
      const unserved = judgeService(observation);
      if (unserved !== undefined) return unserved;
      const stray = duringChange(observation).find(({ step, present }) => !present.has(step.pod ?? ""));
      if (stray !== undefined) {
        return {
          verdict: "fail",
          reason: "routed-to-an-absent-pod",
          detail: `a request went to ${stray.step.pod ?? "no pod"}, which was there neither before nor after the change`,
          expected: [...stray.present],
          observed: [stray.step.pod ?? "none"],
        };
      }
      // Among requests that overlap it is by chance whether the wrong pod was an idle one.
      return judgeProbes(observation, profile, { minimumSharp: 1, blame: { owner: "left-the-owner" } });
    },
  };
}

/** Requests that overlap a change, with the pods that were there at some moment of theirs. */
function duringChange({ steps }: Observation): { readonly step: SentStep; readonly present: ReadonlySet<string> }[] {
  const changes = steps.flatMap((step) => (step.kind === "pods" ? [step] : []));
  return steps.flatMap((step) => {
    if (step.kind !== "sent" || step.label !== DURING_CHANGE) return [];
    const before = changes.findLast(({ atMs }) => atMs <= step.startMs);
    const meanwhile = changes.filter(({ atMs }) => atMs > step.startMs);
    return [{ step, present: new Set([before, ...meanwhile].flatMap((change) => change?.pods ?? [])) }];
  });
}

function concurrentFirsts(): Case {
  const FIRSTS = 16;
  const PODS = 6;
  // No more than the gate lets one pod have: beyond it every pod becomes an owner.
  const atOnce = (profile: RouterProfile): number => maxBusy(profile, PODS, FIRSTS);
  return routingCase({
    id: "CON-04",
    level: "MUST",
    requirement: "R-CON-4",
    title:
      "A prompt that many clients send first at the same time MUST then be followed to a pod that served one of them.",
    needs: { transport: "http", pods: PODS },
    // Who learns later sends the firsts to every pod, and owns the prompt on each.
    unsupported: all(
      prefixAware,
      followed,
      coldReachable,
      claimed("insert.at dispatch", ({ insert }) => insert?.at === "dispatch"),
      (profile) => (atOnce(profile) < 2 ? no("two at once open its gate") : undefined),
    ),
    trials: 4,
    trial: async (lab) => {
      const prompt = trunk(lab.corpus.namespace(), 6);
      const length = atOnce(lab.profile);
      const firsts = await Promise.all(Array.from({ length }, () => lab.send(prompt, { label: "first" })));
      await lab.quiet();
      const owner = firsts.find(({ pod }) => pod !== null)?.pod;
      if (owner === undefined || owner === null) return;
      await makeBusy(lab, owner);
      await lab.send(prompt, { label: probeLabel("owner") });
    },
  });
}

function concurrentStrangers(): Case {
  const AT_ONCE = 12;
  const ASKED = 3;
  return routingCase({
    id: "CON-07",
    level: "MUST",
    requirement: "R-CON-7",
    title: "Of different prompts that clients send first at the same time, each MUST then be followed to its pod.",
    needs: { transport: "http" },
    unsupported: all(prefixAware, followed, coldReachable),
    blame: { owner: "lost-among-others" },
    trials: 4,
    trial: async (lab) => {
      const prompts = Array.from({ length: AT_ONCE }, () => trunk(lab.corpus.namespace(), 2));
      const sent = await Promise.all(prompts.map((prompt) => lab.send(prompt, { label: "first" })));
      for (let asked = 0; asked < ASKED; asked++) {
        // Who lost updates may have kept the last.
        const { pod, prompt } = lab.random.pick(sent);
        if (pod === null) return;
        await lab.settle();
        await makeBusy(lab, pod);
        await lab.send(prompt, { label: probeLabel("owner") });
      }
    },
  });
}

function changesUnderTraffic(): Case {
  const CLIENTS = 6;
  const CHANGES = 8;
  const LEAST_REQUESTS = 40;
  const client = async (
    lab: Lab,
    namespace: ReturnType<Lab["corpus"]["namespace"]>,
    done: () => boolean,
  ): Promise<void> => {
    for (let turn = 0; !done() || turn < LEAST_REQUESTS / CLIENTS; turn++) {
      // Conversations that grow, among prompts that no one sends twice.
      await lab.send(namespace.prompt(cells("turn", turn % 6)), { label: "turn" });
      await lab.send(lab.corpus.namespace().prompt([]), { label: "once" });
    }
  };
  return {
    id: "CON-05",
    level: "MUST",
    requirement: "R-CON-5",
    title: "While pods come and go among many requests, every request MUST be served.",
    needs: { transport: "http", podChanges: ["add"], outlivesChanges: true, anyPod: true },
    unsupported: none,
    traffic: async (lab) => {
      let changing = true;
      const clients = Array.from({ length: CLIENTS }, () => client(lab, lab.corpus.namespace(), () => !changing));
      for (let change = 0; change < CHANGES; change++) {
        // Its pods answer to the end, so that no error can be theirs.
        if (lab.pods().length < 3 || lab.random.below(2) === 0) await lab.addPod();
        else await lab.removePod(lab.random.pick(lab.pods()));
      }
      changing = false;
      await Promise.all(clients);
    },
    judge: (observation) => judgeService(observation) ?? { verdict: "pass" },
  };
}
