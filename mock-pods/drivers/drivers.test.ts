import { describe, expect, it } from "vitest";
import { loadProfile } from "../../fixtures/profiles/latency-profile.ts";
import { Random, type RandomStream } from "../../fixtures/random.ts";
import type { Driver } from "./driver.ts";
import { createEngine, ENGINE_DEFAULTS } from "../engine/create-engine.ts";
import type { Engine, GenerationRequest, StepOutput } from "../engine/engine.ts";
import { RealTimeDriver } from "./real-time-driver.ts";
import { VirtualDriver } from "./virtual-driver.ts";

const SMALL = { ...ENGINE_DEFAULTS, numGpuBlocks: 60, maxModelLen: 600, maxNumBatchedTokens: 128, kvEvents: true };

function engine(profile = "a6000"): Engine {
  return createEngine(SMALL, loadProfile(profile));
}

function request(id: string, promptTokens: number, maxTokens: number, first = 0): GenerationRequest {
  const promptTokenIds = Array.from({ length: promptTokens }, (_, index) => first + index);
  return { id, promptTokenIds, maxTokens, sample: (index) => 1000 + index };
}

function json(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? `${item}n` : item));
}

describe("a driven engine", () => {
  it("steps from the arrival on, without a gap, until all is done", () => {
    const driver = new VirtualDriver();
    const steps: StepOutput[] = [];
    const pod = driver.drive(engine(), (output) => steps.push(output));
    driver.at(100, () => pod.submit(request("a", 20, 3)));
    driver.run();
    const producing = steps.filter(({ tokens }) => tokens.length > 0);
    expect(producing.map(({ startMs }) => startMs)).toEqual([100, 124.8, 149.6]);
    expect(producing.map(({ endMs }) => endMs)).toEqual([124.8, 149.6, 174.4].map((ms) => expect.closeTo(ms, 9)));
    expect(producing.at(-1)?.tokens).toEqual([{ requestId: "a", index: 2, tokenId: 1002, finishReason: "length" }]);
  });

  it("puts requests of one instant into one step, and those of a running step into the next", () => {
    const driver = new VirtualDriver();
    const steps: StepOutput[] = [];
    const pod = driver.drive(engine(), (output) => steps.push(output));
    driver.at(0, () => pod.submit(request("a", 5, 2)));
    driver.at(0, () => pod.submit(request("b", 5, 2)));
    driver.at(1, () => pod.submit(request("c", 5, 2)));
    driver.run();
    expect(steps[0]?.scheduled.map(([id]) => id)).toEqual(["a", "b"]);
    expect(steps[1]?.scheduled.map(([id]) => id)).toEqual(["a", "b", "c"]);
  });

  it("frees the blocks of an aborted request in the same instant, and drops what its step computed", () => {
    const driver = new VirtualDriver();
    const tokens: string[] = [];
    const pod = driver.drive(engine(), (output) => tokens.push(...output.tokens.map(({ requestId }) => requestId)));
    driver.at(0, () => pod.submit(request("a", 40, 50)));
    driver.at(1, () => {
      expect(pod.engine.stats().freeBlocks).toBe(56);
      pod.abort(["a", "unknown"]);
      expect(pod.engine.stats()).toMatchObject({ freeBlocks: 59, running: 0, waiting: 0 });
    });
    driver.run();
    expect(tokens).toEqual([]);
  });

  it("held, it queues; it steps once when told, and goes on when released", () => {
    const driver = new VirtualDriver();
    let steps = 0;
    const pod = driver.drive(engine(), () => steps++);
    pod.hold();
    pod.submit(request("a", 5, 3));
    driver.run();
    expect([steps, pod.engine.stats().waiting]).toEqual([0, 1]);
    pod.stepOnce();
    driver.run();
    expect([steps, pod.engine.stats().running]).toEqual([1, 1]);
    pod.release();
    driver.run();
    expect(pod.engine.stats().running).toBe(0);
  });

  it("does at the end of a step what it was asked in the middle: no token is lost, and the next begins after it", () => {
    const driver = new VirtualDriver();
    const log: unknown[] = [];
    const pod = driver.drive(engine(), ({ startMs, tokens, admitted }) =>
      log.push({ startMs, tokens: tokens.length, cached: admitted.map(({ cachedTokens }) => cachedTokens) }),
    );
    driver.at(0, () => pod.submit(request("a", 20, 2)));
    driver.at(1, () => pod.betweenSteps((own) => log.push(own.resetPrefixCache(true))));
    driver.at(2, () => expect(pod.engine.inspect().running).toEqual(["a"]));
    driver.run();
    expect(log.slice(0, 3)).toMatchObject([
      { startMs: 0, tokens: 1, cached: [0] },
      true,
      { startMs: 24.8, tokens: 1, cached: [0] },
    ]);
  });

  it("detached, it never steps again", () => {
    const driver = new VirtualDriver();
    let steps = 0;
    const pod = driver.drive(engine(), () => steps++);
    pod.submit(request("a", 5, 3));
    pod.detach();
    pod.submit(request("b", 5, 3));
    driver.run();
    expect(steps).toBe(0);
  });
});

describe("one engine, two clocks", () => {
  /** Two small pods under pressure: shared prefixes, preemptions, evictions, aborts, a reset. */
  function plan(driver: Driver, random: RandomStream): Promise<unknown[]> {
    const log: unknown[] = [];
    const pods = ["a6000", "v100"].map((profile, pod) =>
      driver.drive(engine(profile), (output) => log.push([pod, output])),
    );
    let dueMs = 0;
    for (let index = 0; index < 60; index++) {
      dueMs += random.below(120);
      const pod = pods[random.below(2)];
      const id = String(index);
      const arrival = request(id, 20 + random.below(200), 1 + random.below(80), 5000 * random.below(4));
      driver.at(dueMs, () => pod?.submit(arrival));
      if (random.below(5) === 0) driver.at(dueMs + random.below(2000), () => pod?.abort([id]));
      if (index === 30) {
        driver.at(dueMs, () => pod?.betweenSteps((own) => log.push(["reset", own.resetPrefixCache(true)])));
      }
    }
    return new Promise((resolve) => driver.at(60_000, () => resolve(log)));
  }

  it("gives the same tokens, blocks, evictions and simulated times under both", async () => {
    const virtual = new VirtualDriver();
    const expected = plan(virtual, new Random(7).stream("trace"));
    virtual.run();
    const real = new RealTimeDriver(400);
    const keepAlive = setInterval(() => {}, 1000);
    const actual = await plan(real, new Random(7).stream("trace"));
    clearInterval(keepAlive);
    real.close();
    expect(actual.length).toBeGreaterThan(300);
    const text = json(actual);
    expect(text).toBe(json(await expected));
    expect(text).toContain('"kind":"removed"');
    expect(text).toMatch(/"preempted":\["/);
    expect(text).toContain('["reset",true]');
  });

  it("counts how late each action was", async () => {
    const real = new RealTimeDriver(1000);
    const keepAlive = setInterval(() => {}, 1000);
    await new Promise<void>((resolve) => real.at(2000, resolve));
    clearInterval(keepAlive);
    real.close();
    expect(real.lateness.count).toBe(1);
  });

  it("keeps the event loop turning while something is due, and only then", () => {
    const immediates = (): number =>
      process.getActiveResourcesInfo().filter((resource) => resource === "Immediate").length;
    const before = immediates();
    const real = new RealTimeDriver(1000);
    real.at(60_000, () => undefined);
    expect(immediates()).toBe(before);
    real.at(0, () => undefined);
    expect(immediates()).toBe(before + 1);
    real.close();
    expect(immediates()).toBe(before);
  });
});
