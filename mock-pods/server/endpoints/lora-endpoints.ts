/** Loading and unloading of adapters, there with `VLLM_ALLOW_RUNTIME_LORA_UPDATING=1`. */
import { loadLoraBody, unloadLoraBody } from "../../../fixtures/wire/lora-request.ts";
import type { Answer } from "../http/answer.ts";
import type { PodContext } from "../pod-context.ts";
import type { Route } from "../routes.ts";

export function loraRoutes(pod: PodContext): Route[] {
  return [
    {
      methods: ["POST"],
      path: "/v1/load_lora_adapter",
      handle: ({ body, headers }) => {
        const request = loadLoraBody.read(body, headers["content-type"]);
        pod.models.load(request.lora_name, request.lora_path, request.load_inplace ?? false);
        return success(request.lora_name, "added");
      },
    },
    {
      methods: ["POST"],
      path: "/v1/unload_lora_adapter",
      handle: ({ body, headers }) => {
        const request = unloadLoraBody.read(body, headers["content-type"]);
        pod.models.unload(request.lora_name);
        return success(request.lora_name, "removed");
      },
    },
  ];
}

/** Plain text without a content type, as vLLM sends it. */
function success(name: string, what: "added" | "removed"): Answer {
  return { status: 200, body: `Success: LoRA adapter '${name}' ${what} successfully.` };
}
