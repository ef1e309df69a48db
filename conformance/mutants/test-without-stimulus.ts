/** A lab in which one thing that a case does has no effect and leaves no trace: what is then shown is shown by nothing. */
import type { Lab } from "../lab.ts";

export const STIMULI = {
  hold: "requests end at once instead of being held",
  "add a pod": "no pod comes",
  "remove a pod": "no pod leaves",
  "return a pod": "no pod comes back",
  "replace a pod": "no pod is exchanged",
  "reorder pods": "the order stays",
  "move time": "time stands still",
  "fail at the pod": "pods answer well",
} as const;

export type Stimulus = keyof typeof STIMULI;

/** `used` is told whenever the case asks for the stimulus. */
export function withoutStimulus(lab: Lab, stimulus: Stimulus, used: () => void): Lab {
  const gone = (one: Stimulus): boolean => {
    if (one === stimulus) used();
    return one === stimulus;
  };
  const kept: Lab = {
    profile: lab.profile,
    random: lab.random,
    corpus: lab.corpus,
    models: lab.models,
    adapter: lab.adapter,
    pods: () => lab.pods(),
    observation: () => lab.observation(),
    nowMs: () => lab.nowMs(),
    send: (prompt, options) => {
      const { upstream = "ok", ...rest } = options;
      return lab.send(prompt, upstream !== "ok" && gone("fail at the pod") ? rest : options);
    },
    hold: async (prompt, options) => {
      if (!gone("hold")) return lab.hold(prompt, options);
      return { step: await lab.send(prompt, options), release: async () => undefined };
    },
    addPod: async () => (gone("add a pod") ? (lab.pods()[0] ?? "") : lab.addPod()),
    removePod: async (name) => (gone("remove a pod") ? undefined : lab.removePod(name)),
    returnPod: async (name) => (gone("return a pod") ? undefined : lab.returnPod(name)),
    replacePod: async (name) => (gone("replace a pod") ? name : lab.replacePod(name)),
    reorderPods: async () => (gone("reorder pods") ? undefined : lab.reorderPods()),
    advance: async (byMs) => (gone("move time") ? undefined : lab.advance(byMs)),
    quiet: () => lab.quiet(),
    settle: () => lab.settle(),
    drain: () => lab.drain(),
    note: (label, data) => lab.note(label, data),
  };
  return kept;
}
