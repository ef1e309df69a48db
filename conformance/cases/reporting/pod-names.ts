/** From what a router calls a pod to the pod, where its adapter says which name that is. */
import type { PodIs } from "../../adapters/observe.ts";
import type { Lab } from "../../lab.ts";
import type { Observation } from "../../observation.ts";
import { httpOf, noted } from "../trials/exchange.ts";

const ADDRESSES = "pod-addresses";

/** Keeps the addresses, so that a judgement needs no lab. Pods that come later are not among them. */
export function noteAddresses(lab: Lab): void {
  const { pods } = httpOf(lab);
  lab.note(ADDRESSES, Object.fromEntries(lab.pods().map((pod) => [pod, pods.address(pod)])));
}

/** Undefined when no pod is called so. Addresses are compared without scheme and path: routers spell them as they like. */
export function podCalled(text: string, podIs: PodIs, observation: Observation): string | undefined {
  const addresses = Object.entries((noted(observation, ADDRESSES) ?? {}) as Readonly<Record<string, string>>);
  if (podIs === "name") return addresses.find(([pod]) => pod === text)?.[0];
  const address = text.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  return addresses.find(([, known]) => known === address)?.[0];
}
