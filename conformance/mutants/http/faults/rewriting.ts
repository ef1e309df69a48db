/** Wrong in what the body says that reaches the pod. */
import type { Flight } from "../call.ts";
import { type Fields, messagesOf } from "../request-facts.ts";
import { RightProxy } from "../right-proxy.ts";

const KNOWN_FIELDS = ["model", "prompt", "messages", "max_tokens", "stream", "temperature", "cache_salt"];

/** Only fields that it knows reach the pod. */
export class DropsUnknownFields extends RightProxy {
  protected override outgoingBody({ facts: { fields } }: Flight): Buffer {
    const known = Object.entries(fields).filter(([name]) => KNOWN_FIELDS.includes(name));
    return Buffer.from(JSON.stringify(Object.fromEntries(known)));
  }
}

/** The body is parsed and written again. */
export class RoundsBigIntegers extends RightProxy {
  protected override outgoingBody({ facts: { fields } }: Flight): Buffer {
    return Buffer.from(JSON.stringify(fields));
  }
}

/** Every stream is asked to count, and its count reaches clients that did not ask. */
export class AsksForUsage extends RightProxy {
  protected override outgoingBody(flight: Flight): Buffer {
    const { fields } = flight.facts;
    if (fields["stream"] !== true) return super.outgoingBody(flight);
    return Buffer.from(JSON.stringify({ ...fields, stream_options: { include_usage: true } }));
  }
}

/** Of a prompt that is a list the first reaches the pod. */
export class SendsOneOfAList extends RightProxy {
  protected override outgoingBody(flight: Flight): Buffer {
    const { prompt, ...others } = flight.facts.fields;
    if (!Array.isArray(prompt)) return super.outgoingBody(flight);
    return Buffer.from(JSON.stringify({ ...others, prompt: (prompt as readonly unknown[])[0] }));
  }
}

/** Text is composed on the way. */
export class ComposesText extends RightProxy {
  protected override outgoingBody({ body }: Flight): Buffer {
    return Buffer.from(body.toString().normalize("NFC"));
  }
}

/** What has no width is taken out of every text. */
export class StripsZeroWidths extends RightProxy {
  protected override outgoingBody({ body }: Flight): Buffer {
    return Buffer.from(body.toString().replaceAll(/[\u00ad\u200b\u2060\ufeff]/g, ""));
  }
}

/** A body is parsed, and written again with something changed. */
abstract class Rewrites extends RightProxy {
  protected abstract rewritten(fields: Fields): Fields;

  protected override outgoingBody({ facts: { fields } }: Flight): Buffer {
    return Buffer.from(JSON.stringify(this.rewritten(fields)));
  }
}

/** Who names no temperature gets OpenAI's default, not the model's own. */
export class SetsATemperature extends Rewrites {
  protected override rewritten(fields: Fields): Fields {
    return { temperature: 1, ...fields };
  }
}

/** Every answer is streamed, asked for or not. */
export class AlwaysStreams extends Rewrites {
  protected override rewritten(fields: Fields): Fields {
    return { ...fields, stream: true };
  }
}

/** No answer is streamed. */
export class NeverStreams extends Rewrites {
  protected override rewritten({ stream: _stream, ...fields }: Fields): Fields {
    return fields;
  }
}

/** A chat without a limit gets one. */
export class LimitsChats extends Rewrites {
  protected override rewritten(fields: Fields): Fields {
    return messagesOf(fields) === undefined ? fields : { max_tokens: 512, ...fields };
  }
}

/** The salt is for the index alone: it does not reach the pod. */
export class KeepsTheSalt extends RightProxy {
  protected override outgoingBody({ body }: Flight): Buffer {
    return Buffer.from(body.toString().replace(/"cache_salt": ?"[^"]*",?/, ""));
  }
}

/** Fractions are held in single precision, those of unknown fields too. */
export class RoundsFractions extends RightProxy {
  protected override outgoingBody({ body }: Flight): Buffer {
    return Buffer.from(
      body.toString().replaceAll(/(?<=": ?)\d+\.\d+/g, (digits) => String(Math.fround(Number(digits)))),
    );
  }
}

/** The name of a model is made small. */
export class LowersTheModel extends RightProxy {
  protected override outgoingBody({ body }: Flight): Buffer {
    return Buffer.from(body.toString().replace(/"model": ?"[^"]*"/, (field) => field.toLowerCase()));
  }
}

/** Marks of HTML in a text are escaped as for a page. */
export class EscapesHtml extends RightProxy {
  protected override outgoingBody({ body }: Flight): Buffer {
    return Buffer.from(body.toString().replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"));
  }
}

/** A prompt ends at its first NUL. */
export class CutsAtNul extends RightProxy {
  protected override outgoingBody(flight: Flight): Buffer {
    const { prompt, ...others } = flight.facts.fields;
    if (typeof prompt !== "string" || !prompt.includes("\0")) return super.outgoingBody(flight);
    return Buffer.from(JSON.stringify({ ...others, prompt: prompt.slice(0, prompt.indexOf("\0")) }));
  }
}

const PIECE_BYTES = 2 ** 16;

/** Each piece of a body is made text by itself: a letter that lies in two of them is lost. */
export class DecodesPiecesAlone extends RightProxy {
  protected override outgoingBody({ body }: Flight): Buffer {
    const pieces: string[] = [];
    for (let at = 0; at < body.length; at += PIECE_BYTES) pieces.push(body.subarray(at, at + PIECE_BYTES).toString());
    return Buffer.from(pieces.join(""));
  }
}

/** Of content in parts the texts alone reach the pod. */
export class DropsPictures extends RightProxy {
  protected override outgoingBody(flight: Flight): Buffer {
    const { fields } = flight.facts;
    const messages = messagesOf(fields)?.map((message) =>
      Array.isArray(message.content) ? { ...message, content: message.content.filter(isText) } : message,
    );
    if (messages === undefined) return super.outgoingBody(flight);
    return Buffer.from(JSON.stringify({ ...fields, messages }));
  }
}

const isText = (part: unknown): boolean => (part as { readonly type?: unknown } | null)?.type === "text";
