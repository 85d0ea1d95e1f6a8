import { createMemoryTimers } from "../adapters/memory/timers.ts";
import { behindJournal } from "../pipeline/delivery/behind-journal.ts";
import { createFlowLinks } from "../pipeline/delivery/flow-links.ts";
import { createPublish, type Publish } from "../pipeline/delivery/publish.ts";
import { createRelay } from "../pipeline/delivery/relay.ts";
import { declareTopology, type RunPorts, runService } from "../pipeline/delivery/run-services.ts";
import type { Service } from "../pipeline/delivery/service.ts";
import { TuError } from "../pipeline/errors.ts";
import type { Flow } from "../pipeline/flows/flow.ts";
import type { Message } from "../pipeline/message.ts";
import type { Definitions } from "../pipeline/ports/definitions.ts";
import type { Digest } from "../pipeline/ports/digest.ts";
import type { Endpoint } from "../pipeline/ports/endpoint.ts";
import type { Fingerprints } from "../pipeline/ports/fingerprints.ts";
import type { HttpClient } from "../pipeline/ports/http-client.ts";
import type { Ids } from "../pipeline/ports/ids.ts";
import type { Journal } from "../pipeline/ports/journal.ts";
import type { Machines } from "../pipeline/ports/machines.ts";
import type { EmbeddedObjectStore } from "../pipeline/ports/object-store.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import type { Uploads } from "../pipeline/ports/uploads.ts";
import type { Vision } from "../pipeline/ports/vision.ts";
import { allServices } from "../pipeline/services/all-services.ts";
import { createObjectStoreEndpoints } from "../pipeline/services/object-store.ts";
import type { SimulatedBrokers } from "./brokers.ts";
import { clockOf } from "./clocks.ts";
import { type Nature, pause } from "./faults.ts";
import { createSimulatedVision, simulatedImages } from "./pictures.ts";
import { breakingOnPoison } from "./poison.ts";
import type { Life } from "./scheduler.ts";
import { onDisk } from "./stores.ts";

/** What survives every crash. */
export type Disk = {
  /** As seen by the process with that life. */
  readonly journalOf: (life: Life) => Journal;
  readonly definitions: Definitions;
  readonly uploads: Uploads;
  readonly machines: Machines;
  readonly fingerprints: Fingerprints;
  readonly objects: EmbeddedObjectStore;
};
export type Process = {
  readonly life: Life;
  readonly endpoints: ReadonlyMap<string, readonly Endpoint[]>;
};
export type SimulationPorts = {
  readonly nature: Nature;
  readonly brokers: SimulatedBrokers;
  readonly disk: Disk;
  readonly ids: Ids;
  readonly digest: Digest;
  readonly flow: Flow;
  /** Reaches the processes currently alive. */
  readonly http: (life: Life) => HttpClient;
  readonly reporter: Reporter;
  /** Whether transports outlive a process. */
  readonly isCluster: boolean;
  /** Called for every event that clients receive. */
  readonly onTold: (message: Message) => void;
};
/** The parts of a process, before they are passed to its relay and its services. */
export type Parts = Omit<RunPorts, "relay"> &
  Pick<Disk, "definitions" | "uploads" | "machines" | "fingerprints" | "objects"> & {
    readonly publish: Publish;
    readonly http: HttpClient;
    readonly vision: Vision;
  };
/** Changes the parts of a process, to plant bugs. */
export type Plant = (parts: Parts) => Parts;

/** Starts one process with every service. Returns immediately; it is up once its steps have run. */
export function startProcess(ports: SimulationPorts, plant: Plant): Process {
  const life: Life = { alive: true };
  const endpoints = new Map<string, readonly Endpoint[]>();
  const boot = async (): Promise<void> => {
    await pause(ports.nature, life);
    const parts = plant(partsOf(ports, life));
    // So that even the short delays of retries stay in the journal.
    const nearMs = 100;
    const relay = createRelay({ ...parts, nearMs, transports: [parts.log, parts.broker] });
    const run: RunPorts = { ...parts, relay };
    const services = servicesOf(ports, parts, run);
    await retrying(ports.nature, life, () => declareTopology(ports.flow.name, run));
    for (const service of services) {
      await retrying(ports.nature, life, () => runService(service, ports.flow.name, run));
      endpoints.set(service.name, service.endpoints);
    }
    endpoints.set("object-store", createObjectStoreEndpoints(parts.objects, ports.digest));
    await retrying(ports.nature, life, () => relay.start());
  };
  void boot();
  return { life, endpoints };
}

/** Like a supervisor, repeats a start-up in which a call was lost. */
async function retrying(nature: Nature, life: Life, work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (!(error instanceof TuError)) throw error;
      await pause(nature, life);
    }
  }
}

function partsOf(ports: SimulationPorts, life: Life): Parts {
  const { brokers, disk, flow, ids, isCluster, nature, reporter } = ports;
  const { broker, log } = brokers.connect(life);
  const place = { nature, life };
  const clock = clockOf(nature, life);
  // `sent` works in memory; an `adopt` that rejects has adopted nothing.
  const careful = { atOnce: ["sent"], allOrNothing: ["adopt"] } as const;
  const journal = onDisk(disk.journalOf(life), place, careful);
  return {
    journal,
    links: createFlowLinks({ ids, clock, journal }),
    handsOnEarly: !isCluster,
    timers: createMemoryTimers(clock, { onError: () => undefined }), // it is redelivered
    clock,
    ids,
    reporter,
    broker,
    log,
    publish: createPublish({ broker, log }, flow.name),
    http: ports.http(life),
    vision: createSimulatedVision(nature, life),
    definitions: onDisk(disk.definitions, place),
    uploads: onDisk(disk.uploads, place),
    machines: onDisk(disk.machines, place),
    fingerprints: onDisk(disk.fingerprints, place),
    objects: onDisk(disk.objects, place, { atOnce: ["presign", "authorize"] }),
  };
}

function servicesOf(
  { digest, flow, nature, onTold }: SimulationPorts,
  parts: Parts,
  shell: RunPorts,
): readonly Service[] {
  const { fingerprints, machines, vision } = behindJournal(parts, parts.journal);
  const { definitions, http, objects, uploads } = parts;
  return allServices({
    flow,
    shell,
    http,
    digest,
    definitions,
    images: simulatedImages,
    vision,
    uploads,
    machines,
    fingerprints,
    objects,
    feed: { publish: onTold },
    ...{ internalToken: "token", callerToken: "token" },
    faults: {},
    urlOf: (service) => `http://${service}`,
  }).map((service) => breakingOnPoison(service, nature.ledger));
}
