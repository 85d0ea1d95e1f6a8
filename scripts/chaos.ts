// R5 to R8 and R13 on real servers: npm run chaos -- [--cycles 20] [--messages 1000000] [--seed 1]
// [--in-flight 30] [--minutes 3] [--servers kafka,rabbitmq,s3] [--only cut]
// Kafka, RabbitMQ and S3 with data of their own, disturbed under the pipeline in a process of its own; then an account
// of every accepted upload.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createSystemClock } from "../src/adapters/memory/clock.ts";
import { createS3ObjectStore } from "../src/adapters/s3/object-store.ts";
import { createRandom } from "../src/simulation/scheduler.ts";
import { bridgeWithFaults } from "./chaos/bridge.ts";
import { type Cluster, openCluster } from "./chaos/cluster.ts";
import { type Cycle, faults, runCycle } from "./chaos/outages.ts";
import { startPipeline } from "./chaos/pipeline.ts";
import { startUploader, type Uploader } from "./chaos/uploader.ts";
import { makePictures } from "./kill/pictures.ts";
import { verify } from "./kill/verify.ts";
import { openServers } from "./services/open-servers.ts";

const { values } = parseArgs({
  options: {
    cycles: { type: "string", default: "20" },
    /** No cycle begins after that; what is left out is said. */
    minutes: { type: "string", default: "Infinity" },
    "in-flight": { type: "string", default: "30" },
    messages: { type: "string", default: "1000000" },
    /** Where the servers keep their data: two runs at a time need two places. */
    data: { type: "string", default: "chaos" },
    servers: { type: "string", default: "kafka,rabbitmq,s3" },
    seed: { type: "string", default: "1" },
    /** Words, separated by commas, of what is done to them. */
    only: { type: "string", default: "" },
  },
});
const pictureCount = 100;
const root = join(import.meta.dirname, "..", ".cache", values.data);

const directory = await mkdtemp(join(tmpdir(), "chaos-"));
for (const leftOver of openServers(root)) await leftOver.stop();
await rm(root, { recursive: true, force: true });
await mkdir(root, { recursive: true });
const cluster = await openCluster(root);
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void cluster.close().finally(() => process.exit(1)));
try {
  const problems = [...(await outages(cluster)), ...(await bridge(cluster))];
  for (const problem of problems) console.log(problem);
  console.log(`${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
  if (problems.length === 0) await rm(directory, { recursive: true });
  else console.log(`what it left is in ${directory}`);
} finally {
  await cluster.close();
}

async function bridge(on: Cluster): Promise<readonly string[]> {
  const messages = Number(values.messages);
  if (messages === 0) return [];
  const random = createRandom(Number(values.seed) + 2);
  return bridgeWithFaults({ cluster: on, directory, messages, random });
}

/** Mixed, so that one outage follows another one of any kind. */
function cyclesOf(times: number): readonly Cycle[] {
  const random = createRandom(Number(values.seed));
  const words = values.only === "" ? [] : values.only.split(",");
  const kinds = faults
    .flatMap((fault) => fault.places.map((place) => ({ fault, place })))
    .filter(({ place }) => values.servers.split(",").includes(place))
    .filter(({ fault }) => words.every((word) => fault.name.includes(word)));
  return Array.from({ length: times }, () => kinds)
    .flat()
    .map((cycle) => ({ cycle, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ cycle }) => cycle);
}

async function outages(on: Cluster): Promise<readonly string[]> {
  if (Number(values.cycles) === 0) return [];
  const answers = join(directory, "answers");
  const pictures = await makePictures(join(directory, "pictures"), answers, pictureCount);
  const pipeline = await startPipeline({ directory, answers, variables: on.variables });
  const inFlight = Number(values["in-flight"]);
  const uploader = await startUploader({ url: pipeline.url, pictures, inFlight });
  const random = createRandom(Number(values.seed) + 1);
  const problems: string[] = [];
  console.log(await undisturbed(uploader));
  const recoveries = new Map<string, number[]>();
  const cycles = cyclesOf(Number(values.cycles));
  const until = performance.now() + Number(values.minutes) * 60_000;
  let done = 0;
  for (const cycle of cycles) {
    if (performance.now() > until) break;
    done += 1;
    const result = await runCycle(cycle, { cluster: on, pipeline, uploader, random });
    console.log(`${done}. ${result.text}`);
    for (const problem of result.problems.slice(0, 5)) console.log(`   ✖ ${problem}`);
    problems.push(...result.problems);
    const kind = `${cycle.place} ${cycle.fault.name}`;
    recoveries.set(kind, [...(recoveries.get(kind) ?? []), result.recoveryMs]);
  }
  console.log(`${done} of ${cycles.length} cycles`);
  await uploader.stop();
  const late = await uploader.ended([...uploader.inFlight], 60_000);
  problems.push(...late.map((id) => `${id} had not ended at the end`));
  problems.push(...uploader.problems);
  await uploader.close();
  problems.push(...(await pipeline.stop()));
  const objectKeys = await objectsIn(on);
  const outcome = await verify(pipeline.stateDir, uploader.accepted, { objectKeys });
  problems.push(...outcome.violations);
  for (const [kind, ms] of [...recoveries].sort()) console.log(summary(kind, ms));
  const { completed, failed } = outcome;
  console.log(`${uploader.accepted.size} accepted; ${completed} completed and ${failed} failed`);
  return problems;
}

/** What the recoveries are to be compared with. */
async function undisturbed(uploader: Uploader): Promise<string> {
  await wait(2000);
  uploader.latencies();
  await wait(5000);
  const sorted = uploader.latencies().toSorted((a, b) => a - b);
  const [half, most] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  const rate = (sorted.length / 5).toFixed(0);
  return `undisturbed: ${rate} flows/s, half of them within ${half?.toFixed(0)} ms, all within ${most?.toFixed(0)} ms`;
}

function summary(kind: string, ms: readonly number[]): string {
  const sorted = ms.toSorted((a, b) => a - b).map((one) => (one / 1000).toFixed(1));
  const over = ms.filter((one) => one > 10_000).length;
  const median = sorted[Math.floor(sorted.length / 2)];
  return `${kind}: ${ms.length} times, median ${median} s, most ${sorted.at(-1)} s, ${over} over 10 s`;
}

async function objectsIn({ direct }: Cluster): Promise<ReadonlySet<string>> {
  const of = (name: string) => direct[name] ?? "";
  const store = await createS3ObjectStore({
    endpoint: `http://${of("Minio__Endpoint")}`,
    ...{ region: of("Minio__Region"), bucket: of("Minio__BucketName") },
    ...{ accessKey: of("Minio__AccessKey"), secretKey: of("Minio__SecretKey") },
    clock: createSystemClock(),
  });
  const keys = new Set((await store.list()).map(({ key }) => key));
  store.close();
  return keys;
}
