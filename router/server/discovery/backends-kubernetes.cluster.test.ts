/**
 * Discovery against a real API server and the controller that writes EndpointSlices; `ci/kubernetes.sh` starts both. With
 * ROUTEPROOF_RECORD naming a file, the watch stream of the first test is written there, one event a line.
 */
import { writeFileSync } from "node:fs";
import { CoreV1Api, KubeConfig, Watch } from "@kubernetes/client-node";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { watchKubernetes } from "./backends-kubernetes.ts";
import type { PodSource } from "./pod-source.ts";
import { recordingSink } from "./test-recording-sink.ts";

const kubeconfig = process.env["ROUTEPROOF_KUBECONFIG"] ?? "";
const config = new KubeConfig();
config.loadFromFile(kubeconfig);
const api = config.makeApiClient(CoreV1Api);

let namespace: string;
let source: PodSource | undefined;

// The controller leaves out pods on nodes that it does not know.
beforeAll(() => api.createNode({ body: { metadata: { name: "node" } } }));
beforeEach(async () => {
  ({ metadata: { name: namespace = "" } = {} } = await api.createNamespace({
    body: { metadata: { generateName: "routeproof-" } },
  }));
  for (const name of ["vllm", "other"]) {
    const ports = [
      { name: "metrics", port: 9000 },
      { name: "http", port: 80, targetPort: 8000 },
    ];
    await api.createNamespacedService({
      namespace,
      body: { metadata: { name }, spec: { selector: { app: name }, ports } },
    });
  }
});
afterEach(async () => {
  source?.stop();
  source = undefined;
  await api.deleteNamespace({ name: namespace });
});

/** A pod that a scheduler has placed: there is no kubelet, so its state is what a test says it is. */
async function createPod(name: string, address: string, app = "vllm"): Promise<string> {
  const containers = [{ name: "vllm", image: "vllm" }];
  const { metadata } = await api.createNamespacedPod({
    namespace,
    body: { metadata: { name, labels: { app } }, spec: { nodeName: "node", containers } },
  });
  await setReady(name, address, true);
  return metadata?.uid ?? "";
}

async function setReady(name: string, address: string, ready: boolean): Promise<void> {
  const body = await api.readNamespacedPod({ namespace, name });
  body.status = {
    phase: "Running",
    podIP: address,
    podIPs: [{ ip: address }],
    conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
  };
  await api.replaceNamespacedPodStatus({ namespace, name, body });
}

/** Everything that a watch of the service's slices says from now on; the returned function ends it. */
async function recordSlices(file: string): Promise<() => void> {
  const events: object[] = [];
  const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
  const watched = await new Watch(config).watch(
    path,
    { labelSelector: "kubernetes.io/service-name=vllm" },
    (type, object: object) => events.push({ type, object }),
    () => undefined,
  );
  return () => {
    watched.abort();
    writeFileSync(file, events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  };
}

function watch(sink: ReturnType<typeof recordingSink>): Promise<PodSource> {
  return watchKubernetes({ namespace, selector: "kubernetes.io/service-name=vllm", kubeconfig, retryMs: 100 }, sink);
}

it("follows the ready pods of one service as they come, fail, terminate and return under their old name", async () => {
  const sink = recordingSink();
  const record = process.env["ROUTEPROOF_RECORD"];
  const stopRecording = record === undefined ? undefined : await recordSlices(record);
  const uid = await createPod("p0", "10.1.0.1");
  await createPod("stranger", "10.1.0.9", "other");
  source = await watch(sink);
  await sink.settled(["http://10.1.0.1:8000"]);
  expect(sink.lists.at(-1)).toEqual([{ name: `${namespace}/p0`, url: "http://10.1.0.1:8000", uid }]);

  await createPod("p1", "10.1.0.2");
  await sink.settled(["http://10.1.0.1:8000", "http://10.1.0.2:8000"]);
  await setReady("p1", "10.1.0.2", false);
  await sink.settled(["http://10.1.0.1:8000"]);
  await setReady("p1", "10.1.0.2", true);
  await sink.settled(["http://10.1.0.1:8000", "http://10.1.0.2:8000"]);

  // It still serves and its endpoint stays, marked as terminating: nothing new goes there.
  await api.deleteNamespacedPod({ namespace, name: "p0", gracePeriodSeconds: 300 });
  await sink.settled(["http://10.1.0.2:8000"]);
  expect((await api.readNamespacedPod({ namespace, name: "p0" })).metadata?.deletionTimestamp).toBeDefined();

  await api.deleteNamespacedPod({ namespace, name: "p0", gracePeriodSeconds: 0 });
  const returned = await createPod("p0", "10.1.0.1");
  await sink.settled(["http://10.1.0.1:8000", "http://10.1.0.2:8000"]);
  expect(sink.lists.at(-1)?.[0]?.uid).toBe(returned);
  expect(returned).not.toBe(uid);
  stopRecording?.();
});

it("knows a hundred pods, which is a slice's usual limit, and one more", async () => {
  const sink = recordingSink();
  source = await watch(sink);
  const addresses = Array.from({ length: 101 }, (_, index) => `10.2.0.${index + 1}`);
  for (const [index, address] of addresses.entries()) await createPod(`p${String(index).padStart(3, "0")}`, address);
  await sink.settled(addresses.map((address) => `http://${address}:8000`));
  expect(new Set(sink.lists.at(-1)?.map(({ name }) => name)).size).toBe(101);
});
