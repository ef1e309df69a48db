import { describe, expect, it } from "vitest";
import { Random } from "../../fixtures/random.ts";
import { growthOf, type MemorySample } from "./growth.ts";

const RUN_MS = 600_000;
const MB = 2 ** 20;

/** 60 samples of about 100 MB with 5 MB of noise, on top of what `bytes` gives. */
function samples(bytes: (atMs: number) => number): MemorySample[] {
  const noise = new Random(1).stream("noise");
  return Array.from({ length: 60 }, (_, index) => {
    const atMs = (index + 1) * 10_000;
    return { atMs, bytes: 100 * MB + 5 * MB * (noise.next() - 0.5) + bytes(atMs) };
  });
}

describe("memory", () => {
  it("is flat when it only quivers", () => {
    expect(
      growthOf(
        samples(() => 0),
        RUN_MS,
      ),
    ).toMatchObject({ flat: true });
  });

  it("is flat when it filled a cache in the first half", () => {
    expect(
      growthOf(
        samples((atMs) => Math.min(atMs, RUN_MS / 2) * 300),
        RUN_MS,
      ),
    ).toMatchObject({ flat: true });
  });

  it("is flat when a few samples stick out", () => {
    expect(
      growthOf(
        samples((atMs) => (atMs % 90_000 === 0 ? 80 * MB : 0)),
        RUN_MS,
      ),
    ).toMatchObject({ flat: true });
  });

  it("is flat when it shrinks", () => {
    expect(
      growthOf(
        samples((atMs) => -atMs * 50),
        RUN_MS,
      ),
    ).toMatchObject({ flat: true });
  });

  it("is not flat when every request leaves something behind, and says how much", () => {
    const { flat, bytesPerMinute } = growthOf(
      samples((atMs) => (atMs * MB) / 60_000),
      RUN_MS,
    );
    expect(flat).toBe(false);
    expect(bytesPerMinute / MB).toBeGreaterThan(0.7);
    expect(bytesPerMinute / MB).toBeLessThan(1.3);
  });
});
