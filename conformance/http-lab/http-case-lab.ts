/** The lab over HTTP for one case: sends to the router, learns from the pods who served, records every step. */
import { setTimeout as sleep } from "node:timers/promises";
import { Random, type RandomStream } from "../../fixtures/random.ts";
import type { Pod } from "../../mock-pods/pod/pod.ts";
import { CaseEnd } from "../case-end.ts";
import { createCorpus, type Corpus, type Prompt } from "../corpus/corpus.ts";
import type { Held, Lab, SendOptions } from "../lab.ts";
import type { HttpLab } from "./http-facilities.ts";
import type { CarriedLoad, Observation, SentStep } from "../observation.ts";
import { settledAfterMs, windowPassedMs } from "../oracle/load-signal.ts";
import { LATE_RELEASE_MAX_MS } from "../oracle/request-load.ts";
import type { RouterProfile } from "../router-profile.ts";
import { CasePods } from "./case-pods.ts";
import { CaseRequests } from "./case-requests.ts";
import { type CaseRun, noteIn } from "./case-run.ts";
import { openRawConnection } from "./raw-connection.ts";
import type { RawResponse } from "./raw-exchange.ts";
import { openRouterView } from "./router-view.ts";
import { LORA_ADAPTER } from "./session-pods.ts";
import { openStranger } from "./stranger.ts";

export interface HttpLabOptions extends Omit<CaseRun, "corpus" | "steps" | "end"> {
  readonly caseId: string;
  readonly seed: number;
}

export class HttpCaseLab implements Lab {
  readonly profile: RouterProfile;
  readonly random: RandomStream;
  readonly corpus: Corpus;
  readonly models: readonly string[];
  readonly adapter: string;
  readonly http: HttpLab;
  readonly end = new CaseEnd();
  readonly #caseId: string;
  readonly #seed: number;
  readonly #run: CaseRun;
  readonly #requests: CaseRequests;
  readonly #pods: CasePods;
  #carried: readonly CarriedLoad[] = [];
  /** Exchanges of the case's own. */
  #underWay = 0;

  constructor({ caseId, seed, ...of }: HttpLabOptions) {
    const streams = new Random(seed);
    const { profile, running, pods } = of;
    this.#caseId = caseId;
    this.#seed = seed;
    this.profile = profile;
    this.models = pods.models;
    this.adapter = LORA_ADAPTER;
    this.random = streams.stream(`case/${caseId}`);
    this.corpus = createCorpus(streams.stream(`corpus/${caseId}`));
    this.#run = { ...of, corpus: this.corpus, steps: [], end: this.end };
    const router = openRouterView(running.adapter, running);
    const requests = new CaseRequests(this.#run, router);
    this.#requests = requests;
    this.#pods = new CasePods(this.#run, requests);
    this.http = {
      get routerUrl() {
        return running.router.url;
      },
      headers: running.adapter.requests?.headers ?? {},
      request: (options) => this.#counted(requests.raw(options)),
      connect: () => openRawConnection(running.router.url),
      router,
      wait: (ms) => sleep(ms),
      spoil: () => running.spoil(),
      wire: () => requests.wire(),
      pods: pods.stage,
      openStranger: () => openStranger(running.adapter.podsHost),
    };
  }

  async #counted(response: Promise<RawResponse>): Promise<RawResponse> {
    if (this.#underWay++ > 0) this.#run.pods.stage.happened.add("requests-at-once");
    return response.finally(() => this.#underWay--);
  }

  warmUp(): Promise<void> {
    return this.#pods.warmUp();
  }

  /** Before the case: the router gets other pods. */
  adopt(pods: readonly Pod[]): Promise<void> {
    return this.#pods.adopt(pods);
  }

  /** The case's own observation begins here; `carried` may still weigh on the pods. */
  begin(carried: readonly CarriedLoad[]): void {
    this.#carried = carried;
    this.#run.steps.length = 0;
    this.#requests.begin();
    this.#pods.begin();
  }

  observation(): Observation {
    const { steps } = this.#run;
    const carried = this.#carried.length === 0 ? {} : { carried: this.#carried };
    const happened = [...this.#run.pods.stage.happened];
    return { caseId: this.#caseId, seed: this.#seed, transport: "http", steps, happened, ...carried };
  }

  pods(): readonly string[] {
    return this.#pods.names();
  }

  nowMs(): number {
    return this.#run.nowMs();
  }

  send(prompt: Prompt, options: SendOptions): Promise<SentStep> {
    return this.#requests.send(prompt, options);
  }

  hold(prompt: Prompt, options: SendOptions): Promise<Held> {
    return this.#requests.hold(prompt, options);
  }

  async addPod(): Promise<string> {
    await this.end.goesOn();
    return this.#pods.add();
  }

  async removePod(name: string): Promise<void> {
    await this.end.goesOn();
    return this.#pods.remove(name);
  }

  async returnPod(name: string): Promise<void> {
    await this.end.goesOn();
    return this.#pods.return(name);
  }

  async replacePod(name: string): Promise<string> {
    await this.end.goesOn();
    return this.#pods.replace(name);
  }

  async reorderPods(): Promise<void> {
    await this.end.goesOn();
    return this.#pods.reorder();
  }

  async advance(byMs: number): Promise<void> {
    const { advance } = this.#run.running.router;
    await (advance === undefined ? sleep(byMs) : advance(byMs));
    this.#run.steps.push({ kind: "advanced", byMs, atMs: this.nowMs() });
  }

  quiet(): Promise<boolean> {
    return this.#requests.quiet();
  }

  settle(): Promise<void> {
    return this.#endIn(settledAfterMs(this.profile));
  }

  async #endIn(ms: number): Promise<void> {
    const { load } = this.profile;
    const held = this.#requests.heldCount > 0;
    await this.releaseAll();
    // Else the oracle must grant that the router still counts them, and the next probe could show nothing.
    if (held && load !== undefined && load.signal !== "none") await this.quiet();
    // Without a clock to move the window stays as it is: the oracle counts what it holds.
    if (this.#run.running.router.advance !== undefined && ms > 0) await this.advance(ms);
  }

  async drain(): Promise<void> {
    const passedMs = windowPassedMs(this.profile);
    await this.#endIn(passedMs);
    if (!(await this.quiet())) await sleep(LATE_RELEASE_MAX_MS);
    if (this.#run.running.router.advance === undefined && passedMs > 0) await this.advance(passedMs);
  }

  note(label: string, data: unknown): void {
    noteIn(this.#run, label, data);
  }

  releaseAll(): Promise<void> {
    return this.#requests.releaseAll();
  }
}
