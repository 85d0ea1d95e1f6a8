import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { createS3ObjectStore } from "./object-store.ts";
import { ownBucket, testServers } from "./testing/servers.ts";

const servers = testServers(inject("servers"));
const clock = { nowMs: () => Date.now(), sleep: () => Promise.reject(new Error("never called")) };

/** A certificate that signs itself, for this name. */
async function certificateFor(name: string) {
  const { directory, remove } = await createTemporaryDirectory();
  onTestFinished(remove);
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  await promisify(execFile)("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-days", "2", "-subj", "/CN=test", "-addext", `subjectAltName=${name}`],
    ...["-keyout", key, "-out", cert],
  ]);
  return { key: await readFile(key, "utf8"), cert: await readFile(cert, "utf8") };
}

/** TLS in front of a server that has none. */
async function openTlsTo(address: string, { key, cert }: { key: string; cert: string }) {
  const [host, port] = address.split(":");
  const server = createServer({ key, cert }, (asked, answer) => {
    const { headers, method, url: path } = asked;
    const passedOn = request({ host, port, headers, method, path }, (answered) => {
      answer.writeHead(answered.statusCode ?? 500, answered.rawHeaders);
      answered.pipe(answer);
    });
    asked.pipe(passedOn);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on a port
}

describe.skipIf(servers.length === 0).each(servers)("$name behind TLS", (server) => {
  const open = (endpoint: string, ca?: string) => {
    const { bucket, remove } = ownBucket(server);
    onTestFinished(remove);
    return createS3ObjectStore({
      ...{ ...server.access, endpoint, bucket, clock, createsBucket: true },
      ...(ca === undefined ? {} : { ca }),
    });
  };

  test("is used if its certificate is trusted", async () => {
    const certificate = await certificateFor("IP:127.0.0.1");
    const store = await open(await openTlsTo(server.address, certificate), certificate.cert);
    await store.put("a", Buffer.from("picture"), { contentType: "image/png" });
    const other = store.put("a", Buffer.from("other"), { contentType: "image/png" });
    await expect(other).rejects.toMatchObject({ code: "E_OBJECT_EXISTS" });
    expect(Buffer.from((await store.get("a"))?.bytes ?? []).toString()).toBe("picture");
    store.close();
  });

  test("is refused if its certificate is not trusted, or has another name", async () => {
    const certificate = await certificateFor("DNS:elsewhere.example");
    const endpoint = await openTlsTo(server.address, certificate);
    for (const ca of [undefined, certificate.cert])
      await expect(open(endpoint, ca)).rejects.toMatchObject({
        code: "E_SERVICE_UNAVAILABLE",
        hint: expect.stringContaining("certificate"),
      });
  });
});
