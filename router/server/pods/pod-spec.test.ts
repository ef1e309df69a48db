import { expect, it } from "vitest";
import { normalPodUrl, parseBackends, podSpec, podSpecs } from "./pod-spec.ts";

it.each([
  "http://10.0.0.1:8000",
  "http://10.0.0.1:8000/",
  "http://10.0.0.1:8000//",
  "http://10.0.0.1:8000/v1",
  "http://10.0.0.1:8000/v1/",
  "10.0.0.1:8000",
  "HTTP://10.0.0.1:8000",
])("takes %s for the one address it is (CFG-05, MEMB-08: smg #1977, #2521)", (spelling) => {
  expect(normalPodUrl(spelling)).toBe("http://10.0.0.1:8000");
});

it("keeps a path prefix and tells ports apart", () => {
  expect(normalPodUrl("http://gateway/pods/3/")).toBe("http://gateway/pods/3");
  expect(normalPodUrl("http://gateway:80")).toBe("http://gateway");
  expect(normalPodUrl("http://gateway:81")).toBe("http://gateway:81");
});

it.each(["", "ftp://a:1", "http://", "http://u:p@a", "http://a?b=c", "http://a:99999", "not a url", "gateway"])(
  "refuses %j in one line (CFG-05: smg #1977)",
  (text) => {
    expect(() => normalPodUrl(text)).toThrow(/^[^\n]+$/);
  },
);

it("reads a GPU behind a URL and takes a card's short name", () => {
  expect(parseBackends("http://a:1=a6000, http://b:2").map(podSpec)).toEqual([
    { name: "a:1", url: "http://a:1", gpu: "a6000-monotone" },
    { name: "b:2", url: "http://b:2" },
  ]);
});

it("refuses a GPU it has no curve for, naming those it has", () => {
  expect(() => podSpec({ url: "http://a:1", gpu: "h100" })).toThrow(/h100.*a6000-monotone/);
});

it("refuses a list that names a pod or an address twice, in whatever spelling", () => {
  expect(() => parseBackends("http://a:1,a:1/")).toThrow(/^http:\/\/a:1 is listed twice; list each pod once/);
  expect(() =>
    podSpecs([
      { url: "http://a:1", name: "x" },
      { url: "http://b:1", name: "x" },
    ]),
  ).toThrow(/^the name "x" is listed twice/);
  expect(parseBackends("http://a:1,http://a:2")).toHaveLength(2);
});
