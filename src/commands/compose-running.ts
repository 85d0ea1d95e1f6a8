// Pipelines that run on this machine: how one registers itself, and how other commands find and use it. Names
// adapters, like compose.ts.

import { join } from "node:path";
import type { Instance } from "../adapters/filesystem/instances.ts";
import { flowNamed } from "../pipeline/flows/flow.ts";
import { tellingObjects } from "../pipeline/http/told-objects.ts";
import { createFollower } from "../pipeline/operations/follow-remote.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import { createRecorder } from "../pipeline/trace/recorder.ts";
import type { Pipeline } from "./compose.ts";
import { openNotes } from "./compose-state.ts";
import { inScope } from "./scope.ts";

export type { Instance } from "../adapters/filesystem/instances.ts";

export const runningDirectory = (stateDir: string) => join(stateDir, "running");

async function openInstances(stateDir: string) {
  const { createInstances } = await import("../adapters/filesystem/instances.ts");
  return createInstances(runningDirectory(stateDir));
}

/** Where they register, and write what they print. Throws E_STATE_UNWRITABLE. */
export async function makeRunningDirectory(stateDir: string): Promise<string> {
  const directory = runningDirectory(stateDir);
  const { makeStateDir } = await import("./compose-directory.ts");
  await makeStateDir(directory);
  return directory;
}

export type Registered = {
  readonly instance: Instance;
  remove(): Promise<void>;
};

/** Registers the pipeline of this process. */
export async function register(
  stateDir: string,
  about: Omit<Instance, "v" | "pid" | "process">,
): Promise<Registered> {
  const { thisProcess } = await import("../adapters/sqlite/process-identity.ts");
  await makeRunningDirectory(stateDir);
  const instances = await openInstances(stateDir);
  const instance = { v: 1, pid: process.pid, process: thisProcess(), ...about } as const;
  return { instance, remove: await instances.add(instance) };
}

/** Returns the function that removes it. Throws E_OUTPUT_UNWRITABLE. */
export async function writeReadyFile(path: string, text: string): Promise<() => Promise<void>> {
  const { writeOutput } = await import("../adapters/filesystem/output.ts");
  const { rm } = await import("node:fs/promises");
  await writeOutput(path, new TextEncoder().encode(text));
  return () => rm(path, { force: true });
}

/** Those that run on this machine, oldest first. Throws E_STATE_UNUSABLE and E_STATE_UNWRITABLE. */
export async function runningIn(stateDir: string): Promise<readonly Instance[]> {
  const { isProcessGone, isProcessHere } = await import("../adapters/sqlite/process-identity.ts");
  const instances = await openInstances(stateDir);
  const whereIs = ({ pid, process: identity }: Instance) => {
    if (identity === null) return isAlive(pid) ? "here" : "gone";
    if (isProcessHere(identity)) return "here";
    return isProcessGone(identity) ? "gone" : "elsewhere";
  };
  try {
    return await instances.all(whereIs);
  } catch (error) {
    const { unusableDirectory } = await import("./compose-directory.ts");
    throw await unusableDirectory(stateDir, error, "name the state directory with --state-dir");
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** The problems of each service that is not ready, in its own words. Empty: the pipeline is ready. */
export async function problemsOf({
  services,
}: Pick<Instance, "services">): Promise<readonly string[]> {
  const found = await Promise.all(
    Object.entries(services).map(async ([name, url]) => {
      try {
        const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(5_000) });
        if (response.ok) return [];
        const [, ...lines] = (await response.text()).trim().split("\n");
        return [`${name}: ${lines.join(", ")}`];
      } catch {
        return [`${name}: ${url} does not answer`];
      }
    }),
  );
  return found.flat();
}

/**
 * A pipeline that runs in another process, with everything that an upload needs of it. The others may do a part of
 * its work.
 */
export const openRunning = (
  [instance, ...others]: readonly [Instance, ...Instance[]],
  options: {
    readonly stateDir: string;
    readonly reporter: Reporter;
    /** On a cluster. */
    readonly isShared: boolean;
  },
): Promise<Pipeline> =>
  inScope(async (scope) => {
    const { createGraphqlGatewayClient } = await import("../adapters/graphql/client.ts");
    const { createFetchHttpClient } = await import("../adapters/http/client.ts");
    const { createHttpObserver } = await import("../adapters/http/observer.ts");
    const { createSystemClock } = await import("../adapters/memory/clock.ts");
    const { sha256: digest } = await import("../adapters/memory/ids.ts");
    const gateway = scope.use(
      await createGraphqlGatewayClient(instance.services["graph-gateway"] ?? ""),
    );
    const observerOf = ({ observer: { token, url } }: Instance) => createHttpObserver(url, token);
    const observer = observerOf(instance);
    const observers = [observer, ...others.map(observerOf)];
    const recorder = createRecorder(options.reporter);
    const follower = createFollower({ observers, recorder, gateway });
    scope.defer(() => follower.close());
    const clock = createSystemClock();
    const isElsewhere = instance.services["object-store"] === undefined;
    const told = { clock, reporter: recorder };
    const http = tellingObjects(createFetchHttpClient(), () => isElsewhere, told);
    return {
      ...{ digest, clock, http },
      ...{ gateway: follower.gateway, recorder: follower.recorder },
      machines: { findByObjectKey: (objectKey) => observer.machineOf(objectKey) },
      flow: flowNamed(instance.flow),
      runsHere: (service) =>
        [instance, ...others].some(({ services }) => services[service] !== undefined),
      notes: await openNotes(instance.isEphemeral ? null : options.stateDir),
      resumed: () => [],
      isShared: options.isShared,
    };
  });
