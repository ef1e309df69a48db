/** Every case of the suite, in the order in which they run. */
import type { Case } from "../case.ts";
import { thresholdCases } from "./threshold.ts";

export const CASES: readonly Case[] = [...thresholdCases];
