// Apache Kafka, one node in KRaft mode, from Maven.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
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
  ],
  portNames: ["broker", "controller", "behind", "way"],
  variableNames: ["KAFKA_BROKERS"],
  variables: ({ broker }) => ({ KAFKA_BROKERS: `127.0.0.1:${broker}` }),
  install,
  async prepare(place) {
    const settings = join(place.directory, "server.properties");
    await writeFile(settings, settingsOf(place));
    const java = (heap: string, args: readonly string[]) => [
      `-Xmx${heap}`,
      "-cp",
      join(place.cache, version, "*"),
      ...args,
    ];
    if (!existsSync(join(dataOf(place), "meta.properties")))
      await run("java", java("256m", ["kafka.tools.StorageTool", "format", ...formatOf(settings)]));
    return {
      command: "java",
      args: java("512m", ["kafka.Kafka", settings]),
      isUp: (output) => output.includes("Kafka Server started"),
    };
  },
};

const formatOf = (settings: string) => ["-t", "dHUtYW5hbHl6ZS1rYWZrYQ", "-c", settings]; // 16 bytes in Base64

function dataOf({ directory }: Pick<Place, "directory">): string {
  return join(directory, "data");
}

/**
 * A broker sends its clients to the address that it advertises. Who comes by `behind` is sent to `way`, where
 * something may listen that passes on, or does not, what comes for `behind`.
 */
function listenersOf({ behind, broker, controller, way }: Ports) {
  return {
    listeners: `PLAINTEXT://127.0.0.1:${broker},BEHIND://127.0.0.1:${behind},CONTROLLER://127.0.0.1:${controller}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${broker},BEHIND://127.0.0.1:${way}`,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,BEHIND:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "controller.quorum.voters": `1@127.0.0.1:${controller}`,
  };
}

/** A single broker replicates nothing, and tests wait neither for members nor for the log cleaner. */
function settingsOf(place: Place): string {
  const settings = {
    "process.roles": "broker,controller",
    "node.id": 1,
    ...listenersOf(place.ports),
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
