/** Wrong in what a prompt is matched as, or in what it can be. */
import { type Call, Refusal } from "../call.ts";
import { isPlainJson } from "../headers.ts";
import { contentText, type Message, messagesOf, type RequestFacts } from "../request-facts.ts";
import { RightProxy } from "../right-proxy.ts";

/** Chats are matched without their roles. */
export class DropsRoles extends RightProxy {
  protected override chatText(messages: readonly Message[]): string {
    return super.chatText(messages.map(({ content }) => ({ content })));
  }
}

/** The contents of a chat are matched as one, without a mark between them. */
export class RunsMessagesTogether extends RightProxy {
  protected override chatText(messages: readonly Message[]): string {
    return messages.map(contentText).join("");
  }
}

/** Of a chat the first message alone is matched. */
export class MatchesTheFirstMessage extends RightProxy {
  protected override chatText(messages: readonly Message[]): string {
    return super.chatText(messages.slice(0, 1));
  }
}

/** Of a chat the first two messages are matched. */
export class MatchesTwoMessages extends RightProxy {
  protected override chatText(messages: readonly Message[]): string {
    return super.chatText(messages.slice(0, 2));
  }
}

/** Of a message in parts the first part is matched. */
export class MatchesTheFirstPart extends RightProxy {
  protected override chatText(messages: readonly Message[]): string {
    const firstOnly = ({ role, content }: Message): Message => ({
      role,
      content: Array.isArray(content) ? content.slice(0, 1) : content,
    });
    return super.chatText(messages.map(firstOnly));
  }
}

/** Whether a request is to be streamed is part of its key. */
export class KeepsStreamsApart extends RightProxy {
  protected override read(call: Call): RequestFacts {
    const facts = super.read(call);
    const prompt = `${facts.fields["stream"] === true}${facts.route.prompt}`;
    return { ...facts, route: { ...facts.route, prompt } };
  }
}

/** A body of another media type, or of the same written otherwise, is matched as no text. */
export class MatchesPlainJsonAlone extends RightProxy {
  protected override read(call: Call): RequestFacts {
    const facts = super.read(call);
    return isPlainJson(call.incoming) ? facts : { ...facts, route: { ...facts.route, prompt: "" } };
  }
}

/** Of each pod's models the first is known. */
export class KnowsFirstModels extends RightProxy {
  protected override read(call: Call): RequestFacts {
    const facts = super.read(call);
    const isKnown = this.pods.some(({ models: [first] = [] }) => first === facts.route.model);
    if (!isKnown) throw new Refusal(404, "the model does not exist");
    return facts;
  }
}

/** Content that is not a string is matched as nothing. */
export class IgnoresContentParts extends RightProxy {
  protected override chatText(messages: readonly Message[]): string {
    const textOnly = ({ role, content }: Message): Message => ({
      role,
      content: typeof content === "string" ? content : "",
    });
    return super.chatText(messages.map(textOnly));
  }
}

/** The body is matched as it is spelt. */
export class MatchesRawJson extends RightProxy {
  protected override read(call: Call): RequestFacts {
    const facts = super.read(call);
    return { ...facts, route: { ...facts.route, prompt: call.body.toString("latin1") } };
  }
}

/** The model is whatever stands behind the first such name in the body, wherever that is. */
export class FindsTheFirstModel extends RightProxy {
  protected override read(call: Call): RequestFacts {
    const facts = super.read(call);
    const [, model = facts.route.model] = /"model": *"([^"]*)"/.exec(call.body.toString()) ?? [];
    return { ...facts, route: { ...facts.route, model } };
  }
}

/** A prompt twice as long takes four times as long to match: seconds for a quarter of a million bytes. */
export class MatchesQuadratically extends RightProxy {
  protected override read(call: Call): RequestFacts {
    const busyMs = 4_000 * (call.body.length / 256_000) ** 2;
    for (const endMs = performance.now() + busyMs; performance.now() < endMs;);
    return super.read(call);
  }
}

/** Content that is not a string ends in a 500. */
export class BreaksOnContentParts extends RightProxy {
  protected override read(call: Call): RequestFacts {
    const facts = super.read(call);
    if (messagesOf(facts.fields)?.some(({ content }) => typeof content !== "string")) broke();
    return facts;
  }
}

/** A prompt that is not a string ends in a 500. */
export class BreaksOnPromptLists extends RightProxy {
  protected override read(call: Call): RequestFacts {
    const facts = super.read(call);
    if (!["string", "undefined"].includes(typeof facts.fields["prompt"])) broke();
    return facts;
  }
}

/** Text that is no valid Unicode ends in a 500. */
export class BreaksOnLoneSurrogates extends RightProxy {
  protected override read(call: Call): RequestFacts {
    const facts = super.read(call);
    if (facts.text?.isWellFormed() === false) broke();
    return facts;
  }
}

/** Prompts that part inside a character end in a 500. */
export class BreaksInsideCharacters extends RightProxy {
  readonly #prompts: Buffer[] = [];

  protected override read(call: Call): RequestFacts {
    const facts = super.read(call);
    const bytes = facts.text === undefined ? call.body : Buffer.from(facts.text);
    const breaks = this.#prompts.some((other) => partsInsideCharacter(bytes, other));
    this.#prompts.push(bytes);
    if (this.#prompts.length > 200) this.#prompts.shift();
    if (breaks) broke();
    return facts;
  }
}

/** A prompt of more than 100,000 characters ends in a 500. */
export class BreaksOnLongPrompts extends RightProxy {
  protected override read(call: Call): RequestFacts {
    const facts = super.read(call);
    if (facts.route.prompt.length > 100_000) broke();
    return facts;
  }
}

/** A prompt without text ends in a 500. */
export class BreaksOnEmptyPrompts extends RightProxy {
  protected override read(call: Call): RequestFacts {
    const facts = super.read(call);
    if (facts.text?.trim() === "") broke();
    return facts;
  }
}

function broke(): never {
  throw new Refusal(500, "internal error");
}

/** Whether two UTF-8 texts differ first in the middle of a character. */
function partsInsideCharacter(a: Buffer, b: Buffer): boolean {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  const continues = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;
  return continues(a[length]) && continues(b[length]);
}
