import { expect, it } from "vitest";
import { createPod } from "../../pod/in-process.ts";

async function described(flags: Record<string, string | boolean> = {}) {
  const reply = await createPod({ flags }).fetch(new Request("http://pod.test/openapi.json"));
  return (await reply.json()) as { paths: Record<string, Record<string, object>>; components: { schemas: object } };
}

it("describes the routes there are, with the fields of their bodies, and no control of a test's", async () => {
  const { paths, components } = await described();
  expect(Object.keys(paths["/v1/completions"] ?? {})).toEqual(["post"]);
  expect(paths["/v1/completions"]?.["post"]).toMatchObject({
    requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/CompletionRequest" } } } },
  });
  expect(components.schemas).toMatchObject({
    CompletionRequest: { properties: { max_tokens: { anyOf: [{ type: "integer" }, { type: "null" }] } } },
    ChatCompletionRequest: { required: ["messages"] },
  });
  expect(paths["/v1/responses/{response_id}"]?.["get"]).toMatchObject({
    parameters: [{ name: "response_id", in: "path", required: true }],
  });
  expect(paths["/__pod/*"]).toBeUndefined();
});

it("names in its description every model that it refers to", async () => {
  const document = await described({ "enable-scale-out": true });
  const named = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name);
  expect(named.length).toBeGreaterThan(20);
  expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining(named));
});

it.each(["/docs", "/redoc"])("shows it on %s, unless it shall not", async (path) => {
  const page = await createPod().fetch(new Request(`http://pod.test${path}`));
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  expect(await page.text()).toContain("/openapi.json");
  const hidden = createPod({ flags: { "disable-fastapi-docs": true } });
  expect((await hidden.fetch(new Request(`http://pod.test${path}`))).status).toBe(404);
});
