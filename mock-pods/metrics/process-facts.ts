/** Of this process, which all pods share; a browser tells nothing. */
export function processFacts(): { readonly residentBytes: number; readonly cpuSeconds: number } {
  if (typeof process === "undefined") return { residentBytes: 0, cpuSeconds: 0 };
  const { user, system } = process.cpuUsage();
  return { residentBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 };
}
