import { request } from "undici";
import { expect, it } from "vitest";
import { startFleet } from "../../fleet/fleet.ts";
import type { Pod } from "../../pod/pod.ts";

const environment = { VLLM_SERVER_DEV_MODE: "1" };

function post(pod: Pod, path: string, body?: object) {
  return request(`${pod.url}${path}`, {
    method: "POST",
    ...(body !== undefined && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
}

function complete(pod: Pod, body: object = {}) {
  return post(pod, "/v1/completions", { model: pod.model, prompt: "hello", max_tokens: 30, ignore_eos: true, ...body });
}

it("a pause in mode wait lets those end that run, and keeps in the queue who waits or comes", async () => {
  await using fleet = await startFleet({ pods: "a6000:1", speed: 20, environment, flags: { "max-num-seqs": 1 } });
  const pod = fleet.pod(0);
  pod.hold();
  const runs = complete(pod);
  await expect.poll(() => pod.queue()).toHaveLength(1);
  const waits = complete(pod);
  await expect.poll(() => pod.queue()).toHaveLength(2);
  pod.stepOnce();
  await expect.poll(() => pod.running()).toHaveLength(1);
  const paused = post(pod, "/pause?mode=wait");
  const isPaused = async () => (await request(`${pod.url}/is_paused`)).body.json();
  await expect.poll(isPaused).toEqual({ is_paused: true });
  pod.release();
  expect(await (await paused).body.json()).toEqual({ status: "paused" });
  const comes = complete(pod);
  await expect.poll(() => pod.queue()).toHaveLength(2);
  expect(pod.running()).toEqual([]);
  await (await post(pod, "/resume")).body.dump();
  for (const reply of [await runs, await waits, await comes]) {
    expect(await reply.body.json()).toMatchObject({ usage: { completion_tokens: 30 } });
  }
});

it("a sleep of level 0 only stops scheduling: what is cached stays", async () => {
  await using fleet = await startFleet({ pods: "a6000:1", speed: 20, environment });
  const pod = fleet.pod(0);
  const prompt = Array.from({ length: 64 }, (_, id) => id);
  await (await complete(pod, { prompt })).body.dump();
  await (await post(pod, "/sleep?level=0")).body.dump();
  expect(pod.holdsPrefix(prompt)).toBe(64);
  await (await post(pod, "/wake_up")).body.dump();
  await (await post(pod, "/sleep?level=1")).body.dump();
  expect(pod.holdsPrefix(prompt)).toBe(0);
});
