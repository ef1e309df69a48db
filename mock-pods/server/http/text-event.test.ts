import { array, assert, property, string, tuple } from "fast-check";
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

it("keeps frames apart that share a block of memory", () => {
  assert(
    property(array(tuple(anyText, anyToken, anyToken, anyText), { minLength: 2, maxLength: 60 }), (events) => {
      const stream = { isIdle: true, writeFrame: () => undefined, write: () => undefined };
      const frames = events.map(([before, , , after]) => new EventFrame(stream, before, after));
      for (const saying of [1, 2] as const) {
        for (const [place, event] of events.entries()) frames[place]?.write(event[saying]);
        const told = events.map((event) => chunk(event[0] + JSON.stringify(event[saying]) + event[3]));
        // One that was too long for its place was told elsewhere, and the frame is as before.
        const fits = events.map((event) => Buffer.byteLength(JSON.stringify(event[saying])) <= 24);
        expect(frames.map(String).filter((_, place) => fits[place])).toEqual(told.filter((_, place) => fits[place]));
      }
    }),
  );
});

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}
