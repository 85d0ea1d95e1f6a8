import { join } from "node:path";
import { kafka } from "./kafka.ts";
import { rabbitmq } from "./rabbitmq.ts";
import { s3 } from "./s3.ts";
import { createServerOf, type Server } from "./service.ts";
import { versitygw } from "./versitygw.ts";

export const root = join(import.meta.dirname, "..", "..", ".cache", "services");

const installed = join(root, "installed");

/** The servers that there are, running or not; others than those in `root` have data, ports and processes of their own. */
export function openServers(at = root): readonly Server[] {
  return [kafka, rabbitmq, s3, versitygw].map((service) => createServerOf(service, at, installed));
}
