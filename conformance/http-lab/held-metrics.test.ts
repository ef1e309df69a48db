import { expect, it } from "vitest";
import { withHeldRequests } from "./held-metrics.ts";

it("adds held requests to the running ones and changes nothing else", () => {
  const page = [
    "# HELP vllm:num_requests_running Number of requests in model execution batches.",
    "# TYPE vllm:num_requests_running gauge",
    'vllm:num_requests_running{engine="0",model_name="m"} 2.0',
    "# HELP vllm:num_requests_waiting Number of requests waiting to be processed.",
    "# TYPE vllm:num_requests_waiting gauge",
    'vllm:num_requests_waiting{engine="0",model_name="m"} 1.0',
    "",
  ].join("\n");
  expect(withHeldRequests(page, 3)).toBe(page.replace("} 2.0", "} 5.0"));
});
