/** A started router with a lab per case, however it is attached. */
import type { Case } from "../case.ts";
import type { Lab } from "../lab.ts";

export interface Session<L extends Lab = Lab> {
  readonly transport: "http" | "function";
  readonly canAdvance: boolean;
  /** Pods that can be present; undefined when as many as a case asks for. */
  readonly fixedPods: number | undefined;
  /** `of` names what the lab is for: a case, or a probe. */
  lab(of: Pick<Case, "id" | "needs">, seed: number): Promise<L>;
  /** After a case, whatever became of it: nothing of it is left for the next one. */
  end(lab: L): Promise<void>;
  /** The same router in front of fresh pods, where it can be told. */
  refreshPods(): Promise<void>;
  /** A fresh router in front of fresh pods. */
  restart(): Promise<void>;
  /** A case left the router as it must not be for another one. */
  readonly spoiled: boolean;
  /** How long the quickest request took so far, in milliseconds. */
  readonly requestMs: number;
  /** How the router's process ended unasked; undefined while it lives. */
  died(): string | undefined;
  close(): Promise<void>;
}
