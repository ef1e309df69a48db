/** `/adapters`, by which SageMaker loads and unloads adapters: there where the calls of vLLM's own are. */
import { invalidRequest, type Refusal } from "../../../fixtures/wire/errors.ts";
import { plain, type ValidationError } from "../../../fixtures/wire/validation/judgement.ts";
import { PythonError } from "../../../fixtures/wire/validation/python-text.ts";
import { bool, object, required, ruled, string, type Schema } from "../../../fixtures/wire/validation/schema.ts";
import { validate } from "../../../fixtures/wire/validation/validate.ts";
import type { Answer } from "../http/answer.ts";
import type { Exchange } from "../http/exchange.ts";
import type { PodContext } from "../pod-context.ts";
import type { Route } from "../routes.ts";
import { readJson } from "./read-json.ts";

const REQUEST = "SageMakerRegisterLoRAAdapterRequest";

const registration = object(REQUEST, {
  name: required(notEmpty("name")),
  src: required(notEmpty("src")),
  preload: bool,
  pin: bool,
});

function notEmpty(name: string): Schema {
  const complaint = (value: unknown) => (value === "" ? `The parameter ${name} cannot be an empty string` : undefined);
  return ruled(string, complaint, { minLength: 1 });
}

export function adapterRoutes(pod: PodContext): Route[] {
  return [
    {
      methods: ["POST"],
      path: "/adapters",
      handle: (exchange) => {
        const { name, src } = read(exchange);
        pod.models.load(name, src, false);
        return said(`Adapter ${name} registered`);
      },
    },
    {
      methods: ["DELETE"],
      path: "/adapters/{adapter_name}",
      handle: ({ path }) => {
        const name = path.slice("/adapters/".length);
        pod.models.unload(name);
        return said(`Adapter ${name} unregistered`);
      },
    },
  ];
}

/** Plain text without a content type. */
function said(body: string): Answer {
  return { status: 200, body };
}

/** @throws {Refusal} with pydantic's own list */
function read(exchange: Exchange): { readonly name: string; readonly src: string } {
  const { given, shown } = givenBy(exchange);
  const judged = validate(registration, given);
  if (judged.ok) return judged.value as { name: string; src: string };
  throw refused(judged.errors.map((error) => (error.input === given ? { ...error, input: shown } : error)));
}

/** What is no JSON is left unread, and the query is taken for it. */
function givenBy({ body, query, search }: Exchange): { readonly given: unknown; readonly shown: unknown } {
  try {
    const given = readJson(body, ({ message }) => message);
    return { given, shown: given };
  } catch {
    return { given: Object.fromEntries(query), shown: search.replace(/^\?/, "") };
  }
}

function refused(errors: readonly ValidationError[]): Refusal {
  return invalidRequest(JSON.stringify(errors.map(told)), null);
}

/** Key order is pydantic's. */
function told({ type, loc, msg, input, ctx, model }: ValidationError): object {
  if (model !== undefined) {
    const instance = `Input should be a valid dictionary or instance of ${model}`;
    return { type: "model_type", loc, msg: instance, input: plain(input), ctx: { class_name: model } };
  }
  const error = ctx?.["error"];
  const context = error instanceof PythonError ? { error: error.message } : undefined;
  return { type, loc, msg, input: plain(input), ...(context === undefined ? {} : { ctx: context }) };
}
