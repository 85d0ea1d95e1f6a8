import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { createServer } from "node:tls";
import { inspect, promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { openWire } from "../testing/wire.ts";
import { createRabbitBroker } from "./broker.ts";
import { openBroker, patience } from "./testing/opened.ts";
import { manage, openVhost, rabbit } from "./testing/server.ts";

const refused = { code: "E_ACCESS_REFUSED" };
const onError = () => undefined;

describe.skipIf(!rabbit.isThere)("access to RabbitMQ", () => {
  let vhost: Awaited<ReturnType<typeof openVhost>>;
  const user = `tu-test-${randomBytes(6).toString("hex")}`;
  const password = "hunter2/%ü";
  const mayRead = { configure: "^$", write: "^$", read: ".*" };
  beforeAll(async () => {
    vhost = await openVhost();
    await manage("PUT", `users/${user}`, { password, tags: "" });
    await manage("PUT", `permissions/${vhost.path}/${user}`, mayRead);
  });
  afterAll(async () => {
    await manage("DELETE", `users/${user}`);
    await vhost.remove();
  });

  async function failureOf(given: object): Promise<unknown> {
    const options = { ...rabbit.address, vhost: vhost.name, onError, ...given };
    return createRabbitBroker(options).then(
      () => "connected",
      (error: unknown) => error,
    );
  }

  test("a wrong password is refused, and told nowhere", async () => {
    const secret = "correct horse";
    const error = await failureOf({ user, password: secret });
    expect(error).toMatchObject({ ...refused, message: expect.stringContaining("password") });
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(secret);
  });

  test("a virtual host that is missing, or another's, is refused by its name", async () => {
    for (const given of [{ vhost: "nowhere" }, { user, password, vhost: "/" }]) {
      const error = await failureOf(given);
      expect(error).toMatchObject({ ...refused, message: expect.stringContaining(given.vhost) });
    }
  });

  test("nobody at the address is a service that is not there", async () => {
    const wire = await openWire("127.0.0.1:1");
    const nobody = { host: "127.0.0.1", port: wire.port };
    expect(await failureOf(nobody)).toMatchObject({ code: "E_SERVICE_UNAVAILABLE" });
    wire.fallSilent();
    expect(await failureOf(nobody)).toMatchObject({ code: "E_SERVICE_UNAVAILABLE" });
    wire.close();
    expect(await failureOf(nobody)).toMatchObject({ code: "E_SERVICE_UNAVAILABLE" });
  });

  test("what a user may not do is refused, and the rest goes on", async () => {
    const { broker, publish, queue } = await openBroker({ user, password, vhost: vhost.name });
    await expect(queue()).rejects.toMatchObject(refused);
    await expect(publish("x", "a", { exchange: "amq.fanout" })).rejects.toMatchObject(refused);
    const exchanges = [{ name: "amq.fanout", type: "fanout" as const }];
    expect(await broker.check({ exchanges: [], queues: [] })).toEqual({ missing: [] });
    await expect(broker.check({ exchanges, queues: [] })).rejects.toMatchObject(refused);
    await broker.close();
  });

  test("a password that changes during an outage is reported, once, and tried again", async () => {
    const wire = await openWire(`${rabbit.address.host}:${rabbit.address.port}`);
    const place = { vhost: vhost.name, host: "127.0.0.1", port: wire.port };
    const { broker, errors, reached } = await openBroker({ ...place, user, password });
    wire.cut();
    await reached("lost");
    await manage("PUT", `users/${user}`, { password: "another", tags: "" });
    wire.mend();
    await expect.poll(() => errors.length, patience).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 1000)); // two more attempts
    expect(errors).toMatchObject([refused]);
    await manage("PUT", `users/${user}`, { password, tags: "" });
    await reached("lost", "back");
    await broker.close();
    wire.close();
  });

  test("TLS with a certificate of ours, in PEM; a broker that nobody vouches for is refused", async () => {
    const { directory, remove } = await createTemporaryDirectory();
    const files = ["key.pem", "cert.pem"].map((name) => join(directory, name));
    const [keyFile = "", certFile = ""] = files;
    const name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    await promisify(execFile)("openssl", [
      ...[...made, "-nodes", "-days", "2", ...name],
      ...["-keyout", keyFile, "-out", certFile],
    ]);
    const [key, cert] = await Promise.all(files.map((file) => readFile(file)));
    const clients: boolean[] = [];
    const server = createServer(
      { key, cert, ca: cert, requestCert: true, rejectUnauthorized: true },
      (near) => {
        clients.push(near.authorized);
        const far = connect(rabbit.address);
        near.pipe(far).pipe(near);
        for (const socket of [near, far])
          socket
            .on("error", () => undefined)
            .on("close", () => [near, far].map((one) => one.destroy()));
      },
    );
    server.on("tlsClientError", () => undefined);
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo; // it listens on a port
    const place = { host: "localhost", port, vhost: vhost.name };
    const tls = {
      ca: String(cert),
      cert: new Uint8Array(cert ?? []),
      key: new Uint8Array(key ?? []),
    };
    const { broker, publish, queue } = await openBroker({ ...place, tls });
    const queueName = await queue();
    expect(await publish(queueName, "a")).toEqual({ routed: true });
    await broker.close();
    expect(clients).toEqual([true, true]);
    for (const untrusted of [
      { ...tls, ca: undefined },
      { ca: tls.ca },
      { ...tls, servername: "x" },
    ]) {
      const error = await failureOf({ ...place, tls: untrusted });
      expect(error).toMatchObject({ code: "E_SERVICE_UNAVAILABLE" });
    }
    server.close();
    await remove();
  });
});
