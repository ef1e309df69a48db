import { describe, expect, it } from "vitest";
import { differences } from "./differences.ts";
import { podFigures, type JournalRow } from "./pod-figures.ts";

const pod = { requests: 2, promptTokens: 512, outputTokens: 64, cachedTokens: 240, ttftMs: 100, perTokenMs: 25 };

describe("a client and its pod", () => {
  it("agree when every count is the same and times are within 10% and 5 ms", () => {
    expect(differences({ ...pod, ttftMs: 115, perTokenMs: 17.5 }, pod)).toEqual([]);
  });

  it("agree when the client says nothing of the cache", () => {
    const { cachedTokens: _, ...silent } = pod;
    expect(differences(silent, pod)).toEqual([]);
  });

  it("differ by one token", () => {
    expect(differences({ ...pod, outputTokens: 63 }, pod)).toEqual(["outputTokens: client 63, pod 64"]);
    expect(differences({ ...pod, cachedTokens: 0 }, pod)).toEqual(["cachedTokens: client 0, pod 240"]);
  });

  it("differ by more than the tolerance, above or below, and where there is no number", () => {
    expect(differences({ ...pod, ttftMs: 115.1, perTokenMs: 17.4 }, pod)).toHaveLength(2);
    expect(differences({ ...pod, ttftMs: NaN }, pod)).toEqual(["ttftMs: client NaN, pod 100"]);
  });
});

describe("a pod's journal", () => {
  const row: JournalRow = {
    pod: "a6000-0",
    requestId: "r1",
    method: "POST",
    path: "/v1/completions",
    headers: [],
    arrivedMs: 1000,
    firstTokenMs: 1060,
    promptTokens: 256,
    cachedTokens: 64,
    outputTokens: 11,
    ended: { how: "finished", atMs: 1310 },
  };

  it("gives sums of tokens and means of times, of requests for generation alone", () => {
    const slow = { ...row, path: "/v1/chat/completions", firstTokenMs: 1100, ended: { ...row.ended, atMs: 1400 } };
    const probe: JournalRow = { ...row, method: "GET", path: "/health" };
    expect(podFigures([row, slow as JournalRow, probe])).toEqual({
      requests: 2,
      promptTokens: 512,
      outputTokens: 22,
      cachedTokens: 128,
      ttftMs: 80,
      perTokenMs: 27.5,
    });
  });

  it("is refused when a request has not ended well", () => {
    const left: JournalRow = { ...row, ended: { how: "disconnected", atMs: 1310 } };
    expect(() => podFigures([left])).toThrow("r1 has no times to compare: it disconnected");
  });
});
