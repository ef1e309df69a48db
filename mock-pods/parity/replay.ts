/** Replays recorded exchanges against a pod, in their order and with the overlaps that were recorded. */
import { startFleet } from "../fleet/fleet.ts";
import type { FleetOptions } from "../pod/pod.ts";
import { type ParityResult, PlayedPod } from "./played-pod.ts";
import { actOf, isIn } from "./recorded-acts.ts";
import { RecordedModel } from "./recorded-model.ts";
import type { RecordedExchange } from "./recorded-exchange.ts";
import { RECORDED_SERVERS } from "./recorded-servers.ts";

/** Every server of the recording in turn; one fresh pod each, and one more for what ends a pod. */
export async function replayAll(exchanges: readonly RecordedExchange[]): Promise<ParityResult[]> {
  const results: ParityResult[] = [];
  // Only what overlaps needs streams that last.
  const overlaps = exchanges.some(({ id }) => actOf(id) !== undefined);
  for (const [server, flags] of Object.entries(RECORDED_SERVERS)) {
    const options = overlaps ? flags : { ...flags, speed: 200 };
    const own = exchanges.filter((exchange) => exchange.server === server);
    const ending = own.filter(({ group }) => group.startsWith("shutdown-now"));
    results.push(
      ...(await onFreshPod(
        options,
        own.filter((exchange) => !ending.includes(exchange)),
        own,
      )),
    );
    if (ending.length > 0) results.push(...(await onFreshPod(options, ending, own)));
  }
  return results;
}

/** What an older version was recorded answering with server A's flags, as far as it knew them. */
export async function replayVersion(
  exchanges: readonly RecordedExchange[],
  version: "0.28" | "0.10",
): Promise<ParityResult[]> {
  const { "kv-events-config": _, ...flags } = RECORDED_SERVERS.A.flags ?? {};
  return onFreshPod(
    { ...RECORDED_SERVERS.A, speed: 200, flags: { ...flags, "vllm-version": version } },
    exchanges,
    exchanges,
  );
}

async function onFreshPod(
  options: FleetOptions,
  exchanges: readonly RecordedExchange[],
  all: readonly RecordedExchange[],
): Promise<ParityResult[]> {
  const model = new RecordedModel(all);
  const fleet = await startFleet({ ...options, answers: model.answers });
  try {
    return await play(new PlayedPod(fleet.pod(0)), exchanges, model);
  } finally {
    await fleet.close();
  }
}

async function play(
  pod: PlayedPod,
  exchanges: readonly RecordedExchange[],
  model: RecordedModel,
): Promise<ParityResult[]> {
  const done = new Set<RecordedExchange>();
  for (const exchange of exchanges) {
    if (done.has(exchange)) continue;
    const act = actOf(exchange.id);
    model.expect(act === undefined ? exchange : undefined);
    if (act === undefined) {
      await pod.one(exchange);
      continue;
    }
    const together = exchanges.filter(({ id }) => isIn(act, id));
    for (const played of together) done.add(played);
    await act.play(pod, together);
  }
  return pod.results;
}
