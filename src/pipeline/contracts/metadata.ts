import * as z from "zod";
import { broadcast, command, stepListeners } from "./contract.ts";
import { failureCounterpart } from "./failure.ts";
import { uploadFields } from "./upload.ts";

export const MetadataRequest = z.object({ objectKey: z.string(), ...uploadFields });
export type MetadataRequest = z.infer<typeof MetadataRequest>;

export const MetadataSorted = z.object({
  objectKey: z.string(),
  /** ISO 8601; with an offset if the camera recorded one. */
  capturedAt: z.string().optional(),
  /** Degrees (WGS 84), metres. */
  location: z
    .object({ lat: z.number(), lon: z.number(), altitude: z.number().optional() })
    .optional(),
  camera: z.string().optional(),
  image: z.object({
    format: z.string(),
    width: z.int(),
    height: z.int(),
    colours: z.array(z.object({ hex: z.string(), name: z.string(), share: z.number() })),
  }),
  /** Sorted by group, then key. */
  entries: z.array(z.object({ group: z.string(), key: z.string(), value: z.string() })),
});
export type MetadataSorted = z.infer<typeof MetadataSorted>;

const objectKey = "images/2025/12/03/9e4c1a77-2f0b-4d6e-b1c8-6a5d3f90e2b1.png";

export const metadataRequest = command({
  name: "analysis.metadata.request",
  summary: "Read and normalise the metadata of the file.",
  handler: "metadata-service",
  queue: "metadata-service.metadata",
  body: MetadataRequest,
  example: {
    objectKey,
    contentType: "image/png",
    bytes: 271804,
    checksum: `sha256:${"7c0e".repeat(16)}`,
  },
});

export const metadataSorted = broadcast({
  name: "metadata.sorted",
  summary: "Time, location, camera, format, size and colours of the picture.",
  producer: "metadata-service",
  flows: ["full"],
  listeners: stepListeners,
  body: MetadataSorted,
  example: {
    objectKey,
    capturedAt: "2025-12-03T10:14:55+01:00",
    location: { lat: 55.8601, lon: 9.8503, altitude: 12 },
    camera: "Example Phone 12",
    image: {
      format: "png",
      width: 1280,
      height: 960,
      colours: [{ hex: "#e0a81c", name: "yellow", share: 0.41 }],
    },
    entries: [{ group: "Image", key: "Make", value: "Example" }],
  },
});

export const metadataFailed = failureCounterpart({
  step: "metadata",
  producer: "metadata-service",
  flows: ["full"],
  summary: "An attempt to read the metadata failed.",
});
