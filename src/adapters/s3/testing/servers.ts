import { randomBytes } from "node:crypto";
import { Client } from "minio";
import type { S3ObjectStoreOptions } from "../object-store.ts";

export type TestServer = {
  /** Of `npm run services`. */
  readonly name: string;
  /** `host:port`. */
  readonly address: string;
  /** What opens a store, but for the bucket and the clock. */
  readonly access: Pick<S3ObjectStoreOptions, "endpoint" | "region" | "accessKey" | "secretKey">;
};

/** Each server with the beginning of its variables' names. */
const prefixes: Readonly<Record<string, string>> = { s3: "Minio__", versitygw: "Versitygw__" };

/** Those that there are, by their variables. */
export function testServers(variables: Readonly<Record<string, string>>): readonly TestServer[] {
  return Object.entries(prefixes).flatMap(([name, prefix]) => {
    const read = (variable: string) => variables[`${prefix}${variable}`] ?? "";
    const address = read("Endpoint");
    if (address === "") return [];
    const scheme = read("UseSsl") === "true" ? "https" : "http";
    const access = {
      endpoint: `${scheme}://${address}`,
      region: read("Region"),
      accessKey: read("AccessKey"),
      secretKey: read("SecretKey"),
    };
    return [{ name, address, access }];
  });
}

/** A bucket of its own for one test, if it makes it, and what it takes to remove it. */
export function ownBucket({ access }: TestServer) {
  const { hostname, port, protocol } = new URL(access.endpoint);
  const client = new Client({
    ...{ ...access, endPoint: hostname, port: Number(port), useSSL: protocol === "https:" },
  });
  const bucket = `tu-test-${randomBytes(8).toString("hex")}`;
  const namesIn = async (of: string) => {
    const names: string[] = [];
    for await (const { name } of client.listObjects(of, "", true)) names.push(name);
    return names;
  };
  return {
    bucket,
    client,
    async remove(): Promise<void> {
      if (!(await client.bucketExists(bucket))) return;
      // Again, since MinIO lists `a/b` only once `a` is gone.
      for (let names = await namesIn(bucket); names.length > 0; names = await namesIn(bucket))
        await client.removeObjects(bucket, names);
      await client.removeBucket(bucket);
    },
  };
}
