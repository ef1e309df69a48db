/** From a request's prompt to token ids, with vLLM 0.32's limits on length (`renderers/params.py`). */
import type { ModelTokenizer } from "../../../fixtures/tokenizer/model-tokenizer.ts";
import type { Whole } from "../../../fixtures/wire/sampling-request.ts";
import { badRequest } from "../../../fixtures/wire/errors.ts";
import type { PromptsProfile } from "../../versions/prompts.ts";

export interface RenderedPrompt {
  readonly tokenIds: readonly number[];
  /** Absent for prompts given as ids, until somebody needs it. */
  readonly text?: string;
}

export interface RenderLimits {
  readonly maxModelLenTokens: number;
  /** What was asked for, 0 when nothing was. */
  readonly maxOutputTokens: Whole;
  readonly maxOutputParameter: "max_tokens" | "max_completion_tokens" | "max_output_tokens";
  readonly truncateTokens: number | null;
  readonly truncateSide: "left" | "right" | null;
  readonly addSpecialTokens: boolean;
  readonly tooLong: PromptsProfile["tooLong"];
}

export class PromptRenderer {
  readonly #tokenizer: ModelTokenizer;
  readonly #limits: RenderLimits;

  /** @throws {Refusal} for limits that can never be met */
  constructor(tokenizer: ModelTokenizer, limits: RenderLimits) {
    this.#tokenizer = tokenizer;
    this.#limits = limits;
    if (limits.tooLong === "refused-2024") return;
    const { maxOutputTokens: output, maxModelLenTokens: context, truncateTokens: truncate } = limits;
    const name = limits.maxOutputParameter;
    // What the answer may take is taken from the prompt in that version.
    const counted = limits.tooLong === "refused-2026";
    if (output > context) {
      const model = counted ? "max_model_len=max_total_tokens" : "max_model_len";
      throw badRequest(
        `${name}=${output} cannot be greater than ${model}=${context}. Please request fewer output tokens.`,
        name,
        String(output),
      );
    }
    const room = counted ? context - Number(output) : context;
    if (truncate !== null && truncate > room) {
      const bound = counted && Number(output) > 0 ? `max_model_len - ${name}` : "max_model_len";
      throw badRequest(
        `truncate_prompt_tokens=${truncate} cannot be greater than ${bound} = ${room}. ` +
          "Please request a smaller truncation size.",
        "truncate_prompt_tokens",
        String(truncate),
      );
    }
  }

  /** @throws {Refusal} */
  text(text: string): RenderedPrompt {
    const shortened = this.#checkCharacters(text);
    if (!shortened.isWellFormed()) {
      throw badRequest("TextEncodeInput must be Union[TextInputSequence, Tuple[InputSequence, InputSequence]]");
    }
    return { text, tokenIds: this.#fit(this.#tokenizer.encodePrompt(shortened, this.#limits.addSpecialTokens), true) };
  }

  /** @throws {Refusal} */
  ids(ids: readonly number[]): RenderedPrompt {
    return { tokenIds: this.#fit(ids, false) };
  }

  /** A text that cannot fit whatever its tokens are is not tokenized. */
  #checkCharacters(text: string): string {
    const { maxModelLenTokens: context, truncateTokens, truncateSide } = this.#limits;
    const most = context * this.#tokenizer.longestTokenCharacters;
    // UTF-16 units are at least as many as characters: the exact count is needed only beyond the bound.
    if (text.length <= most) return text;
    const characters = Array.from(text);
    if (characters.length <= most) return text;
    if (truncateTokens === null) {
      throw badRequest(
        `This model's maximum context length is ${context} tokens. However, your prompt contains ${characters.length} ` +
          `characters (more than ${most} characters, which is the upper bound for ${context} input tokens). ` +
          "Please reduce the length of the input prompt.",
        "input_text",
        String(characters.length),
      );
    }
    if (truncateSide === "left") return characters.slice(-most).join("");
    return truncateSide === "right" ? characters.slice(0, most).join("") : text;
  }

  #fit(ids: readonly number[], fromText: boolean): readonly number[] {
    const { maxModelLenTokens: context } = this.#limits;
    const kept = this.#truncate(ids);
    if (this.#limits.tooLong === "refused-2024") this.#refuseAsBefore(kept.length);
    if (this.#limits.tooLong === "refused-2026") this.#refuseTooMuch(kept.length, fromText);
    if (kept.length <= context) return kept;
    // A text is tokenized only as far as is needed to know that it is too long.
    const count = fromText ? context + 1 : kept.length;
    throw badRequest(
      `This model's maximum context length is ${context} tokens. However, your prompt contains ` +
        `${count === context + 1 ? "at least " : ""}${count} input tokens, which exceeds this limit even without any ` +
        "output tokens. Please reduce the length of the input prompt.",
      "input_tokens",
      String(count),
    );
  }

  /** In the words of 0.7 and 0.10, which tokenized the whole text. */
  #refuseAsBefore(promptTokens: number): void {
    const { maxModelLenTokens: context, maxOutputTokens } = this.#limits;
    const most = `This model's maximum context length is ${context} tokens. However, you requested`;
    if (Number(maxOutputTokens) === 0) {
      if (promptTokens < context) return;
      throw badRequest(`${most} ${promptTokens} tokens in the messages, Please reduce the length of the messages.`);
    }
    const total = BigInt(promptTokens) + BigInt(maxOutputTokens);
    if (total <= context) return;
    throw badRequest(
      `${most} ${total} tokens (${promptTokens} in the messages, ${maxOutputTokens} in the completion). ` +
        "Please reduce the length of the messages or completion.",
    );
  }

  /** Before 0.29: prompt and answer must fit together. A text is tokenized no further than shows that they do not. */
  #refuseTooMuch(promptTokens: number, fromText: boolean): void {
    const { maxModelLenTokens: context, maxOutputTokens } = this.#limits;
    const output = Number(maxOutputTokens);
    if (promptTokens + output <= context) return;
    const count = fromText ? context - output + 1 : promptTokens;
    const atLeast = fromText ? "at least " : "";
    throw badRequest(
      `This model's maximum context length is ${context} tokens. However, you requested ${output} output tokens and your ` +
        `prompt contains ${atLeast}${count} input tokens, for a total of ${atLeast}${count + output} tokens. ` +
        "Please reduce the length of the input prompt or the number of requested output tokens.",
      "input_tokens",
      String(count),
    );
  }

  #truncate(ids: readonly number[]): readonly number[] {
    const { truncateTokens, truncateSide, maxOutputTokens, maxModelLenTokens } = this.#limits;
    if (truncateTokens === null) return ids;
    // A token of context is kept for the answer.
    const longest = Number(maxOutputTokens) === 0 ? maxModelLenTokens : maxModelLenTokens - 1;
    const most = truncateTokens < 0 ? longest : truncateTokens;
    if (most >= ids.length) return ids;
    return truncateSide === "right" ? ids.slice(0, most) : ids.slice(ids.length - most);
  }
}
