import { assert, property, string } from "fast-check";
import { expect, it } from "vitest";
import { TextEvent } from "./text-event.ts";

const anyText = string({ unit: "binary", maxLength: 300 }).filter((text) => text.isWellFormed());

it("says any text between the words that stay, and how many bytes that makes", () => {
  assert(
    property(anyText, anyText, anyText, (before, text, after) => {
      const written: unknown[] = [];
      const stream = { write: (...sent: unknown[]) => written.push(sent), writeBytes: () => {}, end: () => {} };
      const event = new TextEvent(stream, before, after);
      event.write(text);
      event.write(text);
      const whole = before + JSON.stringify(text) + after;
      const sent = [whole, Buffer.byteLength(whole)];
      expect(written).toEqual([sent, sent]);
    }),
  );
});
