// npm run bench [-- --smoke] [-- P1 P3 …]: the figures, as ratios of two sides measured in one run. A bench reports;
// it does not pass or fail. The exit code only reflects broken deliveries.
import { spawnSync } from "node:child_process";
import { bridge } from "./bridge.ts";
import { brokerFlows } from "./broker-flows.ts";
import { brokerUploads } from "./broker-uploads.ts";
import { embeddedBroker } from "./embedded-broker.ts";
import { engineThroughput } from "./engine.ts";
import { firstAnswer } from "./first-answer.ts";
import { wholeFlows } from "./flows.ts";
import { growth } from "./growth.ts";
import { type Figure, print } from "./measure.ts";
import { memory } from "./memory.ts";
import { packages } from "./packages.ts";
import { reading } from "./reading.ts";
import { onRealServers, type RealServers } from "./real-servers.ts";
import { restart, restartOn } from "./restart.ts";
import { keepingSeen } from "./seen.ts";
import { startUp } from "./start-up.ts";
import { stateSize } from "./state-size.ts";
import { uploads } from "./uploads.ts";

const args = process.argv.slice(2);
const isSmoke = args.includes("--smoke");
const wanted = args.filter((arg) => /^[DGPS]\d+$/.test(arg));
const isWanted = (id: string) => wanted.length === 0 || wanted.includes(id);

if (globalThis.gc === undefined) {
  const again = ["--expose-gc", ...process.execArgv, ...process.argv.slice(1)];
  process.exitCode = spawnSync(process.execPath, again, { stdio: "inherit" }).status ?? 1;
} else {
  console.log(`Node ${process.version}${isSmoke ? ", a smoke run: too short for figures" : ""}`);
  if (isWanted("P1")) for (const figure of await startUp(isSmoke ? 3 : 15)) print(figure);
  if (isWanted("P3")) print(await engineThroughput(isSmoke ? 1 : 7, isSmoke ? 300 : 3000));
  if (isWanted("P9")) {
    for (const figure of await memory(isSmoke ? 2000 : 100_000, isSmoke ? 2000 : 200_000))
      print(figure);
  }
  if (isWanted("P11")) print(await restart(isSmoke ? 2000 : 100_000));
  if (isWanted("G1") || isWanted("G2")) {
    const sizes = isSmoke ? [1_000, 5_000] : [1_000, 100_000, 1_000_000];
    for (const figure of await growth(sizes, isSmoke ? 1_000 : 100_000)) print(figure);
  }
  if (isWanted("G3")) for (const figure of await stateSize(isSmoke ? 3 : 100)) print(figure);
  if (isWanted("G4")) for (const figure of await uploads(isSmoke ? 2 : 15)) print(figure);
  if (isWanted("G5")) for (const figure of await firstAnswer(isSmoke ? 1 : 15)) print(figure);
  if (isWanted("S1")) print(await keepingSeen(isSmoke ? 1 : 7, isSmoke ? 3 : 20));
  if (isWanted("D1")) print(await embeddedBroker(isSmoke ? 1 : 7, isSmoke ? 1000 : 20_000));
  if (["D2", "P5", "P6", "P7", "P11"].some(isWanted))
    for (const figure of await onRealServers("D2, P5, P6, P7, P11", realServers)) print(figure);
  if (isWanted("P12")) for (const figure of packages()) print(figure);
  // Last, because what the other sides load would affect later figures.
  if (isWanted("P2") || isWanted("P4"))
    for (const figure of await wholeFlows(isSmoke ? 1 : 5, isSmoke ? 100 : 1500)) print(figure);
}

async function realServers(servers: RealServers): Promise<readonly Figure[]> {
  const [rounds, flows, messages] = isSmoke ? [1, 10, 2_000] : [7, 100, 20_000];
  return [
    ...(isWanted("P5") ? await brokerFlows(servers, { rounds, flows }) : []),
    ...(isWanted("P6") ? await bridge(servers, { rounds, messages }) : []),
    ...(isWanted("P7")
      ? await reading(servers, { rounds, records: isSmoke ? 5_000 : 500_000 })
      : []),
    ...(isWanted("D2") ? await brokerUploads(servers, { rounds, uploads: flows }) : []),
    ...(isWanted("P11") ? [await restartOn(servers, isSmoke ? 500 : 10_000)] : []),
  ];
}
