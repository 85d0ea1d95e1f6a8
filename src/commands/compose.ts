// Settings → a running pipeline. Each part is opened by its own function, in a compose-*.ts: only these files name
// adapters, each imported on the path that uses it.

import { randomBytes } from "node:crypto";
import type { Feed } from "../adapters/graphql/feed.ts";
import { type FlowName, type ServiceName, serviceNames } from "../pipeline/contracts/contract.ts";
import { behindJournal } from "../pipeline/delivery/behind-journal.ts";
import { createFlowLinks } from "../pipeline/delivery/flow-links.ts";
import { consumersOf, createPublish } from "../pipeline/delivery/publish.ts";
import { createPublisher } from "../pipeline/delivery/publisher.ts";
import { createReadiness, type Probe, type Readiness } from "../pipeline/delivery/readiness.ts";
import { createRelay, type Relay } from "../pipeline/delivery/relay.ts";
import { declareTopology, type RunPorts, runService } from "../pipeline/delivery/run-services.ts";
import type { Service } from "../pipeline/delivery/service.ts";
import type { FlowState } from "../pipeline/engine/state.ts";
import { describeError } from "../pipeline/errors.ts";
import { type Flow, flowNamed } from "../pipeline/flows/flow.ts";
import { createObservationEndpoints } from "../pipeline/http/observation.ts";
import { tellingObjects } from "../pipeline/http/told-objects.ts";
import type { Message } from "../pipeline/message.ts";
import type { KeepLimits } from "../pipeline/operations/keep-state.ts";
import { brokerLeg, type Leg, logLeg, objectsLeg } from "../pipeline/operations/legs.ts";
import { pruneState } from "../pipeline/operations/prune-state.ts";
import type { UploadPorts } from "../pipeline/operations/upload.ts";
import type { ClientFeed } from "../pipeline/ports/client-feed.ts";
import type { Clock } from "../pipeline/ports/clock.ts";
import type { HttpClient } from "../pipeline/ports/http-client.ts";
import type { Ids } from "../pipeline/ports/ids.ts";
import type { Publisher } from "../pipeline/ports/publisher.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import type { UploadNotes } from "../pipeline/ports/upload-notes.ts";
import { allServices } from "../pipeline/services/all-services.ts";
import { createGateway } from "../pipeline/services/graph-gateway.ts";
import { createObjectStoreEndpoints } from "../pipeline/services/object-store.ts";
import type { Faults } from "../pipeline/steps/faults.ts";
import { createRecorder } from "../pipeline/trace/recorder.ts";
import type { Cluster } from "./cluster.ts";
import { createAddresses, createEdges, type Door, type Edges, openFeed } from "./compose-edges.ts";
import { openReading } from "./compose-images.ts";
import { keepingSeen } from "./compose-seen.ts";
import { neverRemoved, openStores, type Stores, upgrading } from "./compose-state.ts";
import { openTransports, type Transports } from "./compose-transports.ts";
import type { VisionOptions } from "./compose-vision.ts";
import {
  createHearing,
  createResumedFlows,
  type Resumed,
  type ResumedFlows,
  removeOldNotes,
} from "./resumed.ts";
import { inScope, type Scope } from "./scope.ts";

export type PipelineOptions = {
  /** Where transports and objects are; null: everything is embedded. */
  readonly cluster: Cluster | null;
  /** The services that run here; null: all of them. */
  readonly only: readonly ServiceName[] | null;
  readonly flow: FlowName;
  /** Null: nothing is kept. */
  readonly stateDir: string | null;
  readonly faults: Faults;
  /** Timeouts that replace those of the definition, by step, like `500ms`. */
  readonly stepTimeouts: Readonly<Record<string, string>>;
  readonly vision: VisionOptions;
  /** What is pruned at start-up. */
  readonly limits: KeepLimits;
  readonly door: Door;
  readonly reporter: Reporter;
  /** For the whole run; no single wait may take much of that. */
  readonly timeoutMs: number;
  /** When aborted, opening stops before its next step. */
  readonly signal: AbortSignal;
};
/** For clients in other processes. */
export type Serving = {
  /** 0: any free ports. */
  readonly firstPort: number;
  /** Every event that clients receive. */
  readonly onEvent: (event: Message) => void;
};
/** What an upload needs of a pipeline, in this process or in another. */
export type Pipeline = UploadPorts & {
  /** Flows that an earlier run left behind and this one resumes, so far. */
  readonly resumed: () => readonly Resumed[];
  readonly notes: UploadNotes;
  /** Accepts no new work, lets running work finish, releases everything. */
  close(): Promise<void>;
};

/** A pipeline in this process, which can be sent messages. */
export type OwnPipeline = Pipeline & {
  readonly publisher: Publisher;
  readonly ids: Ids;
  /** Whether every service here that is to receive it has decided what it means, or has parked it. */
  isDecided(message: Message): Promise<boolean>;
};

/** The services of a pipeline that other commands use. */
export type Services = {
  /** Base addresses by service. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Address and token of what it tells other commands. */
  readonly observer: { readonly url: string; readonly token: string };
  /** Everything between any two services. */
  readonly legs: readonly Leg[];
  readonly clock: Clock;
  /** The round trips over the legs succeeded: from now on its observer is ready. */
  ready(): void;
  close(): Promise<void>;
};

/** The whole pipeline in this process, and its client: every service, every transport, on loopback. */
export const openPipeline = (options: PipelineOptions): Promise<OwnPipeline> =>
  inScope(async (scope) => {
    const { resumed, stores, tools, transports } = await start(
      { ...options, serving: null },
      scope,
    );
    const { createGraphqlGatewayClient } = await import("../adapters/graphql/client.ts");
    const gateway = scope.use(
      await createGraphqlGatewayClient(tools.addresses.of("graph-gateway")),
    );
    const { clock, digest, flow, http, recorder } = tools;
    const { machines, notes } = stores;
    const isShared = options.cluster !== null;
    const runsHere = (service: string) => isHere(service, options.only);
    const asked = { gateway, http, digest, clock, machines, recorder, flow, notes };
    return {
      ...{ ...asked, resumed, isShared, runsHere },
      publisher: createPublisher(transports),
      ids: tools.ids,
      async isDecided(message) {
        const parked = `${message.name} parked`;
        const parkedBy = asked.recorder
          .hopsOf(message.flowId)
          .flatMap(({ from, name }) => (name === parked ? [from] : []));
        const consumers = consumersOf(message, options.flow)
          .filter(runsHere)
          .filter((consumer) => !parkedBy.includes(consumer));
        const found = consumers.map((consumer) => stores.journal.find(consumer, message.id));
        return (await Promise.all(found)).every((entry) => entry !== undefined);
      },
    };
  });

/** The services alone, for clients in other processes. */
export const openServices = (options: PipelineOptions, serving: Serving): Promise<Services> =>
  inScope(async (scope) => {
    const { readiness, stores, tools, transports } = await start({ ...options, serving }, scope);
    const { addresses, clock, http, ids, observerToken: token } = tools;
    const { objects } = stores;
    return {
      clock,
      addresses: addresses.all,
      observer: { url: addresses.of("observer"), token },
      legs: [
        logLeg({ ...transports, ids }),
        brokerLeg({ ...transports, ids }),
        objectsLeg({ objects, http, ids }),
      ],
      ready: () => readiness.connected("observer"),
    };
  });

type Started = {
  readonly tools: Tools;
  readonly stores: Stores;
  readonly transports: Transports;
  readonly readiness: Readiness;
  readonly resumed: ResumedFlows["all"];
};

async function start(
  options: PipelineOptions & { readonly serving: Serving | null },
  scope: Scope,
): Promise<Started> {
  const { signal } = options;
  const tools = await openTools(options, scope);
  signal.throwIfAborted();
  const stores = await openStores(
    options,
    {
      clock: tools.clock,
      runnerId: tools.ids.create(),
      objectsUrl: () => tools.addresses.of("object-store"),
      // Who receives it on a cluster is not ours to know.
      owedTo: (message) => (options.cluster === null ? consumersOf(message, options.flow) : []),
      busyTimeoutMs: Math.min(5_000, options.timeoutMs / 4),
      onUpgrade: (file) => tools.tell("upgrading", upgrading(file)),
      onError: tools.onError,
    },
    scope,
  );
  const noted = await stores.notes.all();
  const transports = scope.use(await openTransports(options.cluster, tools.onError));
  const feed = await openFeed();
  const hearing = createHearing(withListener(feed, options.serving));
  const resumed = createResumedFlows({
    ...tools,
    ...stores,
    hearing,
    definition: tools.flow.definition,
    stateOf: statesIn(stores),
  });
  const shell = await openShell(stores, transports, tools, resumed.adopted, scope);
  signal.throwIfAborted();
  const clientFeed = hearing.feed;
  const readiness = await serve(shell, stores, tools, { ...options, feed, clientFeed }, scope);
  signal.throwIfAborted(); // what an earlier run left behind stays for the next one
  await shell.relay.start();
  scope.defer(() => shell.relay.close());
  await removeOldNotes(stores.notes, noted, { clock: tools.clock, stateOf: statesIn(stores) });
  if (options.stateDir !== null) {
    const { objects, served } = stores;
    const own = { ...stores, objects: served ?? neverRemoved(objects) };
    scope.defer(pruneMeanwhile(own, options.limits, tools));
  }
  scope.defer(() => feed.close());
  return { tools, stores, transports, readiness, resumed: resumed.all };
}

/** Their hops are kept for commands that ask. */
const observedFlowsMax = 1_000;

function withListener(feed: Feed, serving: Serving | null): ClientFeed {
  if (serving === null) return feed;
  return {
    publish(event) {
      feed.publish(event);
      serving.onEvent(event);
    },
  };
}

type Tools = Awaited<ReturnType<typeof openTools>>;

/** The tools that every part uses. */
async function openTools(
  options: PipelineOptions & { readonly serving: Serving | null },
  scope: Scope,
) {
  const { door, faults, reporter, serving, stepTimeouts, vision: visionOptions } = options;
  const { createSystemClock } = await import("../adapters/memory/clock.ts");
  const { createRandomIds, md5, sha256: digest } = await import("../adapters/memory/ids.ts");
  const { createFetchHttpClient } = await import("../adapters/http/client.ts");
  const clock = createSystemClock();
  const ids = createRandomIds(clock);
  const observing = { flow: options.flow, seenAt: (options.only ?? serviceNames).toSorted() };
  const keeping = keepingSeen(options.stateDir, { observing, clock, next: reporter }, scope);
  const recorder = createRecorder(
    keeping.reporter,
    serving === null ? undefined : observedFlowsMax,
  );
  const { images, vision } = await openReading(visionOptions, reporter);
  scope.use(vision);
  const tell = (code: string, message: string) => recorder.notice({ code, message, flowId: null });
  return {
    ...{ images, vision, clock, ids, digest, md5, recorder, faults, door, tell },
    seen: keeping.seen,
    http: toldHttp(createFetchHttpClient(), options.cluster, { clock, reporter: recorder }),
    flow: withStepTimeouts(flowNamed(options.flow), stepTimeouts),
    addresses: createAddresses(options.cluster?.services ?? {}),
    ...tokensOf(options),
    observerToken: randomBytes(24).toString("hex"),
    onError(error: unknown) {
      const { code, reason } = describeError(error);
      tell(code, reason);
    },
  };
}

/** What our services show to each other, and what media access wants to see. */
function tokensOf({ cluster, flow }: Pick<PipelineOptions, "cluster" | "flow">) {
  const internalToken = cluster?.internalToken ?? randomBytes(24).toString("hex");
  // Only in flow current may its caller be the deployed one, which sends none.
  const isCallerKnown = cluster === null || flow === "full";
  return { internalToken, callerToken: isCallerKnown ? internalToken : null };
}

function toldHttp(
  http: HttpClient,
  cluster: Cluster | null,
  tell: { readonly clock: Clock; readonly reporter: Reporter },
): HttpClient {
  const s3 = cluster?.s3 ?? null;
  if (s3 === null) return http;
  const { origin } = new URL(s3.publicBaseUrl);
  return tellingObjects(http, (url) => url.startsWith(`${origin}/`), tell);
}

/** The environment shared by all services. */
async function openShell(
  { journal }: Stores,
  { areEmbedded, broker, log }: Transports,
  { clock, flow, ids, onError, recorder: reporter }: Tools,
  onAdopted: ResumedFlows["adopted"],
  scope: Scope,
): Promise<RunPorts & { readonly relay: Relay }> {
  const { createMemoryTimers } = await import("../adapters/memory/timers.ts");
  const timers = scope.use(createMemoryTimers(clock, { onError }));
  const relay = createRelay({
    ...{ journal, timers, clock },
    ...{ reporter, onAdopted },
    publish: createPublish({ log, broker }, flow.name),
    transports: [log, broker],
  });
  const links = createFlowLinks({ ids, clock, journal });
  const around = { journal, timers, clock, ids, reporter, links, relay };
  return { ...around, log, broker, handsOnEarly: areEmbedded };
}

/** Starts every service of the flow: first its HTTP server, then its subscriptions. */
async function serve(
  shell: RunPorts,
  stores: Stores,
  tools: Tools,
  options: {
    readonly serving: Serving | null;
    readonly only: PipelineOptions["only"];
    readonly feed: Feed;
    readonly clientFeed: ClientFeed;
  },
  scope: Scope,
): Promise<Readiness> {
  const { clientFeed, feed, only, serving } = options;
  const { addresses, flow, http, internalToken } = tools;
  const readiness = createReadiness({ ...shell, flow: flow.name });
  const edges = createEdges(
    {
      ...{ ...tools, reporter: tools.recorder, firstPort: serving?.firstPort ?? null },
      problems: (service) => readiness.problems(service, probesOf(service, stores)),
    },
    scope,
  );
  const services = allServices({
    ...behindJournal({ ...tools, ...stores }, stores.journal),
    ...{ shell, feed: clientFeed },
    urlOf: addresses.of,
  }).filter(({ name }) => isHere(name, only));
  const gateway = createGateway({
    ...{ http, ids: tools.ids, clock: tools.clock, reporter: tools.recorder, internalToken },
    ingestionUrl: () => addresses.of("tu-ingestion-service"),
    links: shell.links,
  });
  await openEdges(
    services,
    isHere("tu-storage-service", only) ? stores.served : null,
    edges,
    tools,
  );
  if (isHere("graph-gateway", only)) await edges.serveGraphql("graph-gateway", gateway, feed);
  await connectAll(services, { shell, flow, readiness }, scope);
  if (serving !== null)
    await serveObserver(edges, { ...stores, publisher: createPublisher(shell) }, tools, scope);
  return readiness;
}

const isHere = (service: string, only: PipelineOptions["only"]): boolean =>
  only?.some((name) => name === service) ?? true;

async function serveObserver(
  edges: Edges,
  { machines, publisher }: Pick<Stores, "machines"> & { readonly publisher: Publisher },
  { observerToken: token, ...tools }: Tools,
  scope: Scope,
): Promise<void> {
  const closing = new AbortController();
  const ports = { ...tools, machines, publisher, token, closing: closing.signal };
  await edges.serve("observer", createObservationEndpoints(ports));
  scope.defer(() => closing.abort());
}

async function openEdges(
  services: readonly Service[],
  served: Stores["served"],
  edges: Edges,
  { md5 }: Tools,
): Promise<void> {
  const others = services.filter(({ name }) => name !== "graph-gateway");
  await Promise.all([
    ...others.map(({ endpoints, name }) => edges.serve(name, endpoints)),
    served === null ? [] : edges.serve("object-store", createObjectStoreEndpoints(served, md5)),
  ]);
}

async function connectAll(
  services: readonly Service[],
  { flow, readiness, shell }: { shell: RunPorts; flow: Flow; readiness: Readiness },
  scope: Scope,
): Promise<void> {
  await declareTopology(flow.name, shell);
  for (const service of services) {
    scope.use(await runService(service, flow.name, shell));
    readiness.connected(service.name);
  }
  readiness.connected("object-store");
}

/** The stores that a service uses. */
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

/** The states of flows, as the orchestrator has recorded them. */
function statesIn({ journal }: Stores): (flowId: string) => Promise<FlowState> {
  return async (flowId) => {
    const orchestrator = await import("../pipeline/services/orchestrator.ts");
    return orchestrator.stateOf(await journal.flow(orchestrator.orchestratorName, flowId));
  };
}

/** Removes what exceeds a limit, in the background. Returns the function that stops it. */
function pruneMeanwhile(
  stores: Stores,
  limits: KeepLimits,
  { clock, ids, seen, tell }: Tools,
): () => Promise<void> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const pruning = pruneState({ ...stores, ids, seen }, { limits, clock, signal }).then(
    ({ flows }) => {
      if (flows.length > 0)
        tell("pruned", `removed ${flows.length} finished flows (see \`tu-analyze state\`)`);
    },
    (error: unknown) => {
      if (signal.aborted) return; // the next start continues
      const { code, reason } = describeError(error);
      tell(code, `old flows could not be pruned: ${reason}`);
    },
  );
  return async () => {
    stopping.abort();
    await pruning;
  };
}

function withStepTimeouts(flow: Flow, timeouts: PipelineOptions["stepTimeouts"]): Flow {
  const steps = flow.definition.steps.map((step) => ({
    ...step,
    timeout: timeouts[step.id] ?? step.timeout,
  }));
  return { ...flow, definition: { ...flow.definition, steps } };
}
