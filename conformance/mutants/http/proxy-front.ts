/** What stands around a request's way: the port, the pods that may be used, and the pages that the proxy shows of itself. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { PodAddress } from "../../adapters/router-under-test.ts";
import { bodyOf } from "./body-of.ts";
import { type Call, Refusal, refuse } from "./call.ts";
import { ProxyPages } from "./proxy-pages.ts";

export abstract class ProxyFront {
  /** What may be used now. */
  protected pods: readonly PodAddress[] = [];
  protected readonly pages = new ProxyPages();
  readonly #server = createServer({ requestTimeout: 0 }, (incoming, client) => void this.#take(incoming, client));

  /** Resolves to the address it listens on. */
  async listen(): Promise<string> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  use(pods: readonly PodAddress[]): void {
    this.pods = pods;
  }

  /** Ends connections on which nothing is under way, as HTTP lets a server do at any moment. */
  protected hangUp(): void {
    this.#server.closeIdleConnections();
  }

  async #take(incoming: IncomingMessage, client: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming);
    if (body === undefined) return;
    await this.receive({ incoming, body, client }).catch((error: unknown) => {
      refuse(client, error instanceof Refusal ? error : new Refusal(500, String(error)));
    });
  }

  protected async receive(call: Call): Promise<void> {
    const { method, url = "" } = call.incoming;
    if (method === "GET") return this.show(url, call.client);
    if (method !== "POST") throw new Refusal(405, "only GET and POST are served here");
    return this.serve(call);
  }

  protected show(path: string, client: ServerResponse): void {
    if (path === "/metrics") return void client.end(this.pages.metrics(this.underWay()));
    if (path === "/v1/models") return void client.end(this.pages.models(this.pods));
    if (path !== "/ready") throw new Refusal(404, "there is /ready, /metrics and /v1/models");
    client.writeHead(this.pods.length > 0 ? 200 : 503).end();
  }

  /** Requests by pod. */
  protected abstract underWay(): ReadonlyMap<string, number>;

  /** Answers a POST. @throws {Refusal} */
  protected abstract serve(call: Call): Promise<void>;
}
