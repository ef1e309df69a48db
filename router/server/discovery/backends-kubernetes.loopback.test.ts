/**
 * The real client library against a stand-in for the API server that plays lists and watch streams: one that a real
 * Kubernetes wrote, and others in its format. `backends-kubernetes.cluster.test.ts` wants the real one.
 */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { parseKubernetes, podsOf, watchKubernetes, type EndpointSlice } from "./backends-kubernetes.ts";
import type { PodSource } from "./pod-source.ts";
import { recordingSink } from "./test-recording-sink.ts";

const RECORDED = join(import.meta.dirname, "../../../fixtures/recordings/endpoint-slices.jsonl");

const endpoint = (
  pod: string,
  address: string,
  conditions: object = { ready: true, serving: true, terminating: false },
) => ({
  addresses: [address],
  conditions,
  targetRef: { kind: "Pod", namespace: "ai", name: pod, uid: `uid-${pod}` },
});

type Slice = EndpointSlice & { readonly metadata: { readonly name: string } };

function slice(name: string, version: number, ...endpoints: object[]): Slice {
  return {
    kind: "EndpointSlice",
    apiVersion: "discovery.k8s.io/v1",
    metadata: { name, namespace: "ai", resourceVersion: String(version), labels: { app: "vllm" } },
    addressType: "IPv4",
    endpoints,
    ports: [
      { name: "metrics", port: 9000, protocol: "TCP" },
      { name: "http", port: 8000, protocol: "TCP" },
    ],
  } as unknown as Slice;
}

let server: Server;
let folder: string;
let kubeconfig: string;
let items: Slice[];
let lists: URLSearchParams[];
let watches: { readonly query: URLSearchParams; readonly stream: ServerResponse }[];
let source: PodSource | undefined;
let woken: (() => void)[];

beforeEach(async () => {
  items = [];
  lists = [];
  watches = [];
  woken = [];
  server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://api");
    const isOurs = pathname === "/apis/discovery.k8s.io/v1/namespaces/ai/endpointslices";
    if (!isOurs || searchParams.get("labelSelector") !== "app=vllm") return void response.writeHead(404).end();
    response.setHeader("content-type", "application/json");
    if (searchParams.get("watch") === "true") {
      response.writeHead(200);
      response.flushHeaders();
      watches.push({ query: searchParams, stream: response });
    } else {
      lists.push(searchParams);
      response.end(
        JSON.stringify({
          kind: "EndpointSliceList",
          apiVersion: "discovery.k8s.io/v1",
          metadata: { resourceVersion: "100" },
          items,
        }),
      );
    }
    for (const wake of woken.splice(0)) wake();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  folder = mkdtempSync(join(tmpdir(), "routeproof-"));
  kubeconfig = join(folder, "kubeconfig");
  const { port } = server.address() as AddressInfo;
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "c",
      clusters: [{ name: "c", cluster: { server: `http://127.0.0.1:${port}`, "insecure-skip-tls-verify": true } }],
      users: [{ name: "u", user: {} }],
      contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
    }),
  );
});
afterEach(() => {
  source?.stop();
  source = undefined;
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

async function watching(count: number): Promise<ServerResponse> {
  while (watches.length < count) await new Promise<void>((resolve) => woken.push(resolve));
  return watches[count - 1]?.stream as ServerResponse;
}

const say = (stream: ServerResponse, type: string, object: object): void =>
  void stream.write(`${JSON.stringify({ type, object })}\n`);
const options = () => ({ namespace: "ai", selector: "app=vllm", kubeconfig, retryMs: 10 });

it("lists, then follows pods as they come, become ready, terminate and go (MEMB-02: aib #926; ps #1008)", async () => {
  items = [slice("s1", 90, endpoint("p0", "10.0.0.1"), endpoint("p1", "10.0.0.2", { ready: false }))];
  const sink = recordingSink();
  source = await watchKubernetes(options(), sink);
  await sink.settled(["http://10.0.0.1:8000"]);
  expect(sink.lists.at(-1)).toEqual([{ name: "ai/p0", url: "http://10.0.0.1:8000", uid: "uid-p0" }]);
  const stream = await watching(1);
  expect(watches[0]?.query.get("resourceVersion")).toBe("100");
  say(stream, "MODIFIED", slice("s1", 101, endpoint("p0", "10.0.0.1"), endpoint("p1", "10.0.0.2")));
  await sink.settled(["http://10.0.0.1:8000", "http://10.0.0.2:8000"]);
  const terminating = { ready: false, serving: true, terminating: true };
  say(stream, "MODIFIED", slice("s1", 102, endpoint("p0", "10.0.0.1", terminating), endpoint("p1", "10.0.0.2")));
  await sink.settled(["http://10.0.0.2:8000"]);
  say(stream, "ADDED", slice("s2", 103, endpoint("p2", "10.0.0.3")));
  await sink.settled(["http://10.0.0.2:8000", "http://10.0.0.3:8000"]);
  say(stream, "DELETED", slice("s1", 104));
  await sink.settled(["http://10.0.0.3:8000"]);
});

it("follows the stream that a real API server wrote", async () => {
  const sink = recordingSink();
  source = await watchKubernetes(options(), sink);
  const stream = await watching(1);
  const recorded = readFileSync(RECORDED, "utf8").trimEnd().split("\n");
  const [p0, p1] = ["http://10.1.0.1:8000", "http://10.1.0.2:8000"];
  const expected = [[], [p0], [p0, p1], [p0], [p0, p1], [p1], undefined, [p0, p1]];
  expect(recorded).toHaveLength(expected.length);
  for (const [index, line] of recorded.entries()) {
    stream.write(`${line}\n`);
    const urls = expected[index];
    // Nothing is said where the terminating pod's endpoint goes at last: it had left the set before.
    if (urls !== undefined) await sink.settled(urls);
  }
  const uids = sink.lists.flatMap((pods) => pods.filter(({ url }) => url === p0).map(({ uid }) => uid));
  expect(new Set(uids).size).toBe(2);
});

it("takes up a watch that the server closed where it left off, and lists anew when that is too old", async () => {
  items = [slice("s1", 90, endpoint("p0", "10.0.0.1"))];
  const sink = recordingSink();
  source = await watchKubernetes(options(), sink);
  const first = await watching(1);
  say(first, "MODIFIED", slice("s1", 150, endpoint("p1", "10.0.0.2")));
  await sink.settled(["http://10.0.0.2:8000"]);
  first.end();
  const second = await watching(2);
  expect(watches[1]?.query.get("resourceVersion")).toBe("150");
  expect(lists).toHaveLength(1);
  // A pod vanished while nobody watched, and its delete event with it (aibrix #926).
  items = [slice("s9", 200, endpoint("p9", "10.0.0.9"))];
  say(second, "ERROR", { kind: "Status", code: 410, reason: "Expired" });
  second.end();
  await sink.settled(["http://10.0.0.9:8000"]);
  expect(lists).toHaveLength(2);
});

it("keeps the list it had while the API server is away, and goes on when it is back (MEMB-09: dyn #3493)", async () => {
  items = [slice("s1", 90, endpoint("p0", "10.0.0.1"))];
  const sink = recordingSink();
  source = await watchKubernetes(options(), sink);
  await sink.settled(["http://10.0.0.1:8000"]);
  const stream = await watching(1);
  stream.destroy();
  await sink.logs(1);
  expect(sink.logged[0]).toMatchObject({ event: "kubernetes", kept: "the list before" });
  const again = await watching(2);
  expect(sink.lists).toHaveLength(1);
  say(again, "MODIFIED", slice("s1", 151, endpoint("p5", "10.0.0.5")));
  await sink.settled(["http://10.0.0.5:8000"]);
});

it("counts an endpoint once that two slices list, prefers the port named http, and takes IPv6", () => {
  const pods = podsOf([
    slice("a", 1, endpoint("p0", "10.0.0.1")),
    slice("b", 1, endpoint("p0", "10.0.0.1"), { addresses: ["fd00::1"] }),
    { endpoints: null, ports: [{ port: 1 }] },
    { endpoints: [{ addresses: ["10.0.0.7"] }], ports: null },
  ]);
  expect(pods.map(({ url }) => url)).toEqual(["http://[fd00::1]:8000", "http://10.0.0.1:8000"]);
});

it("takes pods of one name in two namespaces, or at another address than before, for two (MEMB-06: aib #1015; smg #1531)", () => {
  const pods = podsOf([
    slice("a", 1, {
      ...endpoint("p0", "10.0.0.1"),
      targetRef: { kind: "Pod", namespace: "blue", name: "p0", uid: "u1" },
    }),
    slice("b", 1, {
      ...endpoint("p0", "10.0.0.2"),
      targetRef: { kind: "Pod", namespace: "green", name: "p0", uid: "u2" },
    }),
  ]);
  expect(pods.map(({ name, url }) => [name, url])).toEqual([
    ["blue/p0", "http://10.0.0.1:8000"],
    ["green/p0", "http://10.0.0.2:8000"],
  ]);
});

it("reads namespace/selector, with slashes in the selector (PROTO-05: sgl #14359)", () => {
  expect(parseKubernetes("ai/kubernetes.io/service-name=vllm")).toEqual({
    namespace: "ai",
    selector: "kubernetes.io/service-name=vllm",
  });
  for (const text of ["", "ai", "ai/", "/app=vllm", "A i/app=vllm"])
    expect(() => parseKubernetes(text)).toThrow(/namespace\/label-selector/);
});

it("says in one line that a kubeconfig cannot be read", async () => {
  await expect(watchKubernetes({ ...options(), kubeconfig: join(folder, "none") }, recordingSink())).rejects.toThrow(
    /^kubeconfig: [^\n]+$/,
  );
});
