/** A lab in which one thing that a case does has no effect and leaves no trace: what is then shown is shown by nothing. */
import { EMPTY_ANSWER } from "../cases/trials/exchange.ts";
import type { HttpLab } from "../http-lab/http-facilities.ts";
import { fails } from "../http-lab/pod-scripts.ts";
import type { Held, Lab, SendOptions } from "../lab.ts";

export const STIMULI = {
  hold: "requests end at once instead of being held",
  "add a pod": "no pod comes",
  "remove a pod": "no pod leaves",
  "return a pod": "no pod comes back",
  "replace a pod": "no pod is exchanged",
  "reorder pods": "the order stays",
  "move time": "time stands still",
  leave: "clients stay to the end of their answers",
  "fail at the pod": "pods answer well",
} as const;

/** What only a lab over HTTP can do. */
export const HTTP_STIMULI = {
  "answer as scripted": "pods answer as engines do, whatever the case would have them say",
  "come at once": "each exchange waits for the one before",
  "stop a pod": "no pod refuses connections",
  "change a page": "pods say of themselves what they always say",
  "trouble events": "KV events arrive as they were sent",
} as const;

export type Stimulus = keyof typeof STIMULI | keyof typeof HTTP_STIMULI;

/** `used` is told of each stimulus that the case asks for; without `stimulus` none is taken away. */
export function withoutStimulus(lab: Lab, stimulus: Stimulus | undefined, used: (one: Stimulus) => void): Lab {
  const gone = (one: Stimulus): boolean => {
    used(one);
    return one === stimulus;
  };
  const well = (options: SendOptions): SendOptions => {
    const { upstream = "ok", firstStatus, ...rest } = options;
    return (upstream !== "ok" || firstStatus !== undefined) && gone("fail at the pod") ? rest : options;
  };
  return except(lab, {
    ...(lab.http === undefined ? {} : { http: httpWithout(lab.http, gone) }),
    send: (prompt, options) => lab.send(prompt, well(options)),
    hold: async (prompt, options) => {
      if (gone("hold")) return { step: await lab.send(prompt, well(options)), release: async () => undefined };
      return staying(await lab.hold(prompt, well(options)), gone);
    },
    addPod: async () => (gone("add a pod") ? (lab.pods()[0] ?? "") : lab.addPod()),
    removePod: async (name) => (gone("remove a pod") ? undefined : lab.removePod(name)),
    returnPod: async (name) => (gone("return a pod") ? undefined : lab.returnPod(name)),
    replacePod: async (name) => (gone("replace a pod") ? name : lab.replacePod(name)),
    reorderPods: async () => (gone("reorder pods") ? undefined : lab.reorderPods()),
    advance: async (byMs) => (gone("move time") ? undefined : lab.advance(byMs)),
  });
}

type Gone = (one: Stimulus) => boolean;

const staying = (held: Held, gone: Gone): Held => ({
  step: held.step,
  release: (how) => held.release(how === "aborted" && gone("leave") ? "ok" : how),
});

function httpWithout(http: HttpLab, gone: Gone): HttpLab {
  const { pods } = http;
  let last: Promise<unknown> = Promise.resolve();
  let under = 0;
  return except(http, {
    request: async ({ signal, onData, ...rest }) => {
      const stays = {
        ...rest,
        ...(signal === undefined || gone("leave") ? {} : { signal }),
        ...(onData === undefined
          ? {}
          : {
              onData: (piece: Uint8Array, soFar: Uint8Array) =>
                onData(piece, soFar) !== false || gone("leave") ? undefined : false,
            }),
      };
      const before = last;
      const waits = under++ > 0 && gone("come at once");
      const answer = (waits ? before : Promise.resolve()).then(() => http.request(stays)).finally(() => under--);
      last = answer.catch(() => undefined);
      return answer;
    },
    pods: except(pods, {
      script: (script) => {
        // An answer that says nothing is as good as an engine's.
        if (script.reply !== EMPTY_ANSWER && gone("answer as scripted")) return;
        if (!(fails(script) && gone("fail at the pod"))) pods.script(script);
      },
      setUp: async (pod, up) => (up || !gone("stop a pod") ? pods.setUp(pod, up) : undefined),
      setPage: (...page) => (page[1] !== undefined && gone("change a page") ? undefined : pods.setPage(...page)),
      troubleEvents: (pod, how) =>
        how !== undefined && gone("trouble events") ? undefined : pods.troubleEvents(pod, how),
    }),
  });
}

/** The same but for some of its members; those of the rest that hang on `this` keep it. */
function except<T extends object>(whole: T, changed: Partial<T>): T {
  return new Proxy(whole, {
    get: (target, key) => {
      if (key in changed) return changed[key as keyof T];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
