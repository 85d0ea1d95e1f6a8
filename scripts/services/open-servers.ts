import { join } from "node:path";
import { kafka } from "./kafka.ts";
import { rabbitmq } from "./rabbitmq.ts";
import { s3 } from "./s3.ts";
import { createServerOf, type Server } from "./service.ts";
import { versitygw } from "./versitygw.ts";

export const root = join(import.meta.dirname, "..", "..", ".cache", "services");

/** The servers that there are, running or not. */
export function openServers(): readonly Server[] {
  return [kafka, rabbitmq, s3, versitygw].map((service) => createServerOf(service, root));
}
