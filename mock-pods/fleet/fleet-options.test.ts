import { expect, it } from "vitest";
import type { FleetOptions } from "../pod/pod.ts";
import { startFleet } from "./fleet.ts";

it.each([
  [undefined, /^pods undefined; give "a6000:4,v100:2"/],
  [{ pods: 3 }, /^pods 3; give/],
  [{ pods: "a6000", basePort: 70_000 }, /^basePort 70000; give a port, or 0/],
  [{ pods: "a6000", speed: 0 }, /^speed 0; give a number above 0/],
  [{ pods: "a6000", baseport: 8000 }, /^a fleet has no option "baseport"; there are pods, basePort,/],
  [{ pods: "a6000", flags: { max_num_seqs: 3 } }, /^vLLM has no flag "max_num_seqs"; write it as "max-num-seqs"/],
  [{ pods: "a6000", flags: { model: "m" } }, /^the model is no flag but an option of its own/],
  [{ pods: "a6000", flags: { "max-sequences": 3 } }, /^vLLM has no flag "max-sequences"; they are written as/],
])("refuses %j before anything starts", async (options, message) => {
  await expect(startFleet(options as unknown as FleetOptions)).rejects.toThrow(message);
});
