/** One plain request of the proxy's own. */
import { request } from "node:http";

/** Undefined for anything but a 200 within the time; without one it waits for ever. */
export function getText(url: URL, body?: string, withinMs?: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" } };
    const sent = request(url, { ...options, agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      answer.once("end", () => resolve(answer.statusCode === 200 ? text : undefined));
      answer.once("error", () => resolve(undefined));
    });
    sent.once("error", () => resolve(undefined));
    // However it ended: whoever waits must not wait for ever.
    sent.once("close", () => resolve(undefined));
    if (withinMs !== undefined) sent.setTimeout(withinMs, () => sent.destroy());
    sent.end(body);
  });
}
