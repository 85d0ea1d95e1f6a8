// Pipelines that run on this machine: how one registers itself, and how other commands find and use it. Names
// adapters, like compose.ts.

import { join } from "node:path";
import type { Instance } from "../adapters/filesystem/instances.ts";
import type { FlowName } from "../pipeline/contracts/contract.ts";
import { flowNamed } from "../pipeline/flows/flow.ts";
import { createFollower } from "../pipeline/operations/follow-remote.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import { createRecorder } from "../pipeline/trace/recorder.ts";
import type { Pipeline } from "./compose.ts";
import { openReading } from "./compose-images.ts";
import type { VisionOptions } from "./compose-vision.ts";
import { noNotes } from "./resumed.ts";
import { inScope } from "./scope.ts";

export type { Instance } from "../adapters/filesystem/instances.ts";

async function openInstances(stateDir: string) {
  const { createInstances } = await import("../adapters/filesystem/instances.ts");
  return createInstances(join(stateDir, "running"));
}

/** Registers the pipeline of this process. Returns the function that removes it. */
export async function register(
  stateDir: string,
  instance: Omit<Instance, "v" | "pid" | "process">,
): Promise<() => Promise<void>> {
  const { thisProcess } = await import("../adapters/sqlite/process-identity.ts");
  const instances = await openInstances(stateDir);
  return instances.add({ v: 1, pid: process.pid, process: thisProcess(), ...instance });
}

/** Those that run, oldest first. */
export async function runningIn(stateDir: string): Promise<readonly Instance[]> {
  const { isProcessGone } = await import("../adapters/sqlite/process-identity.ts");
  const instances = await openInstances(stateDir);
  return instances.all(
    ({ pid, process: identity }) => isProcessGone(identity) || (identity === null && !isAlive(pid)),
  );
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

/** A pipeline that runs in another process, with everything that an upload needs of it. */
export const openRunning = (
  instance: Instance,
  options: { readonly flow: FlowName; readonly reporter: Reporter; readonly vision: VisionOptions },
): Promise<Pipeline> =>
  inScope(async (scope) => {
    const { createGraphqlGatewayClient } = await import("../adapters/graphql/client.ts");
    const { createFetchHttpClient } = await import("../adapters/http/client.ts");
    const { createHttpObserver } = await import("../adapters/http/observer.ts");
    const { createSystemClock } = await import("../adapters/memory/clock.ts");
    const { sha256: digest } = await import("../adapters/memory/ids.ts");
    const { images } = await openReading(options.vision, options.reporter);
    const services = new Map(Object.entries(instance.services));
    const gateway = scope.use(
      await createGraphqlGatewayClient(services.get("graph-gateway") ?? ""),
    );
    const observer = createHttpObserver(instance.observer.url, instance.observer.token);
    const recorder = createRecorder(options.reporter);
    const follower = createFollower({ observer, recorder, gateway });
    scope.defer(() => follower.close());
    return {
      ...{ images, digest, clock: createSystemClock(), http: createFetchHttpClient() },
      ...{ gateway: follower.gateway, recorder: follower.recorder },
      machines: { findByObjectKey: (objectKey) => observer.machineOf(objectKey) },
      flow: flowNamed(options.flow),
      addresses: services,
      notes: noNotes,
      resumed: () => [],
      observer: instance.observer,
    };
  });
