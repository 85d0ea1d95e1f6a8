import { type Deployed, type DeployedService, faultsIn, type Start } from "./deployed.ts";
import { startGateway } from "./graph-gateway.ts";
import { startIngestion } from "./ingestion.ts";
import { startMediaAccess } from "./media-access.ts";
import { startBridge } from "./messaging-bridge.ts";
import { startOrchestrator } from "./orchestrator.ts";
import { startStorage } from "./storage.ts";
import { startVisionAdapter } from "./vision-adapter.ts";

// Stand-ins for the deployed services: what they put on the wire, leave out and get wrong. DEPLOYED_SERVICES and
// DEPLOYED_FAULTS are comma-separated; DEPLOYED_PORT is the first port of a block, in the order below. Everything else
// comes from the variables that the deployed services read. Prints `ready` when all of them consume; logs to standard
// error.
//
// They share no code with what they stand in for or talk to: neither contracts nor clients.

const starts: Readonly<Record<DeployedService, Start>> = {
  "graph-gateway": startGateway,
  "tu-ingestion-service": startIngestion,
  "tu-storage-service": startStorage,
  "tu-media-access-service": startMediaAccess,
  "svc-messaging-bridge": startBridge,
  "svc-analysis-orchestrator": startOrchestrator,
  "svc-ai-vision-adapter": startVisionAdapter,
};

const { DEPLOYED_FAULTS: faults = "", DEPLOYED_PORT: port, DEPLOYED_SERVICES = "" } = process.env;
const wanted = DEPLOYED_SERVICES.split(",");

const opened: Deployed[] = [];
const starting = Object.entries(starts).map(async ([name, start], index) => {
  if (!wanted.includes(name)) return;
  const log = (text: string) => void process.stderr.write(`${name}: ${text}\n`);
  opened.push(await start({ port: Number(port) + index, hasFault: faultsIn(faults), log }));
});
process.once("SIGTERM", () => {
  void Promise.all(opened.map((service) => service.close())).then(() => process.exit());
});
await Promise.all(starting);
process.stdout.write("ready\n");
