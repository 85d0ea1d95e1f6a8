// Settings → ports. The only file that names concrete adapters, each imported on the path that uses it.

import { randomBytes } from "node:crypto";
import type { ListenerOptions } from "../adapters/http/listener.ts";
import type { FlowName } from "../pipeline/contracts/contract.ts";
import { behindJournal } from "../pipeline/delivery/behind-journal.ts";
import { createFlowLinks } from "../pipeline/delivery/flow-links.ts";
import { consumersOf, createPublish } from "../pipeline/delivery/publish.ts";
import { createReadiness, type Probe } from "../pipeline/delivery/readiness.ts";
import { createRelay, type Relay } from "../pipeline/delivery/relay.ts";
import { declareTopology, type RunPorts, runService } from "../pipeline/delivery/run-services.ts";
import { type FlowState, hasEnded } from "../pipeline/engine/state.ts";
import { TuError, told } from "../pipeline/errors.ts";
import { type Flow, flowNamed } from "../pipeline/flows/flow.ts";
import { type Allowed, createDoor } from "../pipeline/http/door.ts";
import { settleUploads } from "../pipeline/operations/confirmed-uploads.ts";
import { applyPrune, type KeepLimits, planPrune } from "../pipeline/operations/keep-state.ts";
import type { UploadPorts } from "../pipeline/operations/upload.ts";
import type { Clock } from "../pipeline/ports/clock.ts";
import type { Endpoint } from "../pipeline/ports/endpoint.ts";
import type { Ids } from "../pipeline/ports/ids.ts";
import type { Images } from "../pipeline/ports/images.ts";
import type { Journal } from "../pipeline/ports/journal.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import type { UploadNotes } from "../pipeline/ports/upload-notes.ts";
import type { Vision } from "../pipeline/ports/vision.ts";
import { allServices } from "../pipeline/services/all-services.ts";
import { createGateway } from "../pipeline/services/graph-gateway.ts";
import { createObjectStoreEndpoints } from "../pipeline/services/object-store.ts";
import type { Faults } from "../pipeline/steps/faults.ts";
import { toIso } from "../pipeline/time.ts";
import { createRecorder } from "../pipeline/trace/recorder.ts";
import { openReading } from "./compose-images.ts";
import { type Closers, closeAll, openStores, type Stores, upgrading } from "./compose-state.ts";
import type { VisionOptions } from "./compose-vision.ts";
import {
  createHearing,
  type Hearing,
  namingPictures,
  type Resumed,
  removeOldNotes,
} from "./resumed.ts";

export type PipelineOptions = {
  readonly flow: FlowName;
  /** Null: nothing is kept. */
  readonly stateDir: string | null;
  readonly faults: Faults;
  /** Timeouts that replace those of the definition, by step, like `500ms`. */
  readonly stepTimeouts: Readonly<Record<string, string>>;
  readonly vision: VisionOptions;
  /** What is let go of at the start. */
  readonly limits: KeepLimits;
  readonly door: Door;
  readonly reporter: Reporter;
  /** For all of it; nothing may hold it up for much of that. */
  readonly timeoutMs: number;
  /** Aborted: the opening ends at its next step. */
  readonly signal: AbortSignal;
};
/** Who may come in by HTTP, and what a GraphQL client may ask. */
export type Door = { readonly allowed: Allowed; readonly introspection: boolean };
export type Pipeline = UploadPorts & {
  /** Base addresses by service. */
  readonly addresses: ReadonlyMap<string, string>;
  readonly images: Images;
  /** Flows that an earlier run left and this one goes on with. */
  readonly resumed: readonly Resumed[];
  readonly notes: UploadNotes;
  /** Takes no new work, lets what is under way end, releases everything. */
  close(): Promise<void>;
};

/** Loads what takes the longest to load, and opens nothing: for whoever has something else to wait for. */
export async function preload(): Promise<void> {
  const [http, graphql] = await Promise.all([
    import("../adapters/http/server.ts"),
    import("../adapters/graphql/server.ts"),
  ]);
  await Promise.all([http.loadHttpServer(), graphql.loadGraphqlServer()]);
}

/** The whole pipeline in this process: every service, every transport, on loopback. */
export async function openPipeline(options: PipelineOptions): Promise<Pipeline> {
  const closers: Closers = [];
  const close = () => closeAll(closers);
  try {
    return await start(options, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(
  options: PipelineOptions,
  closers: Closers,
  close: () => Promise<void>,
): Promise<Pipeline> {
  const orchestrator = await import("../pipeline/services/orchestrator.ts");
  const { createSystemClock } = await import("../adapters/memory/clock.ts");
  const { createRandomIds, sha256 } = await import("../adapters/memory/ids.ts");
  const { createFetchHttpClient } = await import("../adapters/http/client.ts");
  const clock = createSystemClock();
  const ids = createRandomIds(clock);
  const recorder = createRecorder(options.reporter);
  const flow = withStepTimeouts(flowNamed(options.flow), options.stepTimeouts);
  const world: World = {
    ...(await openReaders(options, closers)),
    clock,
    ids,
    digest: sha256,
    http: createFetchHttpClient(),
    recorder,
    flow,
    internalToken: randomBytes(24).toString("hex"),
    door: options.door,
    urls: new Map(),
    closers,
  };
  const { signal } = options;
  signal.throwIfAborted();
  const stores = await openStores(options, {
    clock,
    runnerId: ids.create(),
    objectsUrl: () => urlOf(world, "object-store"),
    owedTo: (message) => consumersOf(message, flow.name),
    closers,
    busyTimeoutMs: Math.min(5_000, options.timeoutMs / 4),
    onUpgrade: (file) =>
      recorder.notice({ code: "upgrading", message: upgrading(file), flowId: null }),
    onError(error) {
      const { code, reason } = told(error);
      recorder.notice({ code, message: reason, flowId: null });
    },
  });
  const noted = await stores.notes.all();
  const run = await openTransports(stores.journal, world, namingPictures(recorder, noted));
  signal.throwIfAborted();
  const feed = await serve(run, stores, options.faults, world);
  signal.throwIfAborted(); // what an earlier run left stays for the next one
  const stateOf = async (flowId: string) =>
    orchestrator.stateOf(await stores.journal.flow(orchestrator.orchestratorName, flowId));
  const resumed = await goingOn(await run.relay.start(), feed, stateOf);
  feed.keepOnly(resumed);
  await removeOldNotes(stores.notes, noted, { clock, stateOf });
  closers.push(() => run.relay.close());
  if (options.stateDir !== null) closers.push(pruneMeanwhile(stores, options.limits, world));
  const { createGraphqlGatewayClient } = await import("../adapters/graphql/client.ts");
  const gateway = await createGraphqlGatewayClient(urlOf(world, "graph-gateway"));
  closers.push(
    () => feed.close(),
    () => gateway.close(),
  );
  const { digest, http, images } = world;
  const { machines } = stores;
  const opened = { gateway, http, digest, clock, machines, recorder, flow, images };
  return {
    ...opened,
    addresses: world.urls,
    notes: stores.notes,
    resumed: resumed.map((flowId) => ({
      flowId,
      note: noted.get(flowId) ?? null,
      events: feed.eventsOf(flowId),
    })),
    close,
  };
}

/** Of a flow that had ended something may still be owed, and nobody waits for that. */
async function goingOn(
  flowIds: readonly string[],
  { hasHeardEnd }: Hearing,
  stateOf: (flowId: string) => Promise<FlowState>,
): Promise<readonly string[]> {
  const going: string[] = [];
  for (const flowId of flowIds)
    if (!hasEnded(await stateOf(flowId)) || hasHeardEnd(flowId)) going.push(flowId);
  return going;
}

/** Beside the work: what is over a limit goes. Gives what ends it. */
function pruneMeanwhile(stores: Stores, limits: KeepLimits, world: World): () => Promise<void> {
  const { clock, recorder } = world;
  const stopping = new AbortController();
  const tell = (code: string, message: string) => recorder.notice({ code, message, flowId: null });
  const kept = { ...stores, ids: world.ids };
  const pruning = settleUploads(kept, toIso(clock.nowMs()))
    .then(() => planPrune(kept, limits, clock))
    .then((plan) => applyPrune(kept, plan, stopping.signal))
    .then(
      ({ flows }) => {
        if (flows > 0)
          tell("pruned", `let go of ${flows} finished flows (see \`tu-analyze state\`)`);
      },
      (error: unknown) => {
        if (stopping.signal.aborted) return; // the next start goes on with it
        const { code, reason } = told(error);
        tell(code, `old flows could not be let go of: ${reason}`);
      },
    );
  return async () => {
    stopping.abort();
    await pruning;
  };
}

type World = {
  readonly images: Images;
  readonly vision: Vision;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly digest: UploadPorts["digest"];
  readonly http: UploadPorts["http"];
  readonly recorder: UploadPorts["recorder"];
  readonly flow: Flow;
  readonly internalToken: string;
  readonly door: Door;
  /** Base addresses, known once a service listens. */
  readonly urls: Map<string, string>;
  readonly closers: Closers;
};
function urlOf(world: World, service: string): string {
  const url = world.urls.get(service);
  if (url === undefined) throw new TuError("E_BUG", `${service} does not listen yet`);
  return url;
}

async function openReaders(
  options: PipelineOptions,
  closers: Closers,
): Promise<{ images: Images; vision: Vision }> {
  const { images, vision } = await openReading(options.vision, options.reporter);
  closers.push(() => vision.close());
  return { images, vision };
}

async function openTransports(
  journal: Journal,
  world: World,
  resuming: Reporter,
): Promise<RunPorts & { readonly relay: Relay }> {
  const { createMemoryEventLog } = await import("../adapters/memory/event-log.ts");
  const { createMemoryBroker } = await import("../adapters/memory/broker.ts");
  const { createMemoryTimers } = await import("../adapters/memory/timers.ts");
  const onError = (error: unknown) => {
    const { code, reason: message } = told(error);
    world.recorder.notice({ code, message, flowId: null });
  };
  const log = createMemoryEventLog({ onError });
  const broker = createMemoryBroker({ onError });
  const timers = createMemoryTimers(world.clock, { onError });
  world.closers.push(
    () => log.close(),
    () => broker.close(),
    () => timers.close(),
  );
  const { clock, flow, ids, recorder: reporter } = world;
  const publish = createPublish({ log, broker }, flow.name);
  const relay = createRelay({
    journal,
    timers,
    clock,
    reporter: resuming,
    publish,
    transports: [log, broker],
  });
  const links = createFlowLinks({ ids, clock, journal });
  return { journal, timers, clock, ids, reporter, links, relay, log, broker, handsOnEarly: true };
}

/** Starts every service of the flow: its HTTP edge on a port of its own, then what it listens to. */
async function serve(
  run: RunPorts,
  stores: Stores,
  faults: Faults,
  world: World,
): Promise<Hearing & { close(): void }> {
  const { createFeed } = await import("../adapters/graphql/feed.ts");
  const { startGraphqlServer } = await import("../adapters/graphql/server.ts");
  const { md5 } = await import("../adapters/memory/ids.ts");
  const feed = createFeed();
  const readiness = createReadiness({ ...run, flow: world.flow.name });
  const door = createDoor(world.door.allowed);
  const open: Open = {
    ...world,
    guard: (service) => ({
      door,
      troubles: () => readiness.troubles(service, probesOf(service, stores)),
    }),
  };
  const hearing = createHearing(feed);
  const services = allServices({
    ...behindJournal({ ...world, ...stores }, stores.journal),
    shell: run,
    feed: hearing.feed,
    faults,
    urlOf: (service) => urlOf(world, service),
  });
  await Promise.all([
    ...services
      .filter(({ name }) => name !== "graph-gateway")
      .map(({ endpoints, name }) => listen(name, endpoints, open)),
    listen("object-store", createObjectStoreEndpoints(stores.objects, md5), open),
  ]);
  const gateway = createGateway({
    http: world.http,
    ids: world.ids,
    clock: world.clock,
    reporter: world.recorder,
    ingestionUrl: () => urlOf(world, "tu-ingestion-service"),
    internalToken: world.internalToken,
  });
  const { listen: listenAt } = await import("../adapters/http/listener.ts");
  const graphql = await startGraphqlServer({
    ...{ gateway, feed, introspection: world.door.introspection },
    listen: (handlers) => listenAt(open.guard("graph-gateway"), handlers),
  });
  world.urls.set("graph-gateway", graphql.url);
  world.closers.push(() => graphql.close());
  await declareTopology(world.flow.name, run);
  for (const service of services) {
    const subscription = await runService(service, world.flow.name, run);
    world.closers.push(() => subscription.close());
    readiness.connected(service.name);
  }
  readiness.connected("object-store");
  return { ...hearing, close: () => feed.close() };
}

type Open = World & {
  /** What stands before a service: who may come in, and whether anybody is at home. */
  readonly guard: (service: string) => ListenerOptions;
};

/** Of the stores that a service works with. */
function probesOf(service: string, { machines, objects, uploads }: Stores): readonly Probe[] {
  switch (service) {
    case "tu-ingestion-service":
      return [{ name: "uploads", work: () => uploads.find("readiness") }];
    case "tu-storage-service":
    case "object-store":
      return [{ name: "object store", work: () => objects.stat("readiness") }];
    case "comparison-service":
    case "svc-machine-storage":
      return [{ name: "machines", work: () => machines.find("readiness") }];
    default:
      return [];
  }
}

async function listen(service: string, endpoints: readonly Endpoint[], world: Open): Promise<void> {
  const server = await openServer(service, endpoints, world);
  world.urls.set(service, server.url);
  world.closers.push(() => server.close());
}

async function openServer(service: string, endpoints: readonly Endpoint[], world: Open) {
  const guard = world.guard(service);
  if (endpoints.length === 0) {
    const { listen: listenAt, notFound } = await import("../adapters/http/listener.ts");
    return listenAt(guard, { request: notFound });
  }
  const { startHttpServer } = await import("../adapters/http/server.ts");
  const { clock, recorder: reporter } = world;
  return startHttpServer({ ...guard, service, endpoints, reporter, clock });
}

function withStepTimeouts(flow: Flow, timeouts: PipelineOptions["stepTimeouts"]): Flow {
  const steps = flow.definition.steps.map((step) => ({
    ...step,
    timeout: timeouts[step.id] ?? step.timeout,
  }));
  return { ...flow, definition: { ...flow.definition, steps } };
}
