import { expect, it } from "vitest";
import { empty } from "./http/answer.ts";
import { RouteTable } from "./routes.ts";

const table = new RouteTable([
  { methods: ["GET"], path: "/health", handle: () => empty(200) },
  { methods: ["GET", "POST"], path: "/ping", handle: () => empty(200) },
  { methods: ["GET", "POST", "DELETE"], path: "/__pod/*", handle: () => empty(200) },
  { methods: ["POST"], path: "/v1/responses/{id}/cancel", handle: () => empty(200) },
]);

it("finds a route by exact path and method", () => {
  expect(table.match("GET", "/health")).toMatchObject({ kind: "found", route: { path: "/health" } });
});

it("finds everything below a path that ends in a star", () => {
  expect(table.match("DELETE", "/__pod/faults/3")).toMatchObject({ kind: "found", route: { path: "/__pod/*" } });
});

it("takes any one segment for a name in braces", () => {
  expect(table.match("POST", "/v1/responses/resp_1/cancel")).toMatchObject({ kind: "found" });
  expect(table.match("POST", "/v1/responses/resp/1/cancel")).toEqual({ kind: "unknown" });
  expect(table.match("POST", "/v1/responses//cancel")).toEqual({ kind: "unknown" });
  expect(table.match("GET", "/v1/responses/a/cancel/")).toEqual({ kind: "redirect", path: "/v1/responses/a/cancel" });
});

it("names the allowed methods when only the method is wrong", () => {
  expect(table.match("DELETE", "/ping")).toEqual({ kind: "wrong-method", allow: "GET, POST" });
});

it("redirects a path that differs by trailing slashes, either way", () => {
  expect(table.match("GET", "/health/")).toEqual({ kind: "redirect", path: "/health" });
  expect(table.match("GET", "/health///")).toEqual({ kind: "redirect", path: "/health" });
});

it("knows no other path", () => {
  expect(table.match("GET", "/v1/nope")).toEqual({ kind: "unknown" });
});
