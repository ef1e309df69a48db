/** What the pod's own journal says of the same run. */
import type { JournalEntry } from "../../mock-pods/index.ts";
import type { Figures } from "./load-client.ts";

/** As `/__pod/journal` gives it. */
export type JournalRow = Omit<JournalEntry, "body">;

/** @throws Error when a request for generation did not end well, or was not streamed token by token */
export function podFigures(journal: readonly JournalRow[]): Required<Figures> {
  const rows = journal.filter(({ method, path }) => method === "POST" && path.endsWith("/completions"));
  const requests = rows.map(measured);
  const sum = (value: (request: Measured) => number) => requests.reduce((total, request) => total + value(request), 0);
  return {
    requests: requests.length,
    promptTokens: sum(({ promptTokens }) => promptTokens),
    outputTokens: sum(({ outputTokens }) => outputTokens),
    cachedTokens: sum(({ cachedTokens }) => cachedTokens),
    ttftMs: sum(({ ttftMs }) => ttftMs) / requests.length,
    perTokenMs: sum(({ perTokenMs }) => perTokenMs) / requests.length,
  };
}

type Measured = ReturnType<typeof measured>;

function measured({ requestId, arrivedMs, firstTokenMs, ended, promptTokens, cachedTokens, outputTokens }: JournalRow) {
  if (
    ended?.how !== "finished" ||
    firstTokenMs === undefined ||
    promptTokens === undefined ||
    cachedTokens === undefined ||
    outputTokens === undefined ||
    outputTokens < 2
  ) {
    throw new Error(`request ${requestId} has no times to compare: it ${ended?.how ?? "is still open"}`);
  }
  const perTokenMs = (ended.atMs - firstTokenMs) / (outputTokens - 1);
  return { promptTokens, cachedTokens, outputTokens, ttftMs: firstTokenMs - arrivedMs, perTokenMs };
}
