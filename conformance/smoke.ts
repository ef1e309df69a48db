/** The shortest check that a router is attached rightly, which says where trouble is: in the adapter, the router or the kit. */
import { OperationalError } from "../fixtures/operational-error.ts";
import type { RouterAdapter } from "./adapters/router-under-test.ts";
import { openSession } from "./runner/open-session.ts";
import type { Session } from "./runner/session.ts";

export interface SmokeStep {
  readonly name: string;
  /** Absent when it went well. */
  readonly trouble?: { readonly in: "adapter" | "router" | "kit"; readonly text: string };
}

/** Starts it, sends one request, adds and removes a pod, stops it. Ends at the first trouble, and stops the router all the same. */
export async function smoke(adapter: RouterAdapter, seed: number): Promise<readonly SmokeStep[]> {
  const steps: SmokeStep[] = [];
  let session: Session | undefined;
  const went: Went = async (name, work) => {
    const trouble = await work().catch((error: unknown) => blame(error, session));
    steps.push({ name, ...(trouble && { trouble }) });
    return trouble === undefined;
  };
  const started = await went("starts and says that it is ready", async () => {
    session = await openSession({ adapter, seed, models: ["model-a"] });
    return undefined;
  });
  if (!started || session === undefined) return steps;
  const running: Session = session;
  await exercise(running, adapter, seed, went);
  await went("stops", async () => {
    await running.close();
    return undefined;
  });
  return steps;
}

type Trouble = SmokeStep["trouble"];
type Went = (name: string, work: () => Promise<Trouble>) => Promise<boolean>;

/** Who answers so to a completion that it passes to no pod is asked at the wrong address, or without what it wants to see. */
const WRONG_ADDRESS: ReadonlySet<number> = new Set([401, 403, 404, 405, 501]);

async function exercise(session: Session, adapter: RouterAdapter, seed: number, went: Went): Promise<void> {
  const lab = await session.lab({ id: "SMOKE", needs: { transport: "any", anyPod: true } }, seed);
  const reaches = async (): Promise<Trouble> => {
    const { pod, attempts, status } = await lab.send(lab.corpus.namespace().prompt([]), { label: "smoke" });
    if (status === 200 && pod !== null) return undefined;
    if (pod !== null) {
      return { in: "router", text: `a completion reached ${attempts.join(", ")} and was answered with ${status}` };
    }
    const wire = lab.http?.wire().at(-1);
    const to = `a completion to ${lab.http?.routerUrl ?? adapter.name}${wire?.request.path ?? ""}`;
    if (wire?.response.end === "refused") {
      return {
        in: "adapter",
        text: `${to}: nothing listens there, although the router is ready; what does "url" say?`,
      };
    }
    if (WRONG_ADDRESS.has(status)) {
      const text = `${to} reached no pod and was answered with ${status}: are "url", and "requests" with its paths and headers, those of the router's completions?`;
      return { in: "adapter", text };
    }
    return { in: "router", text: `${to} reached no pod; the router answered ${status || "nothing"}` };
  };
  if (!(await went("passes a request on to a pod", reaches)) || adapter.changesPods === false) return;
  let added = "";
  const changed =
    (await went("takes a pod more", async () => {
      added = await lab.addPod();
      return reaches();
    })) &&
    (await went("lets it go again", async () => {
      await lab.removePod(added);
      return reaches();
    }));
  if (changed) await session.end(lab);
}

/** A router that died is to blame whatever broke; else what the adapter file says, or the kit. */
function blame(error: unknown, session: Session | undefined): SmokeStep["trouble"] {
  const death = session?.died();
  if (death !== undefined) return { in: "router", text: `the router ${death}` };
  if (error instanceof OperationalError) return { in: "adapter", text: error.message };
  return { in: "kit", text: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
