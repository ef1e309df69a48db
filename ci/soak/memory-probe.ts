/** Preloaded (`--expose-gc --import`) into a process whose memory is watched: answers each message with what is left after
 * a full collection. */
process.on("message", () => {
  globalThis.gc?.();
  process.send?.(process.memoryUsage());
});
process.channel?.unref();
