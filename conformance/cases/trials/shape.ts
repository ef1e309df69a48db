/** Prompt shapes, in cells, that put a match clearly under or over the threshold. */
import type { Namespace, Prompt } from "../../corpus/corpus.ts";
import { ANY_MATCH } from "../../oracle/threshold.ts";
import type { RouterProfile } from "../../router-profile.ts";

/** A ratio this far from the threshold is outside every uncertainty of units and wrappers. */
export const MARGIN_RATIO = 0.12;

export interface Shape {
  readonly sharedCells: number;
  readonly totalCells: number;
}

export const thresholdOf = (profile: RouterProfile): number => (profile.threshold ?? ANY_MATCH).value;

/** A ratio that is clearly under the threshold. */
export const underRatio = (profile: RouterProfile): number =>
  Math.max(thresholdOf(profile) - MARGIN_RATIO, thresholdOf(profile) / 2);

/** The most of `totalCells` that stays clearly under the threshold; at least one cell, in a longer prompt if need be. */
export function under(profile: RouterProfile, totalCells = 12): Shape {
  const ratio = underRatio(profile);
  const sharedCells = Math.max(1, Math.floor(totalCells * ratio));
  return { sharedCells, totalCells: Math.max(totalCells, Math.ceil(sharedCells / ratio)) };
}

/** A ratio that is clearly over the threshold. */
export const overRatio = (profile: RouterProfile): number =>
  Math.min(thresholdOf(profile) + MARGIN_RATIO, (1 + thresholdOf(profile)) / 2);

/** The least of `totalCells` that is clearly over the threshold. */
export function over(profile: RouterProfile, totalCells = 12): Shape {
  return { sharedCells: Math.min(totalCells, Math.ceil(totalCells * overRatio(profile))), totalCells };
}

/** Cell names `name1` to `name<count>`. */
export const cells = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name}${index + 1}`);

/** A prompt of `totalCells` that shares exactly its first `sharedCells` with the namespace's trunk. The nonce counts as one. */
export function branch(namespace: Namespace, { sharedCells, totalCells }: Shape, name = "leaf"): Prompt {
  return namespace.prompt([...cells("trunk", sharedCells - 1), ...cells(name, totalCells - sharedCells)]);
}

/** The threshold is a share of the request, whatever the length of what is known. */
export const ratioIsOfRequest = ({ threshold }: RouterProfile): boolean =>
  threshold === null || threshold?.ratioOf === "request";

/** What {@link branch} parts from: where the ratio may be of what is known, as long as the branch, so that it is the same of either. */
export function root(profile: RouterProfile, namespace: Namespace, shape: Shape): Prompt {
  return ratioIsOfRequest(profile) ? trunk(namespace, shape.sharedCells) : branch(namespace, shape, "root");
}

/** The first `count` cells of the namespace's trunk. */
export const trunk = (namespace: Namespace, count: number): Prompt => namespace.prompt(cells("trunk", count - 1));
