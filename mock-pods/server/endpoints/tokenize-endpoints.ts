/** `POST /tokenize` and `/detokenize`: they round-trip, and agree with the usage that answers report. */
import { detokenizeBody, type TokenizeRequest } from "../../../fixtures/wire/tokenize-request.ts";
import { badRequest } from "../../../fixtures/wire/errors.ts";
import { refuseDraining } from "../generation/answer-call.ts";
import { json } from "../http/answer.ts";
import { refuseMediaOptions, renderConversation } from "../prompts/conversation.ts";
import type { PodContext } from "../pod-context.ts";
import { PromptRenderer, type RenderedPrompt } from "../prompts/prompt-rendering.ts";
import type { Route } from "../routes.ts";

/** The tokenizer counts in 32 bits. */
const MOST_ID = 2 ** 32 - 1;

export function tokenizeRoutes(pod: PodContext): Route[] {
  return [
    {
      methods: ["POST"],
      path: "/tokenize",
      handle: ({ body, headers }) => {
        const request = pod.settings.version.requests.tokenize.read(body, headers["content-type"]);
        pod.models.resolve(request.model);
        refuseDraining(pod);
        const { tokenIds } = rendered(pod, request);
        return json(200, {
          count: tokenIds.length,
          max_model_len: pod.settings.maxModelLenTokens,
          tokens: tokenIds,
          ...(pod.settings.version.answers.keys === "0.7" ? {} : { token_strs: tokenStrings(pod, request, tokenIds) }),
        });
      },
    },
    {
      methods: ["POST"],
      path: "/detokenize",
      handle: ({ body, headers }) => {
        const request = detokenizeBody.read(body, headers["content-type"]);
        pod.models.resolve(request.model);
        if (request.tokens.some((id) => id > MOST_ID)) throw badRequest("number too large to fit in target type");
        return json(200, { prompt: pod.tokenizer.decode(request.tokens) });
      },
    },
  ];
}

function rendered(pod: PodContext, request: TokenizeRequest): RenderedPrompt {
  const { messages, add_special_tokens: special } = request;
  if (messages !== undefined) {
    return renderConversation(pod, { ...request, messages }, unlimitedRenderer(pod, special ?? false));
  }
  refuseMediaOptions(pod, request);
  return unlimitedRenderer(pod, special ?? true).text(request.prompt ?? "");
}

function tokenStrings(
  { tokenizer }: PodContext,
  { return_token_strs: asked }: TokenizeRequest,
  ids: readonly number[],
) {
  return asked === true ? ids.map((id) => tokenizer.tokenString(id) ?? null) : null;
}

function unlimitedRenderer(pod: PodContext, addSpecialTokens: boolean): PromptRenderer {
  return new PromptRenderer(pod.tokenizer, {
    maxModelLenTokens: Infinity,
    maxOutputTokens: 0,
    maxOutputParameter: "max_tokens",
    truncateTokens: null,
    truncateSide: null,
    tooLong: "cut",
    addSpecialTokens,
  });
}
