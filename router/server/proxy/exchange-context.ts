/** What every exchange of a router shares. */
import type { Clock } from "../../../fixtures/clock.ts";
import type { FunctionRouter } from "../../../fixtures/routing.ts";
import type { DecisionLog } from "../reporting/decision-log.ts";
import type { Log } from "../reporting/log.ts";
import type { PodLink } from "../pods/pod-link.ts";
import type { PodRegistry } from "../pods/pod-registry.ts";
import type { RetryBudget } from "./retry-budget.ts";
import type { RouterMetrics } from "../reporting/router-metrics.ts";
import type { LiveSettings } from "../settings.ts";

export interface ExchangeContext {
  readonly router: FunctionRouter;
  readonly clock: Clock;
  readonly registry: PodRegistry;
  readonly decisions: DecisionLog;
  readonly retryBudget: RetryBudget;
  readonly metrics: RouterMetrics;
  readonly log: Log;
  /** May change between two requests. */
  readonly settings: LiveSettings;
  /** A connection to the pod failed: find out how it is. */
  readonly onPodTrouble: (pod: PodLink, error: Error) => void;
}
