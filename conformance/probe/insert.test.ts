import { expect, it } from "vitest";
import type { Driver } from "./driver.ts";
import { measureInsert } from "./insert.ts";

/** A router on two pods that keeps away from what is open and knows a prompt from the moment named. */
function driverOf(learns: "when sent" | "when its answer begins" | "when it has ended"): Driver {
  const owners = new Map<string, string>();
  const open = new Set<string>();
  const serve = (text: string): string => owners.get(text) ?? (open.has("a") ? "b" : "a");
  let texts = 0;
  return {
    coldText: () => `text ${texts++}`,
    send: async (text: string) => serve(text),
    hold: async (text: string, { silent }: { readonly silent?: true } = {}) => {
      const pod = serve(text);
      open.add(pod);
      if (learns === "when sent" || (learns === "when its answer begins" && silent !== true)) owners.set(text, pod);
      return { step: { pod, held: true }, release: async () => void open.delete(pod) };
    },
  } as unknown as Driver;
}

it("tells learning at dispatch from learning by a response, be it by its beginning or its end", async () => {
  expect(await measureInsert(driverOf("when sent"))).toBe("dispatch");
  expect(await measureInsert(driverOf("when its answer begins"))).toBe("response");
  expect(await measureInsert(driverOf("when it has ended"))).toBe("response");
});
