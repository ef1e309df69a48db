/** A pod's scripted reply, written to the wire exactly as the case says. */
import type { ServerResponse } from "node:http";
import type { PodScript } from "./scripted-pods.ts";

/** `opened` resolves when the gate with that name is released; `sent` is told of every piece that has left the process. */
export async function playScript(
  reply: PodScript["reply"],
  response: ServerResponse,
  opened: (gate: string) => Promise<void>,
  sent: (bytes: number) => void,
): Promise<void> {
  if (reply.kind === "hang") return;
  if (reply.kind === "reset") {
    response.socket?.resetAndDestroy();
    return;
  }
  if (reply.begins !== undefined) await opened(reply.begins);
  if (response.destroyed) return;
  response.writeHead(
    reply.status,
    // Pairs keep duplicates such as two set-cookie lines.
    (reply.headers ?? [["content-type", "application/json"]]).flatMap(([name, value]) => [name, value]),
  );
  response.flushHeaders();
  for (const piece of reply.body) {
    if (response.destroyed) return;
    if (typeof piece === "object" && "wait" in piece) await opened(piece.wait);
    else {
      await new Promise<void>((resolve) => response.write(piece, () => resolve()));
      if (!response.destroyed) sent(Buffer.byteLength(piece));
    }
  }
  if (reply.end === "reset") response.socket?.resetAndDestroy();
  else response.end();
}
