/**
 * `npm run soak -- [--minutes N] [--users N] [--seed N]`: pods with faults on a seeded timeline, the reference router in
 * front, mixed traffic. Prints memory after forced collections, its slope, and a verdict by the rule of `soak/growth.ts` on
 * what is alive (V8's heap and the buffers outside it); exit code 1 when that grows, a user was left without an answer, or something is still open at the end.
 */
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { request } from "undici";
import { Random } from "../../fixtures/random.ts";
import { faultTimeline } from "./fault-timeline.ts";
import { growthOf, type MemorySample } from "./growth.ts";
import { fillRouter, runTraffic, type Outcomes } from "./traffic.ts";
import { startCommand, type PodsReady, type RouterReady, type StartedCommand } from "../started-command.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    users: { type: "string", default: "40" },
    seed: { type: "string", default: "1" },
  },
});
const runMs = Number(values.minutes) * 60_000;
if (!(runMs > 0 && Number(values.users) >= 1 && Number.isInteger(Number(values.seed)))) {
  process.stderr.write("soak: --minutes above 0, --users from 1, --seed a whole number\n");
  process.exit(4);
}
const random = new Random(Number(values.seed));
const SAMPLES = 60;
const PROBED = ["--expose-gc", "--import", join(import.meta.dirname, "memory-probe.ts")];
/** A silent pod is given up well within a user's patience. */
const ROUTER_LIMITS = ["--first-byte-ms", "5000", "--idle-ms", "5000", "--probe-ms", "1000", "--log-level", "error"];

const pods = await startCommand<PodsReady>(["pods", "--pods", "a6000:3,v100:1", "--seed", values.seed], PROBED);
const router = await startCommand<RouterReady>(
  ["router", "--port", "0", "--backends", pods.ready.urls.join(), ...ROUTER_LIMITS],
  PROBED,
);
const watched = { pods, router };
const outcomes: Outcomes = { finished: 0, refused: 0, broken: 0, left: 0, stuck: 0 };
const samples = { pods: [] as Sample[], router: [] as Sample[] };
let failures: string[] = [];
try {
  const target = { url: router.ready.url, model: pods.ready.model, random };
  await fillRouter(target);
  for (const { name, url } of pods.ready.pods) {
    for (const fault of faultTimeline(random, name, runMs)) await control("POST", `${url}/__pod/faults`, fault);
  }
  const traffic = runTraffic({ ...target, users: Number(values.users), durationMs: runMs }, outcomes);
  await Promise.all([traffic, sampleMemory()]);
  failures = [...judgeMemory(), ...(await judgeEnd())];
} finally {
  await Promise.all([router.stop(), pods.stop()]);
}
process.stdout.write(failures.length === 0 ? "verdict: flat\n" : `verdict: ${failures.join("; ")}\n`);
process.exitCode = failures.length === 0 ? 0 : 1;

interface Sample {
  readonly atMs: number;
  readonly heap: number;
  readonly resident: number;
}

async function sampleMemory(): Promise<void> {
  const startMs = performance.now();
  for (let sample = 1; sample <= SAMPLES; sample++) {
    await sleep(Math.max(0, startMs + (sample * runMs) / SAMPLES - performance.now()));
    // As a test would between its cases; a journal left alone keeps 20,000 requests a pod, which takes longer than a soak.
    await Promise.all(pods.ready.urls.map(forgetJournal));
    for (const name of ["pods", "router"] as const) {
      const { heapUsed, external, rss } = await memoryOf(watched[name]);
      samples[name].push({ atMs: performance.now() - startMs, heap: heapUsed + external, resident: rss });
    }
    if (process.stderr.isTTY) process.stderr.write(`\r${sample} / ${SAMPLES} ${JSON.stringify(outcomes)}  `);
  }
  if (process.stderr.isTTY) process.stderr.write("\n");
}

async function memoryOf({ process: child }: StartedCommand<unknown>): Promise<NodeJS.MemoryUsage> {
  const answer = once(child, "message");
  child.send("collect");
  const [usage] = (await answer) as [NodeJS.MemoryUsage];
  return usage;
}

/** A pod whose port a fault has closed is left as it is. */
async function forgetJournal(url: string): Promise<void> {
  await control("DELETE", `${url}/__pod/journal`).catch(() => undefined);
}

function judgeMemory(): string[] {
  const rows = (["pods", "router"] as const).flatMap((name) =>
    (["heap", "resident"] as const).map((what) => {
      const series = samples[name].map((sample): MemorySample => ({ atMs: sample.atMs, bytes: sample[what] }));
      const byTenth = series.filter((_, index) => (index + 1) % (SAMPLES / 10) === 0);
      return {
        name: `${name}, ${what}`,
        ...growthOf(series, runMs),
        byTenth: byTenth.map(({ bytes }) => (bytes / 1e6).toFixed(0)).join(" "),
      };
    }),
  );
  console.table(
    Object.fromEntries(
      rows.map(({ name, typicalBytes, bytesPerMinute, overRunRatio, flat, byTenth }) => [
        name,
        {
          "typical MB": (typicalBytes / 1e6).toFixed(1),
          "kB a minute": (bytesPerMinute / 1e3).toFixed(0),
          "over the run": `${(100 * overRunRatio).toFixed(1)} %`,
          flat,
          "MB at each tenth": byTenth,
        },
      ]),
    ),
  );
  // What the process holds of the system moves in steps of the allocator's; it is shown, what is alive is judged.
  return rows.filter(({ name, flat }) => name.endsWith("heap") && !flat).map(({ name }) => `${name} grows`);
}

/** Once the users have gone home, nothing may be under way anywhere. */
async function judgeEnd(): Promise<string[]> {
  process.stdout.write(`requests: ${JSON.stringify(outcomes)}\n`);
  const failures = outcomes.stuck > 0 ? [`${outcomes.stuck} users got no answer`] : [];
  // What a pod was told to hold back may outlast its asker by the router's limit.
  await sleep(6_000);
  const { pods: seen } = (await control("GET", `${router.ready.adminUrl}/admin/pods`)) as {
    pods: readonly { readonly name: string; readonly inFlight: number }[];
  };
  for (const { name, inFlight } of seen) if (inFlight > 0) failures.push(`${inFlight} in flight on ${name}`);
  for (const { name, url } of pods.ready.pods) {
    const { running, waiting } = (await control("GET", `${url}/__pod/stats`)) as { running: number; waiting: number };
    if (running + waiting > 0) failures.push(`${running} running and ${waiting} waiting in ${name}`);
  }
  return failures;
}

async function control(method: "GET" | "POST" | "DELETE", url: string, body?: unknown): Promise<unknown> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const answer = await request(url, { method, headers: { "content-type": "application/json" }, ...sent });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) throw new Error(`${method} ${url}: ${answer.statusCode} ${text}`);
  return JSON.parse(text);
}
