import type { FlowName } from "../contracts/contract.ts";
import { checksumPattern, confirmIdOf, type ImageUploaded } from "../contracts/upload.ts";
import { recordRequest } from "../delivery/record.ts";
import type { Service } from "../delivery/service.ts";
import type { ShellPorts } from "../delivery/shell.ts";
import { objectKeyFor } from "../domain/object-key.ts";
import { TuError } from "../errors.ts";
import { callHeaders, postJson, presignedUrl } from "../http/call.ts";
import { jsonReply, probes } from "../http/replies.ts";
import { int64Member, readBody, textMember, uuidMember } from "../http/request-body.ts";
import { outageMs, silenceMs, throughOutages } from "../http/through-outages.ts";
import type { Message } from "../message.ts";
import type { Digest } from "../ports/digest.ts";
import type { EndpointReply, EndpointRequest } from "../ports/endpoint.ts";
import type { HttpClient } from "../ports/http-client.ts";
import type { UploadSession, Uploads } from "../ports/uploads.ts";
import { verifiedClaim } from "../steps/claim.ts";
import { toDotnetIso, toIso } from "../time.ts";

const name = "tu-ingestion-service";
const acceptedTypes: readonly string[] = ["image/jpeg", "image/png", "image/webp"];
const ttlSec = 300;

export type IngestionPorts = {
  readonly flow: FlowName;
  readonly shell: ShellPorts;
  readonly uploads: Uploads;
  readonly http: HttpClient;
  readonly digest: Digest;
  readonly storageUrl: () => string;
  readonly internalToken: string;
};

/**
 * The public upload API. On confirm it fetches the stored object, for which it waits while the store is away, and
 * compares size and checksum with the claim; confirming again is accepted and announces nothing new. A mismatching
 * claim is refused in flow `full`. In flow `current` it is accepted, as the deployed service accepts every claim: the
 * event then describes the stored object, and a notice and `x-claim-mismatch` (the names of the fields) report the
 * mismatch.
 */
export function createIngestion(ports: IngestionPorts): Service {
  return {
    name,
    endpoints: [
      {
        method: "POST",
        path: "/v1/uploads/start",
        hop: "POST /v1/uploads/start",
        handle: (request) => withCorrelation(request, ports, start),
      },
      {
        method: "POST",
        path: "/v1/uploads/confirm",
        hop: "POST /v1/uploads/confirm",
        handle: (request) => withCorrelation(request, ports, confirm),
      },
      ...probes("Ingestion.Api"),
    ],
    handlers: {},
    prefetch: 1,
  };
}

type Step = (
  request: EndpointRequest,
  flowId: string,
  ports: IngestionPorts,
) => Promise<EndpointReply>;

async function withCorrelation(
  request: EndpointRequest,
  ports: IngestionPorts,
  step: Step,
): Promise<EndpointReply> {
  const given = request.headers["x-correlation-id"]?.trim();
  const flowId =
    given === undefined || given === "" ? ports.shell.ids.create().replaceAll("-", "") : given;
  const reply = await step(request, flowId, ports);
  return { ...reply, headers: { ...reply.headers, "x-correlation-id": flowId } };
}

const start: Step = async (request, flowId, ports) => {
  const read = readBody(request, { filename: textMember, contentType: textMember });
  if (!read.ok) return read.reply;
  const { contentType, filename } = read.body;
  const errors = {
    ...(filename.trim() === "" ? { filename: ["Filename cannot be empty"] } : {}),
    ...(acceptedTypes.includes(contentType.toLowerCase())
      ? {}
      : { contentType: ["Unsupported MIME type"] }),
  };
  if (Object.keys(errors).length > 0) return jsonReply(422, { errors });
  const { clock, ids } = ports.shell;
  const nowMs = clock.nowMs();
  const key = objectKeyFor({ filename, contentType, uuid: ids.create(), nowMs });
  const wanted = { key, contentType: contentType.toLowerCase(), ttlSec };
  const { expiresAt, url } = await presign("put", wanted, flowId, ports);
  const uploadId = ids.create();
  await ports.uploads.create({
    uploadId,
    key,
    contentType,
    createdAt: toIso(nowMs),
    status: "Pending",
    bytes: null,
    checksum: null,
  });
  return jsonReply(200, { uploadId, key, putUrl: url, expiresAt });
};

const confirmMembers = { uploadId: uuidMember, bytes: int64Member, checksum: textMember };

const confirm: Step = async (request, flowId, ports) => {
  const read = readBody(request, confirmMembers);
  if (!read.ok) return read.reply;
  const { bytes, checksum, uploadId } = read.body;
  const errors = {
    ...(bytes > 0 ? {} : { bytes: ["Must be greater than zero"] }),
    ...(checksumPattern.test(checksum)
      ? {}
      : { checksum: ["Invalid checksum format (expected sha256:<64 hex>)"] }),
  };
  if (Object.keys(errors).length > 0) return jsonReply(422, { errors });
  const session = await ports.uploads.find(uploadId);
  if (session === undefined) {
    return jsonReply(404, {
      type: "about:blank",
      title: "upload not found",
      status: 404,
      detail: `No upload session found for ID ${uploadId}.`,
    });
  }
  const stored = await storedObject(session, flowId, ports);
  if (stored === undefined) {
    return jsonReply(422, { errors: { uploadId: ["No object was stored for this upload"] } });
  }
  const claim: Claim = { bytes, checksum };
  const mismatch = mismatchOf(claim, stored);
  const accepted = jsonReply(202, { status: "Accepted" });
  const names = Object.keys(mismatch).join(", ");
  if (names === "") {
    await announce(session, claim, flowId, ports);
    return accepted;
  }
  if (ports.flow === "full") return jsonReply(422, { errors: mismatch });
  await announce(session, stored, flowId, ports);
  ports.shell.reporter.notice({
    code: "claim-mismatch",
    message: `the claim for ${session.key} does not match the stored object (${names}); the event describes the stored object`,
    flowId,
  });
  return { ...accepted, headers: { "x-claim-mismatch": names } };
};

type Claim = { readonly bytes: number; readonly checksum: string };

/** The correct claim for the stored object; undefined if there is none. */
async function storedObject(
  session: UploadSession,
  flowId: string,
  ports: IngestionPorts,
): Promise<Claim | undefined> {
  const http = throughOutages(ports.http, { clock: ports.shell.clock, forMs: outageMs });
  const wanted = { key: session.key, ttlSec };
  const { url } = await presign("get", wanted, flowId, { ...ports, http });
  const headers = callHeaders({ service: name, flowId });
  const object = await http.send({ method: "GET", url, headers, silenceMs });
  if (object.status === 404) return undefined;
  if (object.status !== 200) {
    const what = `the object store answered ${object.status} for ${session.key}`;
    throw new TuError("E_FETCH_FAILED", what, { hint: "confirm again once the store works" });
  }
  return { bytes: object.body.length, checksum: `sha256:${ports.digest(object.body)}` };
}

function mismatchOf(claim: Claim, stored: Claim): Record<string, readonly string[]> {
  const isSameSize = claim.bytes === stored.bytes;
  const isSameSum = claim.checksum.toLowerCase() === stored.checksum;
  return {
    ...(isSameSize ? {} : { bytes: [`Does not match the stored object (${stored.bytes} bytes)`] }),
    ...(isSameSum ? {} : { checksum: ["Does not match the stored object"] }),
  };
}

/** Recorded before it is sent: a repeated confirm finds the record, and at most sends the same event again. */
async function announce(
  session: UploadSession,
  claim: Claim,
  flowId: string,
  ports: IngestionPorts,
): Promise<void> {
  const nowMs = ports.shell.clock.nowMs();
  const payload: ImageUploaded = {
    uploadId: session.uploadId,
    objectKey: session.key,
    contentType: session.contentType,
    ...claim,
    occurredAt: toDotnetIso(nowMs),
  };
  const cause: Message = {
    id: confirmIdOf(session.uploadId, ports.shell.ids),
    name: "confirm upload",
    kind: "request",
    flowId,
    causationId: null,
    subject: session.key,
    occurredAt: toIso(nowMs),
    producer: "graph-gateway",
    schema: "confirm-upload.v1",
    headers: {},
    payload: { uploadId: session.uploadId, ...claim },
  };
  await recordRequest(
    { name },
    cause,
    { outgoing: [{ name: "tu.images.uploaded", payload, headers: verifiedClaim }] },
    ports.shell,
  );
  await ports.uploads.markUploaded(session.uploadId, claim);
}

async function presign(
  kind: "put" | "get",
  body: Record<string, unknown>,
  flowId: string,
  { http, internalToken, storageUrl }: IngestionPorts,
): Promise<{ readonly url: string; readonly expiresAt: string }> {
  const answer = await postJson(http, {
    url: `${storageUrl()}/internal/v1/storage/presign-${kind}`,
    body,
    headers: { ...callHeaders({ service: name, flowId }), "x-internal-token": internalToken },
  });
  return presignedUrl(answer, "the storage service");
}
