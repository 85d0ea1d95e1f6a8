import type { Digest } from "../pipeline/ports/digest.ts";
import type { HttpClient, HttpRequest, HttpResponse } from "../pipeline/ports/http-client.ts";
import type { ObjectStore } from "../pipeline/ports/object-store.ts";
import { type Nature, pause } from "./faults.ts";
import type { SimulationPorts } from "./process.ts";
import type { Life } from "./scheduler.ts";

/** What one client has seen. `accepted`: it got the 202 after which nothing may be lost. */
export type ClientStory = {
  readonly flowId: string;
  readonly picture: string;
  objectKey: string | null;
  accepted: boolean;
  /** What was done to the stored picture after it was accepted. */
  harm: "gone" | "changed" | null;
};

export type ClientPorts = {
  readonly nature: Nature;
  readonly life: Life;
  readonly http: HttpClient;
  readonly digest: Digest;
  /** The object store, accessed directly. */
  readonly objects: ObjectStore;
};

/**
 * A client outside the system: it survives the system's crashes, retries requests that got no response, and
 * sometimes confirms twice even after a response.
 */
export async function runClient(story: ClientStory, ports: ClientPorts): Promise<void> {
  const { digest, life, nature } = ports;
  // Most arrive during the bad weather, some after it.
  await nature.scheduler.after(life, nature.random() ** 3 * 25_000);
  const bytes = new TextEncoder().encode(story.picture);
  const uploadId = await untilStored(bytes, story, ports);
  const checksum = `sha256:${digest(bytes)}`;
  const confirm = post(story, "confirm", { uploadId, bytes: bytes.length, checksum });
  await untilAnswered(ports, [202], confirm);
  story.accepted = true;
  const luck = nature.random();
  if (luck < 0.15) await harm(story, ports);
  else if (luck < 0.4) {
    await pause(nature, life);
    await untilAnswered(ports, [202], confirm);
  }
}

/** Returns the id of the upload; starts another one if the upload URL has expired. */
async function untilStored(
  bytes: Uint8Array,
  story: ClientStory,
  ports: ClientPorts,
): Promise<string> {
  for (;;) {
    const wanted = { filename: "machine.jpg", contentType: "image/jpeg" };
    const started = await untilAnswered(ports, [200], post(story, "start", wanted));
    const { key, putUrl, uploadId } = JSON.parse(new TextDecoder().decode(started.body)) as Record<
      string,
      string
    >; // the ingestion service's own tests assert the shape of the response
    story.objectKey = key ?? null;
    const { status } = await untilAnswered(ports, [200, 403], {
      method: "PUT",
      url: String(putUrl),
      headers: { "x-correlation-id": story.flowId, "content-type": "image/jpeg" },
      body: bytes,
    });
    if (status === 200) return String(uploadId);
  }
}

function post({ flowId }: ClientStory, what: "start" | "confirm", body: object): HttpRequest {
  return {
    method: "POST",
    url: `http://tu-ingestion-service/v1/uploads/${what}`,
    headers: { "x-correlation-id": flowId, "content-type": "application/json" },
    body: JSON.stringify(body),
  };
}

/** Deletes the stored picture, or replaces it with one of another brand. */
async function harm(story: ClientStory, { life, nature, objects }: ClientPorts): Promise<void> {
  const { random, scheduler, weather } = nature;
  await scheduler.after(life, random() * 4 * weather().slowestMs);
  story.harm = random() < 0.4 ? "gone" : "changed";
  const key = story.objectKey ?? "";
  await objects.delete(key);
  if (story.harm === "gone") return;
  const brand = story.picture.split(" ")[0];
  const other = pictures.find((picture) => !picture.startsWith(`${brand} `)) ?? "";
  // Often of the same size, so that only the checksum differs.
  const bytes = new TextEncoder().encode(other.padEnd(story.picture.length, "x"));
  await objects.put(key, bytes, { contentType: "image/jpeg" });
}

async function untilAnswered(
  { http, life, nature }: ClientPorts,
  statuses: readonly number[],
  request: HttpRequest,
): Promise<HttpResponse> {
  for (;;) {
    const answer = await http.send(request).catch(() => undefined); // no response: retried
    if (answer !== undefined && statuses.includes(answer.status)) return answer;
    await nature.scheduler.after(life, 200 + nature.random() * 1000);
  }
}

const pictures: readonly string[] = [
  "CATERPILLAR 930G picture-a",
  "CATERPILLAR 930G picture-b",
  "KOMATSU PC210 picture-c",
  "nothing to be read",
];

export function createClients(
  random: () => number,
  ports: SimulationPorts,
): readonly ClientStory[] {
  const life: Life = { alive: true };
  return Array.from({ length: 2 + Math.floor(random() * 3) }, (_, index) => {
    const picture = pictures[Math.floor(random() * (pictures.length - 1))] ?? "";
    const flowId = ports.ids.derive(`client ${index}`, picture);
    const story: ClientStory = { flowId, picture, objectKey: null, accepted: false, harm: null };
    const { digest, disk, nature } = ports;
    void runClient(story, { nature, life, http: ports.http(life), digest, objects: disk.objects });
    return story;
  });
}
