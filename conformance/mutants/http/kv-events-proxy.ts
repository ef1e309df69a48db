/** A proxy that goes by what pods report of their caches, and has a pod count the tokens. */
import type { PodAddress } from "../../adapters/router-under-test.ts";
import type { Call } from "./call.ts";
import { EventRouter } from "./event-router.ts";
import { getText } from "./get-text.ts";
import { ReportedBlocks } from "./reported-blocks.ts";
import { type ProxyParts, RightProxy } from "./right-proxy.ts";

const TOKENIZER_MS = 300;

export class GoesByKvEvents extends RightProxy {
  readonly #router: EventRouter;
  readonly #blocks: ReportedBlocks;

  constructor(parts: ProxyParts, blocks: ReportedBlocks = new ReportedBlocks()) {
    const router = new EventRouter(blocks);
    super({ ...parts, router });
    this.#router = router;
    this.#blocks = blocks;
  }

  override use(pods: readonly PodAddress[]): void {
    super.use(pods);
    // What happens until it listens is replayed.
    void this.#blocks.setPods(pods);
  }

  override async close(): Promise<void> {
    this.#blocks.close();
    await super.close();
  }

  protected override async serve(call: Call): Promise<void> {
    const { model, prompt } = this.read(call).route;
    const [pod] = this.pods;
    const body = JSON.stringify({ model, prompt });
    const counted = pod && (await getText(new URL("/tokenize", pod.url), body, TOKENIZER_MS));
    const { tokens } = JSON.parse(counted ?? '{"tokens":[]}') as { readonly tokens: readonly number[] };
    this.#router.knowTokens(prompt, tokens);
    return super.serve(call);
  }
}
