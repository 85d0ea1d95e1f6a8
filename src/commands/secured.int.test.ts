import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { json, temporaryDirectory, tool } from "./run-tool.samples.ts";

// Contexts whose Kafka wants TLS: with a user, by each mechanism, or with a client's certificate.

const servers = inject("servers");
const { KAFKA_CERTIFIED_BROKERS, KAFKA_SECRETS, KAFKA_SECURED_BROKERS, RABBIT_HOST } = servers;
const secrets = KAFKA_SECRETS ?? "";
const areThere = KAFKA_SECRETS !== undefined && RABBIT_HOST !== undefined;
const ca = join(secrets, "ca.pem");
const rabbitmq = {
  ...{ host: RABBIT_HOST, port: Number(servers["RABBIT_PORT"]), username: servers["RABBIT_USER"] },
  password: { variable: "RABBIT_PASS" },
};
const password = { file: join(secrets, "password") };
const sasl = (mechanism: string) => ({ mechanism, username: "tu-analyze", password });

/** The leg of Kafka in a context that says this. */
async function kafkaLeg(kafka: object) {
  const cwd = await temporaryDirectory();
  const contexts = { secured: { kafka, rabbitmq } };
  await writeFile(join(cwd, ".tu-analyzerc.json"), JSON.stringify({ contexts }));
  const tested = await tool(["context", "test", "secured", "-o", "json"], { cwd, env: servers });
  const { legs } = json(tested) as { legs: { name: string; problem: unknown }[] };
  return { leg: legs.find(({ name }) => name === "kafka"), printed: tested.stdout + tested.stderr };
}

test.skipIf(!areThere).each(["plain", "scram-sha-256", "scram-sha-512"])(
  "records go both ways over TLS with SASL %s",
  async (mechanism) => {
    const kafka = { brokers: [KAFKA_SECURED_BROKERS], tls: { ca }, sasl: sasl(mechanism) };
    expect((await kafkaLeg(kafka)).leg).toMatchObject({ problem: null });
  },
);

test.skipIf(!areThere)("records go both ways with a client's certificate", async () => {
  const tls = { ca, cert: join(secrets, "client.crt"), key: join(secrets, "client.key") };
  const { leg } = await kafkaLeg({ brokers: [KAFKA_CERTIFIED_BROKERS], tls });
  expect(leg).toMatchObject({ problem: null });
});

test.skipIf(!areThere)("a client without its certificate is not let in", async () => {
  const { leg } = await kafkaLeg({ brokers: [KAFKA_CERTIFIED_BROKERS], tls: { ca } });
  expect(leg).toMatchObject({ problem: { code: "E_SERVICE_UNAVAILABLE" } });
});

test.skipIf(!areThere)("a wrong password is refused, and not printed", async () => {
  const wrong = { command: "echo wr0ng-passw0rd" };
  for (const mechanism of ["plain", "scram-sha-512"]) {
    const kafka = { brokers: [KAFKA_SECURED_BROKERS], tls: { ca } };
    const given = { ...kafka, sasl: { ...sasl(mechanism), password: wrong } };
    const { leg, printed } = await kafkaLeg(given);
    expect(leg).toMatchObject({ problem: { code: "E_ACCESS_REFUSED" } });
    expect(printed).not.toContain("wr0ng-passw0rd");
  }
});

test.skipIf(!areThere)("a server whose authority is not trusted is not used", async () => {
  const kafka = { brokers: [KAFKA_SECURED_BROKERS], tls: true, sasl: sasl("plain") };
  expect((await kafkaLeg(kafka)).leg).toMatchObject({
    problem: { code: "E_SERVICE_UNAVAILABLE", reason: expect.stringContaining("certificate") },
  });
});
