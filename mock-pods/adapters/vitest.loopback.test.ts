import { request } from "undici";
import { describe, expect, it } from "vitest";
import { useFleet } from "./vitest.ts";

describe("a fleet from useFleet", () => {
  const fleet = useFleet({ pods: "a6000:1,v100:1", speed: 50 });
  const firstUrls: string[] = [];
  const whileCollecting = attempt(() => fleet.pods);

  it("says how it is meant when asked before the tests run", () => {
    expect(whileCollecting).toMatch(/inside tests and hooks/);
  });

  it("is started", async () => {
    firstUrls.push(...fleet.pods.map(({ url }) => url));
    const pod = fleet.pod("v100-1");
    const { statusCode, body } = await request(`${pod.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: pod.model, prompt: " word".repeat(64), max_tokens: 2 }),
    });
    expect([statusCode, ((await body.json()) as { object: string }).object]).toEqual([200, "text_completion"]);
    expect(pod.holdsPrefix(" word".repeat(64))).toBe(64);
    pod.inject({ kind: "error", status: 500 });
    pod.hold();
    await fleet.pod(0).crash();
  });

  it("is as new for the next test, on the same ports", async () => {
    expect(fleet.pods.map(({ url }) => url)).toEqual(firstUrls);
    expect(fleet.journal()).toEqual([]);
    expect(fleet.pod("v100-1").holdsPrefix(" word".repeat(64))).toBe(0);
    expect((await request(`${fleet.pod(0).url}/health`)).statusCode).toBe(200);
    await fleet.add({ profile: "v100" });
    await fleet.remove(0);
  });

  it("has its pods back after a test that added and removed some", () => {
    expect(fleet.pods.map(({ name }) => name)).toEqual(["a6000-0", "v100-1"]);
  });
});

function attempt(action: () => unknown): string {
  try {
    action();
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}
