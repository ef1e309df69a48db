/** The bridge in use, as a router's author would write it. */
import { testFunctionRouter } from "./runner/test-doubles.ts";
import { describeConformance } from "./vitest.ts";

describeConformance("a router that claims nothing", {
  adapter: testFunctionRouter(),
  only: "THR,EVI",
});
