// Apache Kafka, one node in KRaft mode, from Maven.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Place, Ports, Service } from "./service.ts";

const run = promisify(execFile);

const version = "4.1.1";
const binding = "1.7.36"; // of slf4j, the major version that Kafka is built with

export const kafka: Service = {
  name: "kafka",
  needs: [
    { command: "java", package: "default-jre-headless" },
    { command: "mvn", package: "maven" },
    { command: "openssl", package: "openssl" },
  ],
  portNames: ["broker", "controller", "secured", "certified", "behind", "way"],
  variableNames: ["KAFKA_BROKERS"],
  variables: ({ broker, certified, secured }, directory) => ({
    KAFKA_BROKERS: `127.0.0.1:${broker}`,
    // For trying TLS: with a user and a password, or with a certificate for clients.
    KAFKA_SECURED_BROKERS: `127.0.0.1:${secured}`,
    KAFKA_CERTIFIED_BROKERS: `127.0.0.1:${certified}`,
    KAFKA_SECRETS: secretsOf({ directory }),
  }),
  install,
  async prepare(place) {
    const settings = join(place.directory, "server.properties");
    await makeSecrets(place);
    await writeFile(settings, settingsOf(place), { mode: 0o600 });
    const java = (heap: string, args: readonly string[]) => [
      `-Xmx${heap}`,
      "-cp",
      join(place.cache, version, "*"),
      ...args,
    ];
    if (!existsSync(join(dataOf(place), "meta.properties")))
      await run("java", java("256m", formatting(place, settings)));
    return {
      command: "java",
      args: java("512m", ["kafka.Kafka", settings]),
      isUp: (output) => output.includes("Kafka Server started"),
    };
  },
};

function formatting(place: Place, settings: string): readonly string[] {
  const users = ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
    "--add-scram",
    `${mechanism}=[name=${user},password=${passwordOf(place)}]`,
  ]);
  const id = "dHUtYW5hbHl6ZS1rYWZrYQ"; // 16 bytes in Base64
  return ["kafka.tools.StorageTool", "format", "-t", id, "-c", settings, ...users];
}

function dataOf({ directory }: Pick<Place, "directory">): string {
  return join(directory, "data");
}

/**
 * A broker sends its clients to the address that it advertises. Who comes by `behind` is sent to `way`, where
 * something may listen that passes on, or does not, what comes for `behind`.
 */
function listenersOf({ behind, broker, certified, controller, secured, way }: Ports) {
  const at = (name: string, port: number | undefined) => `${name}://127.0.0.1:${port}`;
  const direct = [at("PLAINTEXT", broker), at("SECURED", secured), at("CERTIFIED", certified)];
  return {
    listeners: [...direct, at("BEHIND", behind), at("CONTROLLER", controller)].join(","),
    "advertised.listeners": [...direct, at("BEHIND", way)].join(","),
    "listener.security.protocol.map":
      "PLAINTEXT:PLAINTEXT,BEHIND:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL,CERTIFIED:SSL",
    "inter.broker.listener.name": "PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "controller.quorum.voters": `1@127.0.0.1:${controller}`,
  };
}

/** With a user and a password, by every mechanism, or with a certificate of our authority. */
function securedBy(place: Place) {
  const scram = `${login}.scram.ScramLoginModule required;`;
  return {
    "listener.name.secured.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    "listener.name.secured.plain.sasl.jaas.config": `${login}.plain.PlainLoginModule required user_${user}="${passwordOf(place)}";`,
    "listener.name.secured.scram-sha-256.sasl.jaas.config": scram,
    "listener.name.secured.scram-sha-512.sasl.jaas.config": scram,
    "listener.name.certified.ssl.client.auth": "required",
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": join(secretsOf(place), "server.pem"),
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": join(secretsOf(place), "ca.pem"),
  };
}

/** A single broker replicates nothing, and tests wait neither for members nor for the log cleaner. */
function settingsOf(place: Place): string {
  const settings = {
    "process.roles": "broker,controller",
    "node.id": 1,
    ...listenersOf(place.ports),
    ...securedBy(place),
    "log.dirs": dataOf(place),
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    "auto.create.topics.enable": false,
    "log.cleaner.backoff.ms": 100,
    "log.initial.task.delay.ms": 100,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

const user = "tu-analyze";
const login = "org.apache.kafka.common.security";

/** Certificates in PEM, and the user's password. */
const secretsOf = ({ directory }: Pick<Place, "directory">) => join(directory, "secrets");
const passwordOf = (place: Pick<Place, "directory">) =>
  readFileSync(join(secretsOf(place), "password"), "utf8");

/** An authority, and a certificate of it for the server and for clients. Made once. */
async function makeSecrets(place: Place): Promise<void> {
  const directory = secretsOf(place);
  const file = (name: string) => join(directory, name);
  if (existsSync(file("server.pem"))) return;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(file("password"), randomBytes(18).toString("hex"), { mode: 0o600 });
  const key = ["-newkey", "rsa:2048", "-nodes", "-days", "3650"];
  const openssl = (...args: readonly string[]) => run("openssl", [...args]);
  await openssl(
    ...["req", "-x509", ...key, "-subj", "/CN=tu-analyze tests"],
    ...["-keyout", file("ca.key"), "-out", file("ca.pem")],
  );
  for (const name of ["server", "client"]) {
    await openssl(
      ...["req", "-x509", "-CA", file("ca.pem"), "-CAkey", file("ca.key"), ...key],
      ...["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
      ...["-addext", "basicConstraints=CA:FALSE"],
      ...["-keyout", file(`${name}.key`), "-out", file(`${name}.crt`)],
    );
  }
  const both = [
    await readFile(file("server.key"), "utf8"),
    await readFile(file("server.crt"), "utf8"),
  ];
  await writeFile(file("server.pem"), both.join(""), { mode: 0o600 });
}

/** Its archives, under their version: complete, or not there. */
async function install(cache: string): Promise<void> {
  const complete = join(cache, version);
  if (existsSync(complete)) return;
  const partial = join(cache, "partial");
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const pom = join(cache, "pom.xml");
  await writeFile(pom, project);
  const copy = ["dependency:copy-dependencies", "-DincludeScope=runtime"];
  await run("mvn", ["-q", "-B", "-f", pom, ...copy, `-DoutputDirectory=${partial}`]);
  await rename(partial, complete);
}

const dependency = (groupId: string, artifactId: string, of: string) =>
  `<dependency><groupId>${groupId}</groupId><artifactId>${artifactId}</artifactId><version>${of}</version></dependency>`;

const project = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tu-analyze</groupId><artifactId>kafka-server</artifactId><version>1</version>
  <dependencies>
    ${dependency("org.apache.kafka", "kafka_2.13", version)}
    ${dependency("org.slf4j", "slf4j-simple", binding)}
  </dependencies>
</project>
`;
