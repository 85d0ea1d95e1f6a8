import type { ServiceName } from "../contracts/contract.ts";
import type { Service } from "../delivery/service.ts";
import type { ShellPorts } from "../delivery/shell.ts";
import type { Retry } from "../engine/definition.ts";
import { TuError } from "../errors.ts";
import type { Flow } from "../flows/flow.ts";
import type { ClientFeed } from "../ports/client-feed.ts";
import type { Definitions } from "../ports/definitions.ts";
import type { Digest } from "../ports/digest.ts";
import type { Fingerprints } from "../ports/fingerprints.ts";
import type { HttpClient } from "../ports/http-client.ts";
import type { Images } from "../ports/images.ts";
import type { Machines } from "../ports/machines.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { Uploads } from "../ports/uploads.ts";
import type { Vision } from "../ports/vision.ts";
import { type Faults, withFault } from "../steps/faults.ts";
import { createImageAccess } from "../steps/image-access.ts";
import { comparisonWork, createComparison } from "./comparison/comparison.ts";
import { createGraphGateway } from "./graph-gateway.ts";
import { createIngestion } from "./ingestion.ts";
import { createMachineStorage } from "./machine-storage.ts";
import { createMediaAccess } from "./media-access.ts";
import { createMessagingBridge } from "./messaging-bridge.ts";
import { createMetadata, metadataWork } from "./metadata.ts";
import { createOrchestrator } from "./orchestrator.ts";
import { createStorage } from "./storage.ts";
import { createVisionAdapter, recognitionWork } from "./vision-adapter.ts";

export type AllServicesPorts = {
  readonly flow: Flow;
  readonly shell: ShellPorts;
  readonly http: HttpClient;
  readonly digest: Digest;
  readonly images: Images;
  readonly vision: Vision;
  readonly definitions: Definitions;
  readonly uploads: Uploads;
  readonly machines: Machines;
  readonly fingerprints: Fingerprints;
  readonly objects: ObjectStore;
  readonly feed: ClientFeed;
  readonly internalToken: string;
  /** What those who ask media access must show. Null: nothing, as among the deployed services. */
  readonly callerToken: string | null;
  readonly faults: Faults;
  /** Base URL of a service, resolved per call, because services start in any order. */
  readonly urlOf: (service: ServiceName) => string;
};

/** Every service of the flow. `current` has no comparison, metadata or machine storage. */
export function allServices(ports: AllServicesPorts): readonly Service[] {
  return ports.flow.name === "current"
    ? deployedServices(ports)
    : [...deployedServices(ports), ...designedServices(ports)];
}

function deployedServices(ports: AllServicesPorts): readonly Service[] {
  const { callerToken, definitions, digest, faults, flow, http, images } = ports;
  const { internalToken, shell, uploads, urlOf, vision } = ports;
  const storageUrl = () => urlOf("tu-storage-service");
  const fetchImage = imageAccessOf("svc-ai-vision-adapter", ports);
  return [
    createIngestion({ flow: flow.name, shell, uploads, http, digest, storageUrl, internalToken }),
    createStorage({ objects: ports.objects, internalToken }),
    createMediaAccess({ http, storageUrl, internalToken, callerToken }),
    createMessagingBridge(),
    createOrchestrator({
      definition: flow.definition,
      definitions,
      digest,
      isInDoubt: (flowId) => shell.links.isInDoubt(flowId),
    }),
    createVisionAdapter({
      flow: flow.name,
      work: withFault(
        "recognition",
        faults.recognition,
        recognitionWork({ fetchImage, vision, images }),
      ),
      retry: retryOf(flow, "recognition"),
      atOnce: vision.atOnce,
    }),
    createGraphGateway(flow.name, ports.feed),
  ];
}

function designedServices(ports: AllServicesPorts): readonly Service[] {
  const { digest, faults, fingerprints, images, machines } = ports;
  const { clock, ids, reporter } = ports.shell;
  const comparison = comparisonWork({
    fetchImage: imageAccessOf("comparison-service", ports),
    images,
    digest,
    machines,
    fingerprints,
  });
  const fetchImage = imageAccessOf("metadata-service", ports);
  const metadata = metadataWork({ fetchImage, images });
  return [
    createComparison(withFault("comparison", faults.comparison, comparison)),
    createMetadata(withFault("metadata", faults.metadata, metadata)),
    createMachineStorage({ machines, ids, clock, reporter }),
  ];
}

function imageAccessOf(service: ServiceName, ports: AllServicesPorts) {
  const { digest, http, internalToken, shell, urlOf } = ports;
  const mediaAccessUrl = () => urlOf("tu-media-access-service");
  const { clock } = shell;
  return createImageAccess({ http, clock, digest, service, mediaAccessUrl, internalToken });
}

function retryOf(flow: Flow, stepId: string): Retry {
  const step = flow.definition.steps.find(({ id }) => id === stepId);
  if (step === undefined) throw new TuError("E_BUG", `flow ${flow.name} has no step ${stepId}`);
  return step.retry;
}
