import { assert, property, string } from "fast-check";
import { expect, it } from "vitest";
import { EventFrame } from "./event-frame.ts";
import { JoinedTextEvent } from "./text-event.ts";

const anyText = string({ unit: "binary", maxLength: 300 }).filter((text) => text.isWellFormed());
/** Some fit into a frame, some do not. */
const anyToken = string({ unit: "binary", maxLength: 30 }).filter((text) => text.isWellFormed());

it("says any text between the words that stay", () => {
  assert(
    property(anyText, anyToken, anyText, (before, text, after) => {
      const written: string[] = [];
      const event = new JoinedTextEvent({ write: (event) => written.push(event) }, before, after);
      event.write(text);
      event.write(text);
      const whole = before + JSON.stringify(text) + after;
      expect(written).toEqual([whole, whole]);
    }),
  );
});

it("says them in place too, as a chunk, one after the other and beside others", () => {
  assert(
    property(anyText, anyToken, anyToken, anyText, (before, one, other, after) => {
      const sent: string[] = [];
      const stream = {
        isIdle: true,
        writeFrame: (frame: EventFrame) => sent.push(frame.toString()),
        write: (event: string) => sent.push(chunk(event)),
      };
      const event = new EventFrame(stream, before, after);
      event.write(one);
      event.write(other);
      stream.isIdle = false;
      event.write(one);
      stream.isIdle = true;
      event.write(one);
      expect(sent).toEqual([one, other, one, one].map((text) => chunk(before + JSON.stringify(text) + after)));
    }),
  );
});

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}
