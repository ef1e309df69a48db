/** The names a pod answers to: its served names and its LoRA adapters. */
import type { LoraAdapter } from "../engine/engine.ts";
import { Refusal, unknownModel } from "../../fixtures/wire/errors.ts";
import type { AnswersProfile } from "../versions/answers.ts";
import type { ErrorsProfile } from "../versions/errors.ts";
import type { ServeSettings } from "./serve-settings.ts";

export class ModelRegistry {
  readonly #served: ServeSettings["servedNames"];
  readonly #naming: ErrorsProfile["unknownModel"];
  readonly #answersAs: AnswersProfile["model"];
  readonly #adapters = new Map<string, LoraAdapter>();
  #loadings = 0;

  constructor(settings: ServeSettings) {
    this.#naming = settings.version.errors.unknownModel;
    this.#answersAs = settings.version.answers.model;
    this.#served = settings.servedNames;
    for (const [name, path] of settings.lora ? settings.loraModules : []) this.#enter(name, path);
  }

  /** In the order of loading. */
  get adapters(): Iterable<LoraAdapter> {
    return this.#adapters.values();
  }

  /**
   * The adapter that was asked for, or undefined for the base model.
   *
   * @throws {Refusal} 404 for a name that is neither
   */
  resolve(model: string | null | undefined): LoraAdapter | undefined {
    if (model === undefined || model === null || model === "" || this.#served.includes(model)) return undefined;
    const adapter = this.#adapters.get(model);
    if (adapter !== undefined) return adapter;
    throw unknownModel(model, this.#served, this.#naming);
  }

  /** What an answer calls the model. */
  answeringName(asked: string | null | undefined, adapter: string | undefined): string {
    return adapter ?? (this.#answersAs === "as-asked" && asked ? asked : this.#served[0]);
  }

  /** @throws {Refusal} */
  load(name: string, path: string, inPlace: boolean): void {
    if (name === "" || path === "") {
      throw new Refusal(400, "InvalidUserInput", "Both 'lora_name' and 'lora_path' must be provided.");
    }
    if (this.#served.includes(name)) {
      throw new Refusal(400, "InvalidUserInput", `The lora adapter '${name}' conflicts with a served base model.`);
    }
    if (this.#adapters.has(name) && !inPlace) {
      throw new Refusal(
        400,
        "InvalidUserInput",
        `The lora adapter '${name}' has already been loaded. If you want to load the adapter in place, set 'load_inplace' to True.`,
      );
    }
    if (isMissing(path)) {
      // It has had its number by then.
      if (!this.#adapters.has(name)) this.#loadings++;
      throw new Refusal(404, "NotFoundError", `Loading lora ${name} failed: No adapter found for ${path}`);
    }
    this.#enter(name, path);
  }

  /** One loaded in place keeps its number. */
  #enter(name: string, path: string): void {
    const id = this.#adapters.get(name)?.id ?? ++this.#loadings;
    this.#adapters.set(name, { id, name, path });
  }

  /** @throws {Refusal} */
  unload(name: string): void {
    if (name === "") {
      throw new Refusal(400, "InvalidUserInput", "'lora_name' needs to be provided to unload a LoRA adapter.");
    }
    if (this.#adapters.delete(name)) return;
    throw new Refusal(404, "NotFoundError", `The lora adapter '${name}' cannot be found.`);
  }
}

/** A pod reads no adapter: any path will do, but for one that says itself that it is not there. */
function isMissing(path: string): boolean {
  return /(^|\/)(no-such|missing|nonexistent|does-not-exist)[^/]*\/?$/i.test(path);
}
