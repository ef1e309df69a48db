import type { DecodeRun, StepOutput } from "./engine.ts";

/** The steps of a run, as `endStep` would have given them. */
export function* stepsOf(run: DecodeRun): Generator<StepOutput> {
  const { requests, firstIndexes, stepEndsMs, kvEvents } = run;
  const scheduled = requests.map(({ id }) => [id, 1] as const);
  for (const [step, endMs] of stepEndsMs.entries()) {
    yield {
      startMs: stepEndsMs[step - 1] ?? run.startMs,
      endMs,
      scheduled,
      admitted: [],
      preempted: [],
      tokens: requests.map(({ id, sample }, position) => {
        const index = (firstIndexes[position] as number) + step;
        return { requestId: id, index, tokenId: sample(index) };
      }),
      kvEvents: kvEvents[step] ?? [],
    };
  }
}
