import { request } from "undici";
import { expect, it } from "vitest";
import { startFleet } from "../fleet/fleet.ts";

async function ask(url: string, method: "GET" | "POST" | "DELETE", body?: unknown) {
  const answer = await request(url, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });
  return { status: answer.statusCode, json: (await answer.body.json()) as Record<string, unknown> };
}

it("says over HTTP what the pod object says", async () => {
  await using fleet = await startFleet({ pods: "v100:1" });
  const pod = fleet.pod(0);
  const control = `${pod.url}/__pod`;
  expect((await ask(`${control}/`, "GET")).json).toMatchObject({ name: "v100-0", profile: "v100-monotone" });
  expect((await ask(`${control}/stats`, "GET")).json).toEqual(pod.stats());
  expect((await ask(`${control}/holds-prefix`, "POST", { prompt: [1, 2, 3] })).json).toEqual({ tokens: 0 });
  for (const view of ["running", "queue", "blocks"]) {
    expect(await ask(`${control}/${view}`, "GET")).toEqual({ status: 200, json: [] });
  }
});

it("journals what clients sent, and nothing of who looked", async () => {
  await using fleet = await startFleet({ pods: "a6000:1" });
  const { url } = fleet.pod(0);
  await request(`${url}/a`, { method: "POST", body: "text" }).then(({ body }) => body.dump());
  await request(`${url}/b`, { method: "POST", body: Buffer.from([0xff]) }).then(({ body }) => body.dump());
  const { json } = await ask(`${url}/__pod/journal`, "GET");
  expect(json).toMatchObject([
    { path: "/a", body: "text", status: 404, ended: { how: "finished" } },
    { path: "/b", bodyBase64: "/w==" },
  ]);
  await ask(`${url}/__pod/journal`, "DELETE");
  expect(fleet.pod(0).journal()).toEqual([]);
});

it.each([
  ["POST", "/holds-prefix", { prompt: 7 }, 400, /body: \/prompt: 7/],
  ["POST", "/holds-prefix", { promt: "x" }, 400, /body: \/: missing key "prompt"|unknown key "promt"/],
  ["GET", "/arrivals?count=many", undefined, 400, /count "many" in the query; give a whole number/],
  ["POST", "/explode", undefined, 404, /no POST \/__pod\/explode; there are .*POST \/__pod\/hold/],
] as const)("refuses %s %s with %j in one clear line", async (method, path, body, status, message) => {
  await using fleet = await startFleet({ pods: "a6000:1" });
  const answer = await ask(`${fleet.pod(0).url}/__pod${path}`, method, body);
  expect(answer).toMatchObject({ status, json: { error: { message: expect.stringMatching(message), code: status } } });
});

it("refuses a body that is not JSON and lives on", async () => {
  await using fleet = await startFleet({ pods: "a6000:1" });
  const { url } = fleet.pod(0);
  const { statusCode, body } = await request(`${url}/__pod/holds-prefix`, { method: "POST", body: "{" });
  expect([statusCode, await body.text()]).toEqual([400, expect.stringContaining("body: not JSON")]);
  expect((await ask(`${url}/__pod/stats`, "GET")).status).toBe(200);
});

it("answers to its controls while a hook lets everything else hang", async () => {
  await using fleet = await startFleet({ pods: "a6000:1" });
  fleet.pod(0).intercept(() => true);
  expect((await ask(`${fleet.pod(0).url}/__pod/stats`, "GET")).status).toBe(200);
  const hanging = request(`${fleet.pod(0).url}/nope`).catch((error: unknown) => error);
  await expect.poll(() => fleet.journal().length).toBe(1);
  expect((await ask(`${fleet.pod(0).url}/__pod/reset`, "POST")).json).toEqual({ done: true });
  expect(await hanging).toBeInstanceOf(Error);
  expect((await request(`${fleet.pod(0).url}/nope`)).statusCode).toBe(404);
});
