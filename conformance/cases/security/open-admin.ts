/** SEC-07: who may send prompts may not thereby say where everyone's prompts go. */
import type { Case } from "../../case.ts";
import { no } from "../claims.ts";
import { exchange, httpOf, noted } from "../trials/exchange.ts";
import { httpCase } from "../trials/http-case.ts";

/** How routers are told of a worker: SMG and sglang-router, their ancestor and vLLM router, the reference router. */
const VERBS: readonly { readonly path: (url: string) => string; readonly named: boolean }[] = [
  { path: () => "/workers", named: true },
  { path: (url) => `/add_worker?url=${encodeURIComponent(url)}`, named: false },
  { path: () => "/admin/pods", named: true },
];

const HITS = "requests-at-the-stranger";
const SEEN_WITHIN_MS = 2_000;
const CLIENTS_AFTERWARDS = 12;

export const openAdminCases: readonly Case[] = [
  httpCase({
    id: "SEC-07",
    level: "INFO",
    requirement: "R-SEC-7",
    title: "The port for clients MAY take commands without credentials only where a trusted network is declared.",
    needs: { freshRouter: true },
    unsupported: ({ admin }) =>
      admin === "trusted-network"
        ? no("the profile declares that only trusted clients reach the router (admin)")
        : undefined,
    traffic: async (lab) => {
      const http = httpOf(lab);
      const stranger = await http.openStranger();
      try {
        const url = `http://${stranger.address}`;
        let taken = false;
        for (const { path, named } of VERBS) {
          const { status } = await exchange(lab, {
            label: path(url),
            path: path(url),
            body: named ? JSON.stringify({ url }) : "{}",
          });
          taken ||= status >= 200 && status < 300;
        }
        if (taken) {
          http.spoil();
          await stranger.hit(SEEN_WITHIN_MS);
        }
        for (let client = 0; client < CLIENTS_AFTERWARDS; client++) await exchange(lab, { label: "a client" });
      } finally {
        stranger.close();
      }
      lab.note(HITS, stranger.hits());
    },
    missing: (exchanges) => (exchanges.some(({ status }) => status === 0) ? "the router did not answer" : undefined),
    finding: (exchanges, _profile, observation) => {
      const hits = Number(noted(observation, HITS) ?? 0);
      if (hits === 0) return undefined;
      const taken = exchanges.filter(({ label, status }) => label.startsWith("/") && status >= 200 && status < 300);
      return {
        reason: "open-admin",
        detail: `a client without credentials made the router call an address of its choice (${hits} requests there)`,
        observed: taken.map(({ label }) => label),
      };
    },
  }),
];
