/** Structured logs: one JSON object a line. Prompt text never appears below level `debug`. */

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** `event` says what happened in one or two words; the fields are plain JSON. */
export type Log = (level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>) => void;

/** Lines below `level()` are dropped. Lines of one turn of the event loop are written together. */
export function jsonLines(write: (text: string) => void, level: () => LogLevel): Log {
  let pending = "";
  const flush = (): void => {
    const text = pending;
    pending = "";
    write(text);
  };
  return (lineLevel, event, fields) => {
    if (LOG_LEVELS.indexOf(lineLevel) < LOG_LEVELS.indexOf(level())) return;
    if (pending === "") setImmediate(flush);
    pending += `${JSON.stringify({ time: new Date().toISOString(), level: lineLevel, event, ...fields })}\n`;
  };
}
