/** The trial of most routing cases: teach a prompt, let something happen, make its owner the busiest, and ask. */
import type { Prompt } from "../../corpus/corpus.ts";
import type { Lab, SendOptions } from "../../lab.ts";
import type { SentStep } from "../../observation.ts";
import { makeBusy } from "./busy.ts";
import { type ProbeKind, probeLabel } from "./judged-probe.ts";

type Key = Omit<SendOptions, "label">;

export interface OwnerTrial {
  readonly seed: Prompt;
  readonly seedOptions?: Key;
  /** Between the two, with the pod that served the seed. */
  readonly meanwhile?: (owner: string) => Promise<void>;
  /** Default: the seed again. */
  readonly probe?: Prompt;
  readonly probeOptions?: Key;
  readonly kind: ProbeKind;
  /** Known prompt to hold on the owner. Never the one asked for: a router that strays would teach it to other pods. */
  readonly ballast?: Prompt;
}

/** Makes this pod the busiest, and asks. */
export async function busyProbe(lab: Lab, pod: string, prompt: Prompt, kind: ProbeKind): Promise<void> {
  await makeBusy(lab, pod);
  await lab.send(prompt, { label: probeLabel(kind) });
}

/** Resolves to the probe, or to undefined when the seed reached no pod: the trial then shows nothing. */
export async function askBusyOwner(lab: Lab, trial: OwnerTrial): Promise<SentStep | undefined> {
  const { seed, seedOptions, meanwhile, probe = seed, probeOptions, kind, ballast } = trial;
  const { pod } = await lab.send(seed, { label: "seed", ...seedOptions });
  if (pod === null) return undefined;
  await meanwhile?.(pod);
  await makeBusy(lab, pod, ballast === undefined ? {} : { ballast });
  return lab.send(probe, { label: probeLabel(kind), ...probeOptions });
}
