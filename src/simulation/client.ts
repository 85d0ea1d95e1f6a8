import type { Digest } from "../pipeline/ports/digest.ts";
import type { HttpClient, HttpRequest, HttpResponse } from "../pipeline/ports/http-client.ts";
import type { ObjectStore } from "../pipeline/ports/object-store.ts";
import { type Nature, pause } from "./faults.ts";
import type { SimulationPorts } from "./process.ts";
import type { Life } from "./scheduler.ts";

/** What one client was told. `accepted`: the 202 that means that nothing may be lost from here on. */
export type ClientStory = {
  readonly flowId: string;
  readonly picture: string;
  objectKey: string | null;
  accepted: boolean;
  /** What somebody did to the stored picture behind its acceptance. */
  harm: "gone" | "changed" | null;
};

export type ClientPorts = {
  readonly nature: Nature;
  readonly life: Life;
  readonly http: HttpClient;
  readonly digest: Digest;
  /** Where the picture is stored, for somebody who does not ask us. */
  readonly objects: ObjectStore;
};

/**
 * A client outside the system: it survives the system's crashes, tries again what got no answer, and
 * sometimes confirms twice although it was heard.
 */
export async function runClient(story: ClientStory, ports: ClientPorts): Promise<void> {
  const { digest, life, nature } = ports;
  // Most come in bad weather, some behind it.
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

/** Gives the id of the upload; begins another one when the URL to store under has expired. */
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
    >; // the answer's shape is asserted by the ingestion service's own tests
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

/** Deletes the stored picture, or puts one of another brand in its place. */
async function harm(story: ClientStory, { life, nature, objects }: ClientPorts): Promise<void> {
  const { random, scheduler, weather } = nature;
  await scheduler.after(life, random() * 4 * weather().slowestMs);
  story.harm = random() < 0.4 ? "gone" : "changed";
  const key = story.objectKey ?? "";
  await objects.delete(key);
  if (story.harm === "gone") return;
  const brand = story.picture.split(" ")[0];
  const other = pictures.find((picture) => !picture.startsWith(`${brand} `)) ?? "";
  // Often of the same size, so that only the checksum tells.
  const bytes = new TextEncoder().encode(other.padEnd(story.picture.length, "x"));
  await objects.put(key, bytes, { contentType: "image/jpeg" });
}

async function untilAnswered(
  { http, life, nature }: ClientPorts,
  statuses: readonly number[],
  request: HttpRequest,
): Promise<HttpResponse> {
  for (;;) {
    const answer = await http.send(request).catch(() => undefined); // no answer: asked again
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
