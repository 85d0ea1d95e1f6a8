/** In the order of their ports. */
export const deployedServices = [
  "graph-gateway",
  "tu-ingestion-service",
  "tu-storage-service",
  "tu-media-access-service",
  "svc-messaging-bridge",
  "svc-analysis-orchestrator",
  "svc-ai-vision-adapter",
] as const;
export type DeployedService = (typeof deployedServices)[number];

/** What may be wrong beyond what always is. */
export const deployedFaults = [
  /** The adapter's provider refuses every picture. */
  "vision-fails",
  /** The adapter asks for URLs where media access does not serve them, as its newest version does. */
  "bare-get-url",
  /** The orchestrator's workers did not find RabbitMQ when they started. */
  "workers-dead",
  /** The bridge holds back uploads until results have passed. */
  "started-late",
] as const;
export type DeployedFault = (typeof deployedFaults)[number];

export type Deployed = { close(): Promise<unknown> };
export type Running = {
  readonly port: number;
  readonly hasFault: (fault: DeployedFault) => boolean;
  readonly log: (text: string) => void;
};
/** Resolves when it consumes and listens. */
export type Start = (running: Running) => Promise<Deployed>;

export function faultsIn(text: string): Running["hasFault"] {
  const given = text.split(",");
  return (fault) => given.includes(fault);
}

/** As the deployed services: without it they do not start. */
export function required(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}
