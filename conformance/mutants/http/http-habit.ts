/** What real gateways do and may do, and a careless kit would take for a mistake: one switch each for the right proxy. */
export const HTTP_HABITS = {
  "asks-for-tokens":
    "every pod is asked for the prompt's tokens, with the headers of the client, before one gets the request",
  "tells-broken-streams": "a stream that its pod broke off ends with an error event before its [DONE]",
} as const;

export type HttpHabit = keyof typeof HTTP_HABITS;
