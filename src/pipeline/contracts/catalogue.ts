import { analysisCompleted, analysisStarted } from "./analysis.ts";
import { comparisonCompleted, comparisonFailed, comparisonRequest } from "./comparison.ts";
import type { Consumer, Contract, FlowName, Route, ServiceName } from "./contract.ts";
import { analysisFailed } from "./failure.ts";
import { metadataFailed, metadataRequest, metadataSorted } from "./metadata.ts";
import {
  recognitionCompleted,
  recognitionFailed,
  recognitionRequest,
  tuRecognitionCompleted,
} from "./recognition.ts";
import { imagesUploaded, imageUploaded } from "./upload.ts";

/** Every command and event, in the order of a flow. */
export const catalogue: readonly Contract[] = [
  imagesUploaded,
  imageUploaded,
  analysisStarted,
  recognitionRequest,
  recognitionCompleted,
  recognitionFailed,
  tuRecognitionCompleted,
  comparisonRequest,
  comparisonCompleted,
  comparisonFailed,
  metadataRequest,
  metadataSorted,
  metadataFailed,
  analysisCompleted,
  analysisFailed,
];

const byName = new Map(catalogue.map((contract) => [contract.name, contract]));

export function findContract(name: string): Contract | undefined {
  return byName.get(name);
}

/** The route of `producerHeader`: the bridge uses a different one from the adapter. */
export function routeOf(contract: Contract, producerHeader: string): Route {
  return (
    contract.routes.find((route) => route.producerHeader === producerHeader) ?? contract.routes[0]
  );
}

export function consumersIn(route: Route, flow: FlowName): readonly Consumer[] {
  return route.consumers.filter((consumer) => consumer.flows.includes(flow));
}

export type Input = {
  readonly contract: Contract;
  readonly route: Route;
  readonly consumer: Consumer;
};

/** The inputs of one service in a flow. */
export function inputsOf(service: ServiceName, flow: FlowName): readonly Input[] {
  return catalogue.flatMap((contract) =>
    contract.routes.flatMap((route) =>
      consumersIn(route, flow)
        .filter((consumer) => consumer.service === service)
        .map((consumer) => ({ contract, route, consumer })),
    ),
  );
}
