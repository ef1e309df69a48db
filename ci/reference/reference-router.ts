/**
 * The reference router as the kit and the replay see it, who may not import it: in-process, behind real HTTP, with time
 * that can be moved; and as plain functions.
 */
import { RealClock, type Clock } from "../../fixtures/clock.ts";
import type { FunctionRouterFactory } from "../../fixtures/routing.ts";
import { cl100k } from "../../fixtures/tokenizer/cl100k.ts";
import { checkAdapterFile } from "../../conformance/adapters/adapter-file.ts";
import type { RouterAdapter } from "../../conformance/adapters/router-under-test.ts";
import shipped from "../../conformance/adapters/shipped/routeproof.json" with { type: "json" };
import claims from "../../conformance/adapters/shipped/routeproof.profile.json" with { type: "json" };
import { checkRouterProfile, type RouterProfile } from "../../conformance/router-profile.ts";
import { createFunctionRouter, startRouter, type FunctionRouterOptions } from "../../router/index.ts";
import packageJson from "../../package.json" with { type: "json" };

/** What the router claims in its default mode: the profile that ships with its adapter file. */
export const REFERENCE_PROFILE: RouterProfile = checkRouterProfile(claims, "routeproof.profile.json");

/** In this process its admin verbs share the loopback port of its clients. */
const HTTP_PROFILE: RouterProfile = { ...REFERENCE_PROFILE, admin: "trusted-network" };

const adapterFile = checkAdapterFile(shipped, "routeproof.json");

type Which = Pick<FunctionRouterOptions, "strategy" | "mode" | "threshold">;

/** A decision without a shell, for simulations. */
export function referenceFunctionRouter(which: Which = {}): FunctionRouterFactory {
  return ({ seed }) => createFunctionRouter({ ...which, seed, tokenizer: cl100k });
}

/** The router in this process on loopback ports. It lives by the kit's clock, sockets and probes by the machine's. */
export function referenceRouter(which: Which = {}): RouterAdapter {
  return {
    name: ["routeproof", which.strategy, which.mode].filter((word) => word !== undefined).join(" "),
    version: packageJson.version,
    kind: "function",
    profile: HTTP_PROFILE,
    takesThreshold: true,
    ...(adapterFile.requests === undefined ? {} : { requests: adapterFile.requests }),
    ...(adapterFile.podSeenBy === undefined ? {} : { podSeenBy: adapterFile.podSeenBy }),
    ...(adapterFile.observe === undefined ? {} : { observe: adapterFile.observe }),
    async start({ pods, seed, clock, threshold }) {
      const router = createFunctionRouter({
        ...which,
        seed,
        tokenizer: cl100k,
        ...(threshold === undefined ? {} : { threshold }),
      });
      let logged = "";
      const running = await startRouter({
        router,
        pods,
        clock,
        log: (level, event, fields) => {
          if (level !== "debug") logged += `${JSON.stringify({ level, event, ...fields })}\n`;
        },
      });
      return {
        kind: "http",
        url: running.url,
        logs: () => logged,
        setPods: (next) => running.setPods(next),
        ...(canAdvance(clock) ? { advance: async (byMs: number) => clock.advance(byMs) } : {}),
        close: () => running.close(),
      };
    },
  };
}

function canAdvance(clock: Clock): clock is RealClock {
  return clock instanceof RealClock;
}
