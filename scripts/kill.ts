// R4: starts the real pipeline, kills it at random times with many flows in flight, repeatedly on one state
// directory, and then accounts for every accepted upload: npm run kill -- [--times 100] [--in-flight 256] [--seed 1]
// [--pair] With `--pair` two processes share the directory, and the survivor takes over each time.
import { type ChildProcess, fork } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { createRandom, type Random } from "../src/simulation/scheduler.ts";
import { makePictures } from "./kill/pictures.ts";
import { type Order, runUploader, type Said } from "./kill/uploader.ts";
import { type Outcome, openJournal, verify } from "./kill/verify.ts";

const { values } = parseArgs({
  options: {
    times: { type: "string", default: "100" },
    "in-flight": { type: "string", default: "256" },
    seed: { type: "string", default: "1" },
    pair: { type: "boolean", default: false },
    /** For the children: their order, as JSON. */
    child: { type: "string" },
  },
});
const times = Number(values.times);
const inFlightMax = Number(values["in-flight"]);
const pictureCount = 100;
const patienceMs = 180_000;
/** At any time, some are still being accepted. */
const filledPart = 0.8;

if (values.child !== undefined)
  await runUploader(JSON.parse(values.child) as Order); // from this very script
else {
  const directory = await mkdtemp(join(tmpdir(), "kill-"));
  try {
    await run(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The reports of a run's children, and how they are controlled. */
type Run = {
  readonly script: string;
  readonly order: Order;
  readonly random: Random;
  readonly accepted: Set<string>;
  readonly resumed: Set<string>;
  /** How many were in flight at each kill of a process that had begun its work. */
  readonly atKill: number[];
  readonly problems: string[];
};
type Child = {
  readonly process: ChildProcess;
  /** Flows it accepted or resumed that have not ended, as far as it could report. */
  readonly inFlight: ReadonlySet<string>;
  isOpen(): boolean;
  /** Resolves when it next reports that, or has exited. */
  until(type: Said["type"]): Promise<void>;
  readonly gone: Promise<unknown>;
};

async function run(directory: string): Promise<void> {
  const startedAt = Date.now();
  const answers = join(directory, "answers");
  const pictures = await makePictures(join(directory, "pictures"), answers, pictureCount);
  const tally: Run = {
    script: await bundle(),
    order: { stateDir: join(directory, "state"), answers, pictures, inFlight: 0, seed: 0 },
    random: createRandom(Number(values.seed)),
    accepted: new Set(),
    resumed: new Set(),
    atKill: [],
    problems: [],
  };
  await (values.pair ? killOneOfTwo(tally) : killTheOne(tally));
  await finish(tally);
  print(tally, await verify(tally.order.stateDir, tally.accepted), Date.now() - startedAt);
}

function print({ accepted, atKill, problems, resumed }: Run, outcome: Outcome, ms: number): void {
  const { completed, failed, pictures, violations } = outcome;
  const all = [...problems, ...violations];
  for (const problem of all) console.log(problem);
  const sorted = atKill.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  console.log(
    [
      `${times} kills${values.pair ? " of one of two processes" : ""}`,
      `${median} flows in flight (${sorted[0]} to ${sorted.at(-1)}), ${resumed.size} resumed`,
      `${accepted.size} uploads of ${pictures} pictures accepted`,
      `${completed} completed and ${failed} failed`,
      `${all.length} lost, double or stuck`,
      `${(ms / 1000).toFixed(0)} s`,
    ].join("; "),
  );
  process.exitCode = all.length === 0 ? 0 : 1;
}

/** One process at a time: it is killed while it opens, while it resumes, or while it works. */
async function killTheOne(tally: Run): Promise<void> {
  for (let kill = 0; kill < times; kill += 1) {
    const child = start(tally, inFlightMax);
    if (kill === 0) await haveInFlight([child], inFlightMax * filledPart);
    const isEarly = kill > 0 && tally.random() < 0.25;
    if (!isEarly) await child.until("open");
    await wait(tally.random() * (isEarly ? 1500 : 2000));
    await killOne(child, tally);
  }
}

async function killOneOfTwo(tally: Run): Promise<void> {
  const share = Math.ceil(inFlightMax / 2);
  let [victim, survivor] = [start(tally, share), start(tally, share)];
  await haveInFlight([victim, survivor], inFlightMax * filledPart);
  for (let kill = 0; kill < times; kill += 1) {
    await haveInFlight([victim], share / 8);
    await wait(tally.random() * 2000);
    const takenOver = survivor.until("resumed");
    await killOne(victim, tally, survivor);
    const isTaken = await Promise.race([
      takenOver.then(() => true),
      wait(patienceMs, false, { ref: false }),
    ]);
    if (!isTaken) tally.problems.push(`kill ${kill + 1}: nobody took over`);
    const next = start(tally, share);
    await next.until("open");
    [victim, survivor] = tally.random() < 0.5 ? [survivor, next] : [next, survivor];
  }
  const last: Run = { ...tally, atKill: [] };
  await Promise.all([killOne(victim, last), killOne(survivor, last)]);
}

/** A final process finishes the rest. `verify` detects what it cannot finish. */
async function finish(tally: Run): Promise<void> {
  const child = start(tally, 0);
  await child.until("open");
  const state = await openJournal(tally.order.stateDir);
  try {
    for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += 500) {
      const { underWay } = await state.flows.count();
      if (underWay === 0) break;
      await wait(500);
    }
  } finally {
    await state.close();
  }
  child.process.send("close");
  await child.gone;
}

async function haveInFlight(children: readonly Child[], wanted: number): Promise<void> {
  const inFlight = () => children.reduce((sum, child) => sum + child.inFlight.size, 0);
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await wait(20))
    if (inFlight() >= wanted) return;
  throw new Error(`there were never ${wanted} flows in flight`);
}

async function killOne(child: Child, { atKill, problems }: Run, beside?: Child): Promise<void> {
  if (child.process.exitCode !== null) problems.push("a process ended before it was killed");
  child.process.kill("SIGKILL");
  await child.gone;
  if (child.isOpen()) atKill.push(child.inFlight.size + (beside?.inFlight.size ?? 0));
}

function start({ accepted, order, random, resumed, script }: Run, share: number): Child {
  const seed = Math.floor(random() * 2 ** 31);
  const args = ["--child", JSON.stringify({ ...order, inFlight: share, seed })];
  const child = fork(script, args, { execArgv: [] });
  const said = new EventEmitter<Record<Said["type"] | "gone", []>>();
  const inFlight = new Set<string>();
  const ended = new Set<string>();
  let isOpen = false;
  const hear = (told: Said) => {
    if (told.type === "open") isOpen = true;
    else if (told.type === "refused") console.log(`an upload was refused: ${told.reason}`);
    else if (told.type === "ended") ended.add(told.flowId);
    else inFlight.add(told.flowId);
    if (told.type === "accepted") accepted.add(told.flowId);
    if (told.type === "resumed") resumed.add(told.flowId);
    // An end may be reported before its acceptance.
    if ("flowId" in told && ended.has(told.flowId)) inFlight.delete(told.flowId);
    said.emit(told.type);
  };
  child.on("message", (message) => hear(message as Said)); // from this very script
  // Reports sent before the kill arrive before the channel ends.
  const gone = Promise.all([once(child, "exit"), once(child, "disconnect")]);
  void gone.then(() => said.emit("gone"));
  const until = async (type: Said["type"]) => {
    if (type === "open" && isOpen) return;
    const end = new AbortController();
    const { signal } = end;
    await Promise.race([once(said, type, { signal }), once(said, "gone", { signal })]);
    end.abort();
  };
  return { process: child, inFlight, isOpen: () => isOpen, until, gone };
}

/** As one file that Node runs directly: it starts in a third of the time. */
async function bundle(): Promise<string> {
  const root = join(import.meta.dirname, "..");
  const outfile = join(root, "node_modules", ".cache", "kill.mjs");
  const packages = { bundle: true, packages: "external", platform: "node", format: "esm" } as const;
  await build({ ...packages, entryPoints: [fileURLToPath(import.meta.url)], outfile });
  return outfile;
}
