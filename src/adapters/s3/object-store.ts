import type { IncomingMessage } from "node:http";
import { isSignable, problemWithKey, requireObjectKey } from "../../pipeline/domain/object-key.ts";
import { TuError } from "../../pipeline/errors.ts";
import type { Clock } from "../../pipeline/ports/clock.ts";
import type { ListedObject, ObjectStore, StoredObject } from "../../pipeline/ports/object-store.ts";
import { type Connection, openConnection, type Work } from "./connection.ts";
import { type Answer, codeOf } from "./errors.ts";
import { createPresigner } from "./presigner.ts";

// Objects in a bucket of an S3 server.
//
// 1. A put asks the server to store the object only if there is none (`If-None-Match: *`). If there is one, its bytes
//    decide: an ETag is not always their MD5. So a put whose answer was lost can be repeated.
// 2. Nothing is believed to be absent because of a 404 without a body: a bucket that is missing, or credentials that
//    are not known, look the same to a HEAD.
// 3. A download has as many bytes as its answer says, or fails.
// 4. Objects under names that are no keys of ours belong to somebody else.

export type S3ObjectStoreOptions = {
  /** `http://` or `https://`, host and port: where we reach the server. */
  readonly endpoint: string;
  /** The same for the clients of presigned URLs; the endpoint by default. Its host is part of their signature. */
  readonly publicBaseUrl?: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly bucket: string;
  /** Creates the bucket if it is missing. */
  readonly createsBucket?: boolean;
  /** Certificates to trust instead of the well-known authorities, as PEM. */
  readonly ca?: string;
  /** For one request with its repetitions; 30,000 by default. A list has one request for 1000 objects. */
  readonly timeoutMs?: number;
  /** Presigned URLs expire by this clock. The server compares requests with its own. */
  readonly clock: Clock;
};

/** `close` ends the idle connections, which keep no process alive. */
type S3ObjectStore = ObjectStore & { close(): void };

type Bucket = { readonly name: string; readonly region: string; readonly connection: Connection };

const putsMax = 3;

/**
 * Opens a bucket and checks it. Beside the port's errors every method but `presign` throws E_SERVICE_UNAVAILABLE,
 * E_ACCESS_REFUSED (credentials, permissions, clock), E_STATE_UNUSABLE (bucket, region) and E_STATE_FULL; opening
 * also E_CONFIG. A key with a part that is a single dot has no place here, nor has `a/b` beside `a`.
 */
export async function createS3ObjectStore(options: S3ObjectStoreOptions): Promise<S3ObjectStore> {
  const { accessKey, clock, region, secretKey } = options;
  for (const name of ["region", "accessKey", "secretKey"] as const)
    if (options[name] === "")
      throw new TuError("E_CONFIG", `the ${name} of the object storage is missing`);
  const bucketName = checkedBucket(options.bucket);
  const endpoint = checkedUrl("endpoint", options.endpoint);
  const publicBaseUrl = checkedUrl("publicBaseUrl", options.publicBaseUrl ?? options.endpoint);
  const shared = { region, accessKey, secretKey, bucket: bucketName };
  const connection = await openConnection({
    ...{ ...shared, endpoint, timeoutMs: options.timeoutMs ?? 30_000 },
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });
  const presign = createPresigner({ ...shared, publicBaseUrl, clock });
  const bucket: Bucket = { name: bucketName, region, connection };
  await openBucket(bucket, options.createsBucket ?? false);
  return {
    async put(key, bytes, { contentType }) {
      requirePlace(key);
      if (!isSignable(contentType))
        throw new TuError("E_USAGE", `${JSON.stringify(contentType)} is not a content type`);
      // Synchronously: the caller may reuse its buffer.
      return putWhole(bucket, { key, contentType, sizeBytes: bytes.length }, Buffer.from(bytes));
    },
    get: async (key) => (hasPlace(key) ? find(bucket, key) : undefined),
    stat: async (key) => (hasPlace(key) ? describe(bucket, key) : undefined),
    async delete(key) {
      if (!hasPlace(key)) return;
      await connection.run(`deleting ${key}`, (client) => client.removeObject(bucketName, key));
    },
    list: () => listAll(bucket),
    presign(request) {
      requirePlace(request.key);
      return presign(request);
    },
    close: connection.close,
  };
}

/** Some servers refuse `a/./b`, others take it for `a/b`. */
function hasPlace(key: string): boolean {
  return problemWithKey(key) === undefined && !key.split("/").includes(".");
}

function requirePlace(key: string): void {
  requireObjectKey(key);
  if (hasPlace(key)) return;
  throw new TuError("E_OBJECT_KEY_INVALID", `${key} has no place in an object storage`, {
    hint: "use a key without parts that are a single dot",
  });
}

function checkedBucket(name: string): string {
  if (/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name)) return name;
  throw new TuError("E_CONFIG", `${JSON.stringify(name)} is not the name of a bucket`, {
    hint: "use 3 to 63 small letters, digits, - and ., beginning and ending with a letter or digit",
  });
}

function checkedUrl(name: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isBase =
    url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
  if (isBase) return url;
  // It may contain a password.
  throw new TuError(
    "E_CONFIG",
    `the ${name} of the object storage must be a URL of scheme, host and port`,
    {
      hint: "write it like http://127.0.0.1:9000 or https://objects.example.com",
    },
  );
}

async function openBucket(bucket: Bucket, mayCreate: boolean): Promise<void> {
  const isThere = await askForBucket(bucket, { mayBeMissing: mayCreate });
  if (isThere) return;
  const { connection, name, region } = bucket;
  await connection.run(`creating the bucket ${name}`, (client) =>
    unless("BucketAlreadyOwnedByYou", client.makeBucket(name, region)),
  );
}

/** False only if it may be missing. A GET: a HEAD would not say what is wrong. */
function askForBucket(
  { connection, name }: Bucket,
  { mayBeMissing = false } = {},
): Promise<boolean> {
  return connection.run(`opening the bucket ${name}`, async (client) => {
    const listed = client.listObjectsQuery(name, "", "", { Delimiter: "", MaxKeys: 1 });
    const found = await (mayBeMissing ? unless("NoSuchBucket", listed) : listed);
    return found !== undefined;
  });
}

/** Undefined if the server answers with this code. */
async function unless<T>(code: string, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === code) return undefined;
    throw error;
  }
}

type Whole = StoredObject & { readonly bytes: Uint8Array };

async function putWhole(
  bucket: Bucket,
  wanted: StoredObject,
  bytes: Buffer,
): Promise<StoredObject> {
  const { key } = wanted;
  for (let puts = 0; puts < putsMax; puts += 1) {
    if (await isPut(bucket, wanted, bytes)) return wanted;
    const there = await find(bucket, key);
    if (there !== undefined) return sameOrRefused(there, bytes);
  }
  throw new TuError("E_SERVICE_UNAVAILABLE", `${key} was put and deleted by others meanwhile`);
}

/** False: there is an object, or somebody else is putting one. */
async function isPut(
  { connection, name }: Bucket,
  { contentType, key, sizeBytes }: StoredObject,
  bytes: Buffer,
): Promise<boolean> {
  return connection.run(`putting ${key}`, async (client) => {
    const headers = { "content-type": contentType, "if-none-match": "*" };
    try {
      await client.putObject(name, key, bytes, sizeBytes, headers);
      return true;
    } catch (error) {
      if (["PreconditionFailed", "ConditionalRequestConflict"].includes(codeOf(error)))
        return false;
      throw error;
    }
  });
}

function sameOrRefused({ bytes: there, ...stored }: Whole, bytes: Buffer): StoredObject {
  if (bytes.equals(there)) return stored;
  throw new TuError("E_OBJECT_EXISTS", `${stored.key} is already stored with different bytes`);
}

function find({ connection, name }: Bucket, key: string): Promise<Whole | undefined> {
  return connection.run(`getting ${key}`, async (client, answered) => {
    const stream = await unless("NoSuchKey", client.getObject(name, key));
    if (stream === undefined) return undefined;
    const stored = describedBy(answered(), key);
    // The client passes the response on.
    return { ...stored, bytes: await readWhole(stream as IncomingMessage) };
  });
}

async function describe(bucket: Bucket, key: string): Promise<StoredObject | undefined> {
  const { connection, name } = bucket;
  const ask: Work<StoredObject | undefined> = async (client, answered) => {
    try {
      await client.statObject(name, key);
      return describedBy(answered(), key);
    } catch (error) {
      if (answered()?.status === 404) return undefined;
      throw error;
    }
  };
  const looked = connection.run(`looking at ${key}`, ask);
  const stored = await looked.catch(() => undefined); // is thrown below
  if (stored === undefined) await askForBucket(bucket); // knows more: its answer has a body
  return looked;
}

function describedBy(answer: Answer | null, key: string): StoredObject {
  const { "content-length": length, "content-type": contentType } = answer?.headers ?? {};
  if (length === undefined || !/^\d+$/.test(length)) throw new Error("an answer without a length");
  return { key, contentType: contentType ?? "application/octet-stream", sizeBytes: Number(length) };
}

/** Node fails a body that ends before its length. */
async function readWhole(stream: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer); // no encoding is set
  const { buffer, byteOffset, length } = Buffer.concat(chunks);
  return new Uint8Array(buffer, byteOffset, length);
}

async function listAll({ connection, name }: Bucket): Promise<readonly ListedObject[]> {
  const found: ListedObject[] = [];
  for (let after: string | undefined = ""; after !== undefined; ) {
    const marker: string = after;
    // Not its listObjectsV2: it reads the key `007` as the number 7, and continues after the wrong one.
    const page = await connection.run(`listing ${name}`, (client) =>
      client.listObjectsQuery(name, "", marker, { Delimiter: "", MaxKeys: 1000 }),
    );
    for (const { name: key, size } of page.objects)
      if (key !== undefined && hasPlace(key)) found.push({ key, sizeBytes: size ?? 0 });
    after = page.isTruncated === true ? page.nextMarker : undefined;
    if (after !== undefined && after <= marker)
      throw new TuError("E_SERVICE_UNAVAILABLE", `listing ${name} does not get beyond ${marker}`);
  }
  return found.sort((a, b) => (a.key < b.key ? -1 : 1));
}
