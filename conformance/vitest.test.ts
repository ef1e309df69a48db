/** The bridge in use, as the author of a router in TypeScript would write it. */
import type { RouterAdapter } from "./adapters/router-under-test.ts";
import { startRule, VARIANTS } from "./mutants/pure/variants.ts";
import { describeConformance } from "./vitest.ts";

const [variant] = VARIANTS;
if (variant === undefined) throw new Error("there is no conforming rule");

const adapter: RouterAdapter = {
  name: variant.name,
  version: "1",
  kind: "function",
  profile: variant.profile,
  start: async ({ seed, threshold }) => ({
    kind: "function",
    router: startRule(variant, seed)(threshold),
    close: async () => undefined,
  }),
};

describeConformance({ adapter, only: "THR,LPM" });
describeConformance({ adapter, name: "a router that claims nothing", profile: {}, only: "THR-01" });
