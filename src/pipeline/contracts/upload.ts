import * as z from "zod";
import type { Ids } from "../ports/ids.ts";
import { type Contract, flowNames } from "./contract.ts";

/** In any letter case, without a flag: JSON Schema has none. */
export const checksumPattern = /^[sS][hH][aA]256:[0-9a-fA-F]{64}$/;

/**
 * The upload's description of the picture. The deployed services read only the key, and their bridge writes missing
 * values as null or 0.
 */
export const uploadFields = {
  contentType: z.string().nullable().default(null),
  bytes: z.int().nonnegative().nullable().default(null),
  checksum: z.string().regex(checksumPattern).nullable().default(null),
};

/** Announced by ingestion once an upload is confirmed. Field order matches the real service's. */
export const ImageUploaded = z.object({
  uploadId: z.string().nullable().default(null),
  objectKey: z.string().min(1),
  ...uploadFields,
  occurredAt: z.string().nullable().default(null),
});
export type ImageUploaded = z.infer<typeof ImageUploaded>;

/** The id of the request that confirms an upload, however often it is repeated. */
export const confirmIdOf = (uploadId: string, ids: Pick<Ids, "derive">): string =>
  ids.derive(uploadId, "confirm");

const example: ImageUploaded = {
  uploadId: "5b0d6f0e-93a1-4c77-8a52-0c9f2e1d7a34",
  objectKey: "images/2025/12/03/9e4c1a77-2f0b-4d6e-b1c8-6a5d3f90e2b1.png",
  contentType: "image/png",
  bytes: 271804,
  checksum: `sha256:${"7c0e".repeat(16)}`,
  occurredAt: "2025-12-03T09:16:02.118+00:00",
};

export const imagesUploaded: Contract = {
  name: "tu.images.uploaded",
  kind: "event",
  summary: "An upload was confirmed: the object is stored; its size and checksum are verified.",
  schemaId: "images.uploaded.v0",
  flows: flowNames,
  routes: [
    {
      transport: "kafka",
      topic: "tu.images.uploaded",
      partitions: 4,
      casing: "pascal",
      producer: "tu-ingestion-service",
      producerHeader: "ingestion",
      body: ImageUploaded,
      consumers: [
        { service: "svc-messaging-bridge", source: "svc-messaging-bridge", flows: flowNames },
        { service: "svc-ai-vision-adapter", source: "svc-ai-vision-adapter", flows: ["current"] },
      ],
    },
  ],
  example,
};

export const imageUploaded: Contract = {
  name: "tu.image.uploaded",
  kind: "event",
  summary: "The same event, forwarded by the bridge to the orchestrator.",
  schemaId: "tu.image.uploaded.v1",
  flows: flowNames,
  routes: [
    {
      transport: "rabbitmq",
      exchange: "tu.image.uploaded",
      exchangeType: "fanout",
      producer: "svc-messaging-bridge",
      producerHeader: "svc-messaging-bridge",
      body: ImageUploaded,
      consumers: [
        {
          service: "svc-analysis-orchestrator",
          source: "orchestrator.image-uploaded",
          flows: flowNames,
        },
      ],
    },
  ],
  example,
};
