import { join } from "node:path";
import { kafka } from "./kafka.ts";
import { rabbitmq } from "./rabbitmq.ts";
import { createServerOf, type Server } from "./service.ts";

export const root = join(import.meta.dirname, "..", "..", ".cache", "services");

/** The servers that there are, running or not. */
export function openServers(): readonly Server[] {
  return [kafka, rabbitmq].map((service) => createServerOf(service, root));
}
